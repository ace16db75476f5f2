"""Files of a finished run that are not what the run wrote are refused, not believed."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fer_nb import finished, paths
from fer_nb.study import Run
from fer_nb.training import finish, weights


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run of a tiny net: four pictures, three predicted right."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    monkeypatch.setattr(finished, "command_words", lambda run: [])
    return write(Run("tiny", "ferm", "small", 0))


def write(run):
    table = pd.DataFrame({"split": "test", "row": range(4), "label": ["A", "A", "B", "B"], "predicted": list("ABBB")})
    table[["A", "B"]] = np.eye(2)[[0, 1, 1, 1]]
    history = pd.DataFrame({"valid_accuracy": [50.0], "test_accuracy": [75.0], "seconds": 1.0, "train_seconds": 1.0})
    history.attrs["train_pictures"] = 4
    torch.manual_seed(run.seed)
    net = nn.Linear(2, 2)
    net.description = {"model": "small", "classes": 2}
    finish.finish(run, net, history, table, {"parameters": {"precision": "float32"}})
    return run


def test_what_the_run_wrote_is_read(run):
    assert finished.read_metrics(run)["test_accuracy"] == 75.0
    assert len(finished.read_predictions(run)) == 4 and len(finished.read_history(run)) == 1
    assert finished.finished_file(run, "weights.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("predictions.csv", finished.read_predictions),
        ("history.csv", finished.read_history),
        ("weights.safetensors", weights.trained),
    ],
)
def test_a_file_that_was_cut_or_is_of_another_run_is_refused(run, name, read):
    path, other = run.folder / name, write(Run("tiny", "ferm", "small", 1)).folder / name
    whole = path.read_bytes()
    cut = whole[: whole.rindex(b"\n", 0, -1) + 1] if name.endswith("csv") else whole[:-1]
    for content in (cut, whole.replace(b"B", b"A", 1), other.read_bytes()):
        if content != whole:
            path.write_bytes(content)
            with pytest.raises(
                ValueError, match=f"{name} is not the file that the run wrote: delete the folder and tr"
            ):
                read(run)


def test_metrics_of_another_run_or_cut_are_refused(run):
    path = run.folder / "metrics.json"
    shutil.copy(write(Run("tiny", "ferm", "small", 1)).folder / "metrics.json", path)
    with pytest.raises(ValueError, match=r"metrics\.json is of another run, with seed 1: delete the folder"):
        finished.read_predictions(run)
    for damaged in ("", "[1]", path.read_text()[:50]):
        path.write_text(damaged)
        with pytest.raises(ValueError, match=r"metrics\.json is damaged: delete the folder and train the run again"):
            finished.read_metrics(run)


def test_every_file_is_sealed(run):
    sealed = json.loads((run.folder / "metrics.json").read_text())["files"]
    assert {path.name for path in run.folder.iterdir()} == {*sealed, "metrics.json"}


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda table: table.iloc[:-1], "3.*4.* were predicted"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "row 0 of split test stands twice"),
        (lambda table: table.assign(predicted=["A", "B", "B", "b"]), "predicted 'b' is none of its classes"),
        (lambda table: table.assign(A=2.0), "a probability is not between 0 and 1"),
    ],
)
def test_predictions_that_no_run_writes_are_refused_without_a_digest_too(run, change, message):
    path = run.folder / "metrics.json"
    metrics = json.loads(path.read_text())
    del metrics["files"]
    path.write_text(json.dumps(metrics))
    table = pd.read_csv(run.folder / "predictions.csv")
    change(table).to_csv(run.folder / "predictions.csv", index=False)
    with pytest.raises(ValueError, match=message):
        finished.read_predictions(run)


def test_metrics_of_no_run_are_refused(run):
    (run.folder / "metrics.json").write_text("{}")
    with pytest.raises(ValueError, match="does not say its dataset"):
        finished.read_metrics(run)
