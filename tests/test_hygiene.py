"""What holds for every file: size, plain notebooks, known parameters, nothing of one machine."""

import ast
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from fer_nb import parameters

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PARAMETERS = sorted((ROOT / "params").glob("*/[0-9][0-9]_*.yaml"))

# Split, so that this file does not hold what it looks for.
ONE_MACHINE = re.compile("|".join(["/" + "home/", "/" + "root/", "/" + "Users/", "/" + "work/", "C:" + r"\\"]))
REGISTRY = re.compile("|".join(["--index" + "-url", "--extra-index" + "-url", "--find" + "-links", "/simple" + "/"]))


def text_files() -> list[Path]:
    """The files that git would carry: tracked or new, not ignored; all of them where this is no git checkout."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    names = done.stdout.splitlines() if done.returncode == 0 else []
    found = [ROOT / name for name in names] or [*ROOT.glob("*.*"), *ROOT.glob("[fnpt]*/**/*.*")]
    binary = (".png", ".pyc", ".webp", ".gz", ".safetensors")
    return [path for path in found if path.is_file() and path.suffix not in binary]


def cells(path: Path, kind: str) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_plain(path):
    nbformat.validate(nbformat.read(path, as_version=4))
    parameters.defaults(path)  # exactly one parameters cell, literals only
    for cell in cells(path, "code"):
        assert not cell.outputs and cell.execution_count is None, "clear the outputs before committing"
        tagged = "parameters" in cell.metadata.get("tags", [])
        assert tagged or len(cell.source.splitlines()) <= 15, cell.source
        assert not re.search(r"^\s*[%!]", cell.source, re.MULTILINE), cell.source
        logic = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try)
        assert not any(isinstance(node, logic) for node in ast.walk(ast.parse(cell.source))), cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_comment(path):
    (cell,) = (cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", []))
    assert all("# " in line for line in cell.source.splitlines()), cell.source


@pytest.mark.parametrize("path", PARAMETERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_parameter_files_fit_their_notebooks(path):
    known = parameters.defaults(ROOT / "notebooks" / f"{path.stem}.ipynb")
    given = parameters.read_checked(path, known)
    assert "study" not in given  # the folder says it
    assert ("data" in given) == ("data" in known) or (path.parent / "study.yaml").exists()  # drawn or real: written out


@pytest.mark.parametrize(
    "path", [path for path in PARAMETERS if path.parent.name == "quick"], ids=lambda path: path.stem
)
def test_a_notebook_run_by_hand_does_what_quick_does(path):
    known = parameters.defaults(ROOT / "notebooks" / f"{path.stem}.ipynb")
    given = parameters.read_yaml(path)
    assert given == {name: known.get(name) for name in given}


def test_modules_are_not_too_long():
    for path in (ROOT / "fer_nb").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 300, path


def test_nothing_of_one_machine():
    for path in text_files():
        text = path.read_text()
        assert not ONE_MACHINE.search(text), path
        assert not REGISTRY.search(text), path


def test_profiles_are_yaml():
    for path in (ROOT / "profiles").glob("*/config.yaml"):
        assert parameters.read_yaml(path), path
