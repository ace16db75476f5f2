"""Files of finished runs, written by hand."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.data.faceset import FaceSet
from fer_nb.study import Run


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "REPORTS", "PARAMS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())


@pytest.fixture
def fake():
    return write_run


@pytest.fixture
def clips():
    return some_clips


def write_run(
    model, predicted, labels="AAAAAAHHHH", seed=0, dataset="ferm", rows=None, test_curve=(50.0, 80.0, 70.0), change=""
):
    """Write the files of a run; labels and predictions as strings of the classes' first letters."""
    run = Run("tiny", dataset, model, seed, change)
    run.folder.mkdir(parents=True)
    names = {"A": "Angry", "H": "Happy"}
    table = pd.DataFrame({"row": range(len(labels)) if rows is None else rows})
    table.insert(0, "split", "test")
    table["label"], table["predicted"] = [names[x] for x in labels], [names[x] for x in predicted]
    valid = table.head(2).assign(split="valid", predicted="Happy")  # must never count
    pd.concat([valid, table]).assign(Angry=0.5, Happy=0.5).to_csv(run.folder / "predictions.csv", index=False)
    epochs = range(1, len(test_curve) + 1)
    history = pd.DataFrame({"epoch": epochs, "test_accuracy": test_curve, "test_loss": 1.0})
    history.assign(train_accuracy=50.0, train_loss=1.0, valid_accuracy=None, valid_loss=None).to_csv(
        run.folder / "history.csv", index=False
    )
    metrics = {"selection": "valid", "selected_epoch": 3, "seconds": 1.5, "device": "cpu", "precision": "float32"}
    metrics |= {"parameters": {"crops": 1}, "valid_accuracy": 60.0 + 10 * seed, "epochs": len(test_curve)}
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run) | metrics))
    return run


def some_clips(n):
    """CK+ of ``n`` pictures: six of each subject, in two sequences of three."""
    return FaceSet(
        images=np.zeros((n, 48, 48), np.uint8),
        labels=np.zeros(n, np.int64),
        classes=("Angry", "Happy"),
        split=np.full(n, "train"),
        groups=np.array([f"S{i // 6:03d}" for i in range(n)]),
        sequences=np.array([f"{i // 3 % 2:03d}" for i in range(n)]),  # numbered anew for each subject
        rows=np.arange(n),
    )
