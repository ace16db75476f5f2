"""One damaged input, and what is made of it: refused clearly, rightly accepted, or failed."""

import contextlib
import io
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

REFUSED, ACCEPTED, FAILED = "refused", "accepted", "failed"
LONGEST = 700  # characters of a clear message


class Attempt(NamedTuple):
    """A damaged input.

    read: takes it in. named: an error must name one of these (file, row, key). right: whether a value that ``read``
    returned is the right one; None where none is, so that it must be refused.
    """

    kind: str
    name: str
    read: Callable[[], Any]
    named: tuple[str, ...]
    right: Callable[[Any], bool] | None = None


def judge(attempt: Attempt) -> tuple[str, str]:
    """(REFUSED, ACCEPTED or FAILED, what happened)."""
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(None):
            warnings.simplefilter("ignore")
            value = attempt.read()
            accepted = attempt.right is not None and bool(attempt.right(value))
    except (ValueError, OSError) as error:
        text = str(error)
        raw = type(error) not in (ValueError, OSError, FileNotFoundError, IsADirectoryError)
        if raw or len(text) > LONGEST or "\n" in text or not any(name in text for name in attempt.named):
            return FAILED, f"unclear: {type(error).__name__}: {text[:300]}"
        return REFUSED, text
    except Exception as error:
        return FAILED, f"traceback: {type(error).__name__}: {str(error)[:300]}"
    return (ACCEPTED, "") if accepted else (FAILED, "silent: a wrong value was accepted")


def flipped(content: bytes, place: int) -> bytes:
    """``content`` with one bit of the byte at ``place`` changed."""
    return content[:place] + bytes([content[place] ^ 1 << place % 8]) + content[place + 1 :]


def places(rng, length: int, count: int) -> list[int]:
    """``count`` places in ``length`` bytes, spread evenly and shaken."""
    return [int((i + rng.random()) * length / count) for i in range(count)]
