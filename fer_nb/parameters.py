"""A notebook's parameters: its own, from the cell tagged ``parameters``, and what YAML files give in their place.

The files are YAML 1.2 in which a key stands once. What cannot be taken is refused by a ValueError (FileNotFoundError
where a file is missing) of one line that names file, key and remedy.
"""

import ast
import copy
import functools
import json
import reprlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fer_nb import paths
from fer_nb.names import suggestion

LARGEST = 10_000  # values in a YAML text
UNREADABLE = (ValueError, LookupError, ArithmeticError, AttributeError, TypeError)  # of 2024-99-01, of !!int ''


def defaults(notebook: Path) -> dict:
    """The parameters of a notebook and their defaults: the literals assigned in its cell tagged ``parameters``.

    Raises ValueError where the file is no notebook, has not exactly one such cell, or the cell holds anything else.
    """
    return _read(notebook, _literals)


def read_yaml(path: Path) -> dict:
    """The keys and values of a YAML file; an empty file gives none.

    Raises ValueError, naming file and line, where it is no YAML, no mapping, or a key stands twice.
    """
    return _read(path, _mapping)


def read_checked(path: Path, known: dict) -> dict:
    """``read_yaml(path)``; ValueError for a key or value that does not fit ``known`` (see ``check_fit``)."""
    given = read_yaml(path)
    try:
        check_fit(given, known)
    except ValueError as error:
        raise ValueError(f"{_shown(path)}: {error}") from error
    return given


def read_overrides(words: list[str]) -> dict:
    """``["seed=3", "model=VGG19"]`` -> ``{"seed": 3, "model": "VGG19"}``: the values are read as YAML."""
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise ValueError(f"{word!r}: expected name=value")
        if name in found:
            raise ValueError(f"{word}: {name} is given twice: delete one")
        try:
            found[name] = _yaml(value)
        except ValueError as error:
            raise ValueError(f"{word[:60]}: the value is not readable as YAML: quote it") from error
    return found


def as_word(name: str, value) -> str:
    """``"name=value"``, which ``read_overrides`` reads back."""
    try:
        plain = isinstance(value, str) and _yaml(value) == value
    except ValueError:
        plain = False
    return f"{name}={value if plain else json.dumps(value, ensure_ascii=False)}"  # YAML 1.2 contains JSON


def check_fit(given: dict, known: dict) -> None:
    """Refuse (ValueError) a name that ``known`` lacks, or a value of another type than the default there.

    An int may stand for a float. The elements of a list are of the type of the default's first one; where the default
    is empty they are text, or lists of numbers. Each stands once.
    """
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"unknown parameter {name}: {suggestion(name, known)}")
        default = known[name]
        if problem := _mismatch(value, default):
            raise ValueError(f"{name}: {problem}")
        twice = [one for one in value if value.count(one) > 1] if isinstance(value, list) else []
        if twice:
            raise ValueError(f"{name}: {twice[0]!r} stands twice in the list: delete one")


def settings(kind, values: Mapping):
    """``kind``, a dataclass, with those of its fields that ``values`` has: ``settings(Protocol, globals())``.

    In a notebook the parameters cell gives the values, so no setting is named a second time.
    """
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})


def _read(path: Path, parse) -> dict:
    if not path.is_file():
        hint = suggestion(path.name, [other.name for other in path.parent.glob("*")])
        raise FileNotFoundError(f"{_shown(path)}: no such file: {hint if 'mean' in hint else 'check the path'}")
    try:
        return copy.deepcopy(parse(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"{_shown(path)}: {error}") from error


def _shown(path: Path) -> Path:
    return path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path


@functools.cache  # a start of Snakemake asks for the same contents hundreds of times
def _literals(content: bytes) -> dict:
    """The names and values of a notebook's parameters cell. Read as JSON: nbformat takes seconds to import."""
    try:
        cells = json.loads(content)["cells"]
        tagged = ["".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("not a readable notebook: restore it with git, or save it again") from error
    if len(tagged) != 1:
        raise ValueError(f"{len(tagged)} cells are tagged `parameters`: tag exactly one")
    try:
        lines: list[Any] = ast.parse(tagged[0]).body
    except (SyntaxError, RecursionError, MemoryError) as error:  # the last two: brackets within brackets
        where = f", line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else ": too deep to read"
        raise ValueError(f"parameters cell{where}: correct it") from error
    found = {}
    for line in lines:
        try:
            (target,) = line.targets
            found[target.id] = ast.literal_eval(line.value)
        except (ValueError, AttributeError, TypeError) as error:
            text = ast.unparse(line).splitlines()[0]
            raise ValueError(f"parameters cell: write `{text}` as `name = literal`") from error
    if not isinstance(found.get("study"), str):
        raise ValueError('parameters cell: no study: add `study = "quick"`')
    return found


@functools.cache
def _mapping(content: bytes) -> dict:
    given = _yaml(content)
    given = {} if given is None else given
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
        raise ValueError("expected lines of the form `name: value`")
    return given


@functools.cache
def _yaml(content: bytes | str):
    """What YAML 1.2 makes of a text; ValueError, with the line, where it is none, or is of more than ``LARGEST``."""
    try:
        found = YAML(typ="safe", pure=True).load(content)
        _check_size(found)
        return found
    except RecursionError as error:
        raise ValueError("brackets within brackets, too deep to read: correct it") from error
    except (YAMLError, *UNREADABLE) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = error if isinstance(error, ValueError) else getattr(error, "problem", None) or "not readable as YAML"
        problem = str(problem).partition(" with value")[0]  # of a key that stands twice: as yet without the values
        raise ValueError(f"{where}{problem}: correct it") from error


def _check_size(value) -> None:
    """Raise ValueError where ``value`` is too large to look at: a few aliases in aliases make billions of values."""
    pending, seen = [value], 0
    while pending:
        one, seen = pending.pop(), seen + 1
        if seen > LARGEST:
            raise ValueError(f"more than {LARGEST:,} values")
        pending += [*one, *one.values()] if isinstance(one, dict) else one if isinstance(one, list | set) else ()


def _mismatch(value, default) -> str:
    """What is expected in place of ``value``, and how to write it; "" where it fits."""
    if isinstance(value, list) and isinstance(default, list):
        one = default[0] if default else [0.0] if value and isinstance(value[0], list) else ""
        found = next(filter(None, (_mismatch(element, one) for element in value)), "")
        return f"{found}, in the list" if found else ""
    if type(value) is type(default) or (type(value) is int and type(default) is float):
        return ""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
    remedy = ""
    if isinstance(default, str) and not isinstance(value, list | dict | None):
        remedy = ': quote it, as in "1"'
    if isinstance(default, list) and value is not None:
        remedy = f": write [{value}]"
    if isinstance(default, list) and value is None:
        remedy = ": write [] for none"
    return f"expected {names[type(default)]}, found {reprlib.repr(value)}{remedy}"
