"""The calibration of a finished run."""

import numpy as np
import pandas as pd
import pytest
from torch import nn

from fer_nb import paths
from fer_nb.evaluation.calibration import Calibration
from fer_nb.recognise import read
from fer_nb.study import Run
from fer_nb.training import finish

RUN = Run("tiny", "ferm", "small", 0)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """``write(splits)`` makes the files of a finished run that predicts 3 of 4 pictures of each split right."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)

    def of(splits):
        probabilities = np.where(np.eye(2)[[0, 1, 1, 1]], 0.8, 0.2)
        table = pd.DataFrame({"row": range(4), "label": list("AABB"), "predicted": list("ABBB")})
        table[["A", "B"]] = probabilities
        table = pd.concat([table.assign(split=split) for split in splits])[["split", *table.columns]]
        history = pd.DataFrame({"valid_accuracy": [75.0], "test_accuracy": 75.0, "seconds": 1.0, "train_seconds": 1.0})
        history.attrs["train_pictures"] = 4
        net = nn.Linear(2, 2)
        net.description = {"model": "small", "classes": 2}
        finish.finish(RUN, net, history, table, {"parameters": {"precision": "float32"}})

    return of


def test_a_run_is_calibrated_on_its_validation_split(write):
    write(["valid", "test"])
    calibration, words = read.of_run(RUN)
    assert words == "calibrated on the run's validation split" and calibration.threshold is not None


def test_a_run_without_validation_pictures_says_so(write):
    write(["test"])
    assert read.of_run(RUN) == (Calibration(), "not calibrated: the run has no validation split")


def test_damaged_predictions_are_not_taken_for_a_run_without_validation_pictures(write):
    write(["valid", "test"])
    file = RUN.folder / "predictions.csv"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(ValueError, match=r"predictions.csv is not the file that the run wrote: delete the folder"):
        read.of_run(RUN)
