"""Which files of fer_nb a notebook or module imports: a result is out of date where one of them has changed."""

import ast
import functools
import json
from pathlib import Path

from fer_nb import paths

# They decide where results stand and how they look, not what a net learns. (Drawn faces are data.)
PRESENTATION: tuple[str, ...] = ("report", "evaluation", "drawing")
PRESENTATION += ("files", "finished", "imports", "intervals", "machine", "names", "parameters", "paths")
PRESENTATION += ("study", "study_files")

OTHER_NETS = ("nets.by_name",)  # not used by the thesis's nets
OTHER_SETS = ("data.emonas_sets",)  # not used by the thesis's data sets
SEARCH_SHOWN = ("nas.plots", "nas.drawing")  # how a search is shown


def modules(source: str, without: tuple[str, ...] = ()) -> list[str]:
    """The files of fer_nb that a notebook or module imports, directly or through one another, and itself; sorted.

    ``source`` and the result are paths relative to the checkout. ``without``: packages and modules
    that are not followed; ValueError for one that does not exist. The files are read, not imported.
    """
    for name in without:
        if not any((paths.ROOT / "fer_nb" / name.replace(".", "/")).with_suffix(end).exists() for end in ("", ".py")):
            raise ValueError(f"no package or module fer_nb.{name}: correct its name")
    found, pending = set(), {source}
    while pending:
        file = pending.pop()
        found.add(file)
        names = {name.replace(".", "/") for name in imported(paths.ROOT / file) if not _part_of(name, without)}
        files = {f"fer_nb/{name}{end}" for name in names for end in (".py", "/__init__.py", ".cpp")}
        pending |= {file for file in files - found if (paths.ROOT / file).exists()}
    return sorted(found)


def _part_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def imported(path: Path) -> frozenset[str]:
    """The modules of fer_nb that a file's imports name: ``from fer_nb.nas import cells`` -> {"nas", "nas.cells"}.

    Imports inside functions count; relative ones are not used here. Raises ValueError, with file and line, where the
    file is no Python or no notebook.
    """
    if path.suffix == ".cpp":  # kernels.cpp goes with kernels.py
        return frozenset()
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".ipynb":
            cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
            text = "\n".join("".join(cell["source"]) for cell in cells)
        return _imported_by(text)
    except SyntaxError as error:
        where = "in a cell: " if path.suffix == ".ipynb" else f"line {error.lineno}: "
        raise ValueError(f"{path}: {where}{error.msg}: correct it") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: not readable: restore it with git") from error


@functools.cache  # each notebook's files are asked for in turn, and most of them are the same
def _imported_by(text: str) -> frozenset[str]:
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return frozenset(name.removeprefix("fer_nb.") for name in names if name.startswith("fer_nb."))
