"""The order of the packages, and what other files say of them."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from fer_nb import imports, paths

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "fer_nb").rglob("*.py"))
# Each imports only from those before it and from itself. First come the modules directly in fer_nb/, but for `run`.
ORDER = ["drawing", "data", "nets", "training", "evaluation", "background", "speed", "nas", "saliency", "recognise"]
ORDER += ["report", "published", "run"]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def rank(file: str) -> int:
    """The place of a file's package in ``ORDER``; -1 for what everything stands on."""
    name = file.split("/")[1].removesuffix(".py")
    return ORDER.index(name) if name in ORDER else -1


def files_imported(path: Path) -> set[str]:
    """The modules of fer_nb that a module imports, inside functions too."""
    names = {name.replace(".", "/") for name in imports.imported(path)}
    found = {f"fer_nb/{name}{end}" for name in names for end in (".py", "/__init__.py")}
    return {file for file in found if (ROOT / file).exists()}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_package_imports_only_what_comes_before_it(path):
    later = [file for file in files_imported(path) if rank(file) > rank(relative(path))]
    assert not later, f"{relative(path)} imports {', '.join(later)}: the order is base, {', '.join(ORDER)}"


def test_every_package_has_a_place_in_the_order():
    assert {path.parent.name for path in (ROOT / "fer_nb").glob("*/__init__.py")} | {"run"} == set(ORDER)


def test_no_circle():
    graph = {relative(path): files_imported(path) - {relative(path)} for path in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {' <- '.join(error.args[1])}")


def test_few_modules_stand_directly_in_the_package():
    assert len(list((ROOT / "fer_nb").glob("*.py"))) <= 12


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_functions_take_at_most_twelve_parameters(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            a = node.args
            assert len(a.posonlyargs + a.args + a.kwonlyargs) <= 12, f"{relative(path)}: {node.name}"


def test_the_workflow_names_packages_that_exist():
    everything = (*imports.PRESENTATION, *imports.OTHER_NETS, *imports.OTHER_SETS, *imports.SEARCH_SHOWN)
    assert imports.modules("fer_nb/paths.py", everything) == ["fer_nb/paths.py"]  # raises for an unknown name
    for file in re.findall(r'imports\.modules\("([^"]+)"', (ROOT / "Snakefile").read_text()):
        assert (ROOT / file).exists(), file


def test_what_a_training_run_rests_on():
    """A net of the thesis on its data: the modules that decide what it learns, and no others."""
    without = (*imports.PRESENTATION, *imports.OTHER_NETS, *imports.OTHER_SETS)
    found = imports.modules("notebooks/04_training.ipynb", without)
    decide = ("nets/models", "training/train", "training/recipe", "data/datasets", "data/augment", "data/ferm")
    assert {f"fer_nb/{name}.py" for name in decide} <= set(found)
    assert not [file for file in found if file.split("/")[1] in ("drawing", "evaluation", "nas", "saliency", "report")]
    assert not {"fer_nb/nets/cells.py", "fer_nb/data/micro.py"} & set(found)


def test_modules_follow_imports(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    files = {
        "fer_nb/a.py": "def late():\n    from fer_nb.nets import cells\n",
        "fer_nb/b.py": "import numpy\nfrom fer_nb.evaluation import plots\n",
        "fer_nb/evaluation/plots.py": "import fer_nb.a\n",
        "fer_nb/unused.py": "",
        "fer_nb/nets/__init__.py": "",
        "fer_nb/nets/cells.py": "from fer_nb import b",
        "page.ipynb": '{"cells": [{"cell_type": "code", "source": ["from fer_nb import a, b\\n", "a.late()"]}]}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    every = [
        "fer_nb/a.py",
        "fer_nb/b.py",
        "fer_nb/evaluation/plots.py",
        "fer_nb/nets/__init__.py",
        "fer_nb/nets/cells.py",
        "page.ipynb",
    ]
    assert imports.modules("page.ipynb") == every
    assert imports.modules("page.ipynb", without=("evaluation", "nets.cells")) == [
        "fer_nb/a.py",
        "fer_nb/b.py",
        "fer_nb/nets/__init__.py",
        "page.ipynb",
    ]
    with pytest.raises(ValueError, match=r"no package or module fer_nb\.plots"):
        imports.modules("page.ipynb", without=("plots",))
