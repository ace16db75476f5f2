"""Files are written under a temporary name and renamed when whole: a reader finds the old one or the new one.

And locks on files, which the system frees when the process that holds them ends, however it ends.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def hold(path: Path) -> bool:
    """Share the lock on ``path`` for as long as this process lives; whether no other process holds it.

    The file is made. False also where the file system has no locks or cannot be written.
    """
    import fcntl

    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)  # never closed, but for the end of the process
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(held, fcntl.LOCK_SH)
    return False


def wait_for(path: Path) -> None:
    """Return when no process holds the lock on ``path``. Raises OSError where the file system has no locks."""
    import fcntl

    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
