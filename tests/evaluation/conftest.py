"""Files of finished runs, written by hand."""

import json
from dataclasses import asdict

import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.study import Run


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "REPORTS", "PARAMS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())


@pytest.fixture
def fake():
    return write_run


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
