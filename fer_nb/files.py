"""Files are written under a temporary name and renamed when whole: a reader finds the old one or the new one."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; afterwards it takes the place of ``path``.

    Where the block raises (a disk that is full, Ctrl-C), ``path`` stays as it was and nothing is left beside it. The
    folder is made. The temporary name is hidden, ends in ``.partial`` and is another one each time, so that two
    processes may write the same file: the last one wins. It tells nothing of the file's type: writers that go by the
    suffix are told the type.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
