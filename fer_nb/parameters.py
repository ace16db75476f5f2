"""A notebook's parameters: read from its cell, and the values of a YAML file held against them.

papermill only warns of a parameter that the notebook does not know, and YAML 1.1 reads ``1e-3`` as text and ``off`` as
False; both are refused here. Every function raises ValueError (FileNotFoundError where the file is missing) with one
line that names file, key and remedy.
"""

import ast
import difflib
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import nbformat
import yaml


class _Loader(yaml.SafeLoader):
    """YAML in which a key stands once: plain YAML lets the last one win."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name} stands twice: delete one", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def defaults(notebook: Path) -> dict:
    """The parameters of a notebook and their defaults: the literals assigned in its cell tagged ``parameters``.

    Raises ValueError where the file is no notebook, has not exactly one such cell, or the cell holds anything else.
    """
    _expect_file(notebook)
    try:
        cells = nbformat.read(notebook, as_version=4).cells
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{notebook}: not a readable notebook: restore it with git, or save it again") from error
    tagged = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise ValueError(f"{notebook}: {len(tagged)} cells are tagged `parameters`: tag exactly one")
    found = {}
    for line in _statements(notebook, tagged[0].source):
        targets = line.targets if isinstance(line, ast.Assign) else [getattr(line, "target", None)]
        try:
            (name,) = targets
            found[name.id] = ast.literal_eval(line.value)
        except (ValueError, AttributeError, TypeError) as error:
            text = ast.unparse(line).splitlines()[0]
            raise ValueError(f"{notebook}: parameters cell: write `{text}` as `name = literal`") from error
    if not isinstance(found.get("study"), str):
        raise ValueError(f'{notebook}: parameters cell: no study: add `study = "quick"`')
    return found


def _expect_file(path: Path) -> None:
    if not path.is_file():
        near = difflib.get_close_matches(path.name, [p.name for p in path.parent.glob("*")], n=1)
        raise FileNotFoundError(f"{path}: no such file: {f'did you mean {near[0]}?' if near else 'check the path'}")


def _statements(notebook: Path, source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError as error:
        raise ValueError(f"{notebook}: parameters cell, line {error.lineno}: {error.msg}: correct it") from error


def read_parameters(path: Path) -> dict:
    """The flat keys of a YAML file as a dict; an empty file gives none.

    Raises ValueError, naming file and line, where it is no YAML, no mapping, or a key stands twice.
    """
    _expect_file(path)
    try:
        given = yaml.load(path.read_bytes(), _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else path
        raise ValueError(f"{where}: {getattr(error, 'problem', None) or 'not readable as YAML: correct it'}") from error
    if not isinstance(given or {}, dict):
        raise ValueError(f"{path}: expected lines of the form `name: value`")
    return {str(name): value for name, value in (given or {}).items()}


def read_override(text: str) -> tuple[str, object]:
    """``"seed=3"`` -> ``("seed", 3)``: the value is read as YAML. Raises ValueError where it cannot be."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(f"{text!r}: expected name=value")
    try:
        return name, yaml.load(value, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{text}: the value is not readable as YAML: quote it") from error


def check(name: str, value, known: dict) -> None:
    """Refuse (ValueError) a name that ``known`` lacks, or a value of another type than the default there.

    An int may stand for a float, a bool for nothing else; None as the default takes anything; the elements of a list
    are held against those of the default list, where it has any.
    """
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise ValueError(f"unknown parameter {name}: {hint}")
    default = known[name]
    if isinstance(default, list | tuple) and isinstance(value, list):
        for element in value if default else []:
            if not any(_fits(element, one) for one in default):
                raise ValueError(f"{name}: {_mismatch(element, default[0])}, in the list")
    elif not _fits(value, default):
        raise ValueError(f"{name}: {_mismatch(value, default)}")


def _fits(value, default) -> bool:
    if default is None:
        return True
    return type(value) is type(default) or (type(value) is int and type(default) is float)


def _mismatch(value, default) -> str:
    """What was expected, what stands there, and how to write it."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}
    found = f"expected {names.get(type(default), type(default).__name__)}, found {value!r}"
    if isinstance(default, str) and not isinstance(value, list | dict | None):
        return f'{found}: quote it, as in "off" or "1"'  # YAML 1.1 reads off, no, on, yes as booleans
    if isinstance(value, str) and type(default) in (int, float):
        return found + _as_number(value, type(default))
    if isinstance(default, list | tuple):
        return f"{found}: write [{value}]"
    return found


def _as_number(text: str, kind: type) -> str:
    """The remedy where YAML 1.1 took a number for text: ": write 1.0e-3" for ``1e-3``, "100" for ``1e2`` as an int."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if not math.isfinite(number) or (kind is int and not number.is_integer()):
        return ""
    mantissa, e, exponent = text.strip().lower().partition("e")
    if kind is int or not e:
        return f": write {kind(number)}"
    return f": write {mantissa}{'' if '.' in mantissa else '.0'}e{'' if exponent[0] in '+-' else '+'}{exponent}"


def merge(known: dict, path: Path, overrides: list[str]) -> dict:
    """The parameters that the YAML file and the ``name=value`` pairs give, checked against the notebook's (``known``).

    Raises ValueError or OSError with one line that names file or pair, key and remedy.
    """
    given = read_parameters(path)
    for name, value in given.items():
        try:
            check(name, value, known)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    pairs = [read_override(text) for text in overrides]
    for name, value in pairs:
        check(name, value, known)
    return given | dict(pairs)


def settings(kind, values: Mapping):
    """``kind``, a dataclass, with those of its fields that ``values`` has: ``settings(Protocol, globals())``.

    In a notebook the parameters cell gives the values, so no setting is named a second time.
    """
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})
