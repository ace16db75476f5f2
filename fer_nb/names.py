"""Names and numbers in words: what a name may be, what an error about an unknown one suggests, "1 picture", "−0.50"."""

import difflib
import re
import reprlib
from collections.abc import Iterable

# Of studies, data sets, nets and changes: they become parts of paths, commands and pages.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{,99}")


def refuse_unfit(what: str, name: str) -> None:
    """Raise ValueError for a name that is no ``NAME``; ``what`` it is of: "study", "net"."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{what} {reprlib.repr(name)}: name it with letters, digits, _, . and -, a letter first")


def counted(number: int, noun: str) -> str:
    """``"1 picture"``, ``"1,200 pictures"``."""
    return f"{number:,} {noun}" + ("s" if number != 1 else "")


def decimal(value: float, digits: int = 2, signed: bool = False) -> str:
    """``"1,234.50"``, ``"−0.50"``: rounded to ``digits`` decimals; what rounds to zero has no sign.

    ``signed``: a plus sign before a positive value, for differences.
    """
    sign = "+" if signed and round(float(value), digits) else ""
    return f"{value:{sign}z,.{digits}f}".replace("-", "−")


def fold_rule(dataset: str) -> str:
    """A data set without the number of its fold: "ckplus-subject" of "ckplus-subject3", "ferm" of "ferm"."""
    return dataset.rstrip("0123456789") if "-" in dataset else dataset


def suggestion(name: object, known: Iterable[str]) -> str:
    """``"did you mean ckplus?"`` where one of ``known`` is near ``name``, else ``"choose one of ckplus, ferm"``."""
    known = [str(one) for one in known]
    near = difflib.get_close_matches(str(name)[:100], known, n=1)
    return f"did you mean {near[0]}?" if near else f"choose one of {', '.join(known) or 'none'}"


def refuse_unknown(what: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise ValueError for the first of ``given`` that is not ``known``; ``what`` one of them is: "net", "variant"."""
    for name in given:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}: {suggestion(name, known)}")
