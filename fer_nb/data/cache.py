"""Parsed data kept under runs/cache/, keyed by the content of the file it came from."""

import hashlib
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_nb import paths
from fer_nb.files import replacing


def digest(path: Path) -> str:
    """The SHA-256 of a file; of a folder, that of the names and SHA-256s of the files in it."""
    if path.is_dir():
        whole = hashlib.sha256()
        for part in sorted(part for part in path.rglob("*") if part.is_file()):
            whole.update(f"{hashlib.sha256(part.read_bytes()).hexdigest()}  {part.relative_to(path)}\n".encode())
        return whole.hexdigest()
    # A large file is not read again while it is the same file, untouched: path, number, size and both times.
    stat = path.stat()
    identity = f"{path.resolve()} {stat.st_ino} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    note = paths.RUNS / "cache" / f"{hashlib.sha256(identity.encode()).hexdigest()[:16]}.sha256"
    if note.exists() and len(known := note.read_text().strip()) == 64:
        return known
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    with replacing(note) as partial:
        partial.write_text(found)
    return found


def cached(name: str, source: Path, parse: Callable[[Path], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """``parse(source)``, from the cache where the same content was parsed before; a damaged cache file is rebuilt."""
    path = paths.RUNS / "cache" / f"{name}-{digest(source)[:16]}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        arrays = parse(source)
    with replacing(path) as partial, partial.open("wb") as file:  # np.savez would add .npz to a name
        np.savez(file, **arrays)
    return arrays
