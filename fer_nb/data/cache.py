"""Parsed data kept under runs/cache/, keyed by the content of the files read and by the source of their reader."""

import hashlib
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from fer_nb import imports, paths
from fer_nb.files import replacing, sha256

TICK_NS = 20_000_000  # two changes this far apart give a file two times: file systems' clocks tick every 10 ms or less
# What numpy raises for an npz file that is damaged, or is none.
DAMAGED = (OSError, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error)


def digest(path: Path, files: Iterable[Path] | None = None) -> str:
    """The SHA-256 of a file; of a folder, that of the names and SHA-256s of ``files`` in it (by default all)."""
    folder = path.is_dir()
    parts = sorted(_files_in(path) if files is None else files) if folder else [path]
    # Nothing is read again while these are the same files, untouched: paths, numbers, sizes and both times.
    identity, stats = str(path.resolve()), [part.stat() for part in parts]
    for part, stat in zip(parts, stats, strict=True):
        identity += f"\n{part.relative_to(path)} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    note = paths.RUNS / "cache" / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.sha256"
    with suppress(OSError, ValueError):
        if len(known := note.read_text().strip()) == 64:
            return known
    if any(abs(time.time_ns() - stat.st_ctime_ns) < TICK_NS for stat in stats):
        time.sleep(TICK_NS / 1e9)  # an edit from here on has another time
    lines = "".join(f"{sha256(part)}  {part.relative_to(path)}\n" for part in parts) if folder else ""
    found = hashlib.sha256(lines.encode()).hexdigest() if folder else sha256(path)
    with suppress(OSError), replacing(note) as partial:
        partial.write_text(found)
    return found


def _files_in(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Every file under a folder, behind symbolic links too; a link back to a folder above it is ignored."""
    real = folder.resolve()
    for path in folder.iterdir() if real not in above else ():
        if path.is_dir():
            yield from _files_in(path, (*above, real))
        elif path.is_file():
            yield path


def _digest_of(arrays: dict[str, Any]) -> str:
    """The SHA-256 of arrays with their names, types and shapes."""
    whole = hashlib.sha256()
    for name, values in sorted(arrays.items()):
        values = np.ascontiguousarray(values)
        whole.update(f"{name} {values.dtype} {values.shape}\n".encode())
        whole.update(values.data if values.dtype.kind != "U" else values.tobytes())
    return whole.hexdigest()


def cached(
    name: str, digests: Iterable[str], module: str, parse: Callable[[], dict[str, np.ndarray]]
) -> dict[str, np.ndarray]:
    """``parse()``, from the cache where the same reader has parsed the same content before.

    Args:
        name: of the data set; the cache file's name begins with it.
        digests: of every file that ``parse`` reads or uses, in a fixed order.
        module: the reader's name. Where a file of fer_nb that it rests on has changed, everything is parsed again.

    A damaged cache file is replaced, and a cache that cannot be written is left alone; one line on stderr says so. The
    file holds a digest of its arrays: one of other lengths, types or values counts as damaged.
    """
    sources = [sha256(paths.ROOT / file) for file in imports.modules(f"{module.replace('.', '/')}.py")]
    key = hashlib.sha256("\n".join([*digests, *sources]).encode()).hexdigest()
    path = paths.RUNS / "cache" / f"{name}-{key[:16]}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kept = dict(arrays)
        if str(kept.pop("digest", "")) == _digest_of(kept):
            return kept
        print(f"{path}: damaged, read again", file=sys.stderr)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except DAMAGED as error:
        print(f"{path}: damaged ({error}), read again", file=sys.stderr)
    parsed: dict[str, Any] = parse()
    try:
        with replacing(path) as partial, partial.open("wb") as file:  # np.savez would add .npz to a name
            np.savez(file, **parsed, digest=_digest_of(parsed))
    except OSError as error:
        print(f"{path}: not kept ({error.strerror}), {name} will be read again", file=sys.stderr)
    return parsed
