"""Words about names and counts: what an error about an unknown name suggests, "1 picture", "2 pictures"."""

import difflib
from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    """``"1 picture"``, ``"1,200 pictures"``."""
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def suggestion(name: object, known: Iterable[str]) -> str:
    """``"did you mean ckplus?"`` where one of ``known`` is near ``name``, else ``"choose one of ckplus, ferm"``."""
    known = [str(one) for one in known]
    near = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known) or 'none'}"


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for the first of ``given`` that is not ``known``; ``what`` one of them is: "net", "variant"."""
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}: {suggestion(name, known)}")
