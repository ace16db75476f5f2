"""``python -m fer_nb.training``: a run without Jupyter."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from fer_nb import paths, study
from fer_nb.data import datasets
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.training import one_run
from fer_nb.training.__main__ import main

# What a node without Jupyter, pictures and plots lacks.
MISSING = ["torchvision", "matplotlib", "seaborn", "cv2", "skimage", "IPython", "nbformat", "papermill", "snakemake"]
MISSING += ["captum", "onnx", "onnxruntime", "psutil", "openpyxl", "PIL", "jinja2"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A study of one epoch on pictures of noise, and its runs, elsewhere."""
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params")
    (tmp_path / "params/test").mkdir(parents=True)
    text = "epochs: 2\nsizes: [[24, 1], [44, 1]]\nbatch_size: 16\n"
    (tmp_path / "params/test/04_training.yaml").write_text(text)
    monkeypatch.setattr(datasets, "load", lambda name, data: noise())
    monkeypatch.setattr(datasets, "checksums", lambda name, data: {"noise": "ab12"})
    return tmp_path


def noise():
    """60 pictures of noise in three splits."""
    rng = np.random.default_rng(0)
    images, labels, empty = rng.integers(0, 256, (60, 48, 48), dtype=np.uint8), np.arange(60) % 7, np.full(60, "")
    split = np.resize(np.array(["train", "train", "valid", "test"]), 60)
    return FaceSet(images, labels, FER_CLASSES, split, empty, empty, np.arange(60))


def test_it_leaves_what_notebook_4_leaves_and_then_rests(home, capsys):
    assert main(["test", "ferm", "lightResNetl", "1"]) == 0
    run = study.Run("test", "ferm", "lightResNetl", 1)
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"weights.safetensors", "history.csv", "predictions.csv", "metrics.json", "lock"}
    metrics = json.loads((run.folder / "metrics.json").read_text())
    assert metrics["seed"] == 1 and metrics["checksums"] == {"noise": "ab12"}
    assert metrics["parameters"]["sizes"] == [[24, 1], [44, 1]] and metrics["parameters"]["model"] == "lightResNetl"
    assert "24 px for 1 epoch, then 44 px" in capsys.readouterr().out
    assert main(["test", "ferm", "lightResNetl", "1"]) == 0
    assert "is finished" in capsys.readouterr().out
    file = paths.PARAMS / "test/04_training.yaml"
    file.write_text(file.read_text().replace("batch_size: 16", "batch_size: 8"))
    assert main(["test", "ferm", "lightResNetl", "1"]) == 2
    assert "made with batch_size = 16, the study now has 8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tset", "ferm", "lightResNetl", "0"], "no study 'tset'"),
        (["test", "ferm", "VGG19", "0"], "views of 24 pixels do not suit this net: take 32 or more"),
        (["test", "ferm", "lightResNetl", "0", "--change", "nothing"], "no change 'nothing'"),
        (["test", "ferm", "lightResNetl", "0", "--minutes", "-2"], "--minutes is -2: choose a number from 0"),
    ],
)
def test_what_is_refused(home, capsys, words, message):
    assert main(words) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["test", "ferm"], "name DATASET, MODEL and SEED for one run"),
        (["test", "--change", "smaller"], "--change is of one run: name DATASET, MODEL and SEED too"),
        (["test", "ferm", "lightResNetl", "0", "--at-once", "2"], "--at-once is for all runs of a study: leave it out"),
    ],
)
def test_options_that_would_be_ignored_are_refused(home, capsys, monkeypatch, words, message):
    monkeypatch.setattr("fer_nb.training.__main__.train_all", None)
    monkeypatch.setattr("fer_nb.training.__main__.train_one", None)
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err


def test_an_unknown_net_is_refused_before_the_pictures_are_read(home, capsys, monkeypatch):
    monkeypatch.setattr(datasets, "load", None)
    assert main(["test", "ferm", "lightResNetx", "0"]) == 2
    assert "unknown model 'lightResNetx': did you mean" in capsys.readouterr().err


def test_time_that_is_used_up_is_told_by_the_status(home, monkeypatch, capsys):
    def stopped(prepared):
        raise TimeoutError("stopped after epoch 1 of 2")

    monkeypatch.setattr(one_run, "complete_once", stopped)
    assert main(["test", "ferm", "lightResNetl", "0", "--minutes", "5"]) == 3
    assert "stopped after epoch 1 of 2" in capsys.readouterr().out


def test_all_runs_of_a_study(home, capsys, monkeypatch):
    """Each in a process of its own; the teacher first, whatever the order of the nets."""
    runs = [study.Run("test", "ferm", model, 0) for model in ("student", "teacher", "other")]
    started = []

    def process(command, stdout, **_):
        started.append(command[5])
        stdout.write("epoch 1/1\n")
        return subprocess.CompletedProcess(command, 3 if command[5] == "other" else 0)

    taught = {"student": runs[1]}
    monkeypatch.setattr(study, "training_runs", lambda name: runs)
    monkeypatch.setattr(study, "teacher", lambda run: taught.get(run.model))
    monkeypatch.setattr(subprocess, "run", process)
    assert main(["test", "--at-once", "1"]) == 3
    assert started == ["teacher", "other", "student"]
    assert (runs[0].folder / "training.log").read_text() == "epoch 1/1\n"
    assert "ferm-other-seed0: stopped by its limit of time" in capsys.readouterr().out
    assert main(["test", "--at-once", "0"]) == 2


def test_the_runs_of_a_study_share_its_minutes(home, monkeypatch):
    """Each gets what is left, however little; a student whose teacher was stopped is stopped too, not refused."""
    runs = [study.Run("test", "ferm", model, 0) for model in ("student", "teacher", "other")]
    now, given = [0.0], []

    def process(command, **_):
        now[0] += 59.9
        given.append(float(command[command.index("--minutes") + 1]) if "--minutes" in command else None)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr("fer_nb.training.__main__.time.monotonic", lambda: now[0])
    monkeypatch.setattr(study, "training_runs", lambda name: runs)
    monkeypatch.setattr(study, "teacher", lambda run: runs[1] if run.model == "student" else None)
    monkeypatch.setattr(subprocess, "run", process)
    assert main(["test", "--minutes", "1"]) == 3
    assert given == [1, pytest.approx(0.1 / 60)]
    for words, expected in ((["--minutes", "0"], 0), ([], None)):
        given.clear()
        assert main(["test", *words]) == 3 and given == [expected] * 3
    for wrong in ("-2", "nan", "inf"):
        assert main(["test", "--minutes", wrong]) == 2


def test_it_starts_without_jupyter(tmp_path):
    program = f"import sys; sys.modules.update(dict.fromkeys({MISSING})); from fer_nb.training.__main__ import main; "
    program += "main(['ferm', 'fer2013', 'lightResNetl', '0'])"
    there = os.environ | {"FER_NB_DATA": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=paths.ROOT, env=there)
    assert done.stderr.startswith("fer_nb.training: ") and "fer2013" in done.stderr
