"""Every command of README.md, CONTRIBUTING.md and docs/ is run: here, by another test, or it says that none runs it."""

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from conftest import environment
from owners import write_ckplus

from fer_nb import paths
from fer_nb.nets import device
from fer_nb.recognise import example
from fer_nb.recognise.pictures import write_picture

ROOT = Path(__file__).parents[1]
FILES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FILES}

# How a quoted command begins; what a reader puts into one.
PROGRAM = re.compile(
    r"([A-Z_]+=\S+ )?(\.|conda|jupyter|make|papermill|pip|pre-commit|pytest|python|snakemake) \S|from \w"
)
CHOSEN = {"<study>": "ckplus", "<folder>": "runs/cache", "PATH...": "face.png"}

# How a text says that no test runs a command.
NOT_RUN = re.compile(r"^Not run by a test, since [^:]+:(.*?)(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)

# What is run by this file, and what by another test. Both are beginnings.
HERE = ("make ", "snakemake ", "XDG_CACHE_HOME=<folder> snakemake ", "python -m fer_nb.", "from fer_nb.training import")
ELSEWHERE = {
    "from fer_nb.nets import export": "nets/test_export.py::test_export_leaves_the_net_as_it_is_and_names_no_place",
    "jupyter lab": "recognise/test_lab.py::test_another_face_in_the_explorer",
    "papermill notebooks/04_training.ipynb": "test_notebooks.py::test_training_by_plain_papermill",
    "pytest tests/data/test_ferm.py": "data/test_ferm.py::test_rule",
    "python -m fer_nb.published": "published/test_readme.py::test_only_the_part_between_the_marks_is_written",
}


def commands(text: str) -> list[str]:
    """The lines of a text's blocks (those of ```text are listings), and the commands that its sentences quote."""
    block = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    lines = [line for kind, code in block.findall(text) if kind != "text" for line in code.splitlines()]
    sentences = NOT_RUN.sub("", block.sub("", text))
    quoted = [span for span in re.findall(r"`([^`]+)`", sentences) if PROGRAM.match(span)]
    return [re.sub(r"\s{2,}#.*", "", line) for line in lines] + quoted


def not_run(text: str) -> list[str]:
    """How the commands begin that a text says no test runs."""
    return re.findall(r"`([^`]+)`", " ".join(NOT_RUN.findall(text)))


def run_here(*beginnings: str) -> list[str]:
    """The commands of all texts that begin so, as a reader fills them in."""
    found = [command for text in TEXTS.values() for command in commands(text)]
    for placeholder, choice in CHOSEN.items():
        found = [command.replace(placeholder, choice) for command in found]
    others = (*ELSEWHERE, *(beginning for text in TEXTS.values() for beginning in not_run(text)))
    return sorted({command for command in found if command.startswith(beginnings) and not command.startswith(others)})


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with this checkout's notebooks, parameters, kept results and compiled kernels, and a picture."""
    (ROOT / "runs/cache").mkdir(parents=True, exist_ok=True)
    for name in ("notebooks", "params", "reports/reference", "runs/cache"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    write_picture(tmp_path / "face.png", example.drawn_faces(("Happy",), 1)[0])
    monkeypatch.setattr(device, "bfloat16_is_faster", lambda: False)  # measuring takes a minute on some processors
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "REPORTS", tmp_path / "reports")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_is_run_or_it_is_said_why_not(name):
    known, excused = (*HERE, *ELSEWHERE), not_run(TEXTS[name])
    for command in commands(TEXTS[name]):
        remedy = f"run it in {Path(__file__).name}, name its test there, or say in {name} that none runs it, and why"
        assert command.startswith((*known, *excused)), f"{command}: {remedy}"
    for beginning in excused:
        assert any(command.startswith(beginning) for command in commands(TEXTS[name])), beginning


@pytest.mark.parametrize(("beginning", "test"), ELSEWHERE.items())
def test_the_other_tests_are_there(beginning, test):
    file, _, function = test.partition("::")
    assert re.search(rf"^def {function}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE), test
    assert any(command.startswith(beginning) for text in TEXTS.values() for command in commands(text)), beginning


@pytest.mark.parametrize("command", run_here("make ", "snakemake ", "XDG_CACHE_HOME=runs/cache snakemake "))
def test_a_plan_is_made(command, checkout, tmp_path):
    """What `-n` tells of a command, where the data are there."""
    write_ckplus(tmp_path / "ck+/CK+48", subjects=1)
    for name in ("fer2013/fer2013.csv", "ferplus/fer2013new.csv", "yunet/yunet.onnx"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    there = environment(checkout, FER_NB_DATA=str(tmp_path), PATH=path, MAKEFLAGS="")
    planned = subprocess.run(f"{command} -n", shell=True, cwd=checkout, env=there, capture_output=True, text=True)
    assert planned.returncode == 0 and planned.stdout, planned.stdout + planned.stderr


@pytest.mark.parametrize("command", run_here("python -m fer_nb."))
def test_a_program_takes_what_it_is_given(command, folder, monkeypatch):
    """It runs; but nothing is trained, and no notebook executed."""
    _, _, module, *words = shlex.split(command)
    program = import_module(module if (ROOT / f"{module.replace('.', '/')}.py").exists() else f"{module}.__main__")
    for long in ("train_one", "train_all", "execute_and_render"):
        monkeypatch.setattr(program, long, lambda *_: 0, raising=False)
    assert not program.main(words)


@pytest.mark.parametrize("code", run_here("from fer_nb.training import"))
def test_code_runs(code):
    exec(code, {})
