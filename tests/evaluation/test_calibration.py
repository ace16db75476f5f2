import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from fer_nb.evaluation import calibration
from fer_nb.study import Run

CLASSES = ("Angry", "Happy", "Sad")


def overconfident(n=4000, times=3.0, seed=0):
    """Probabilities whose logits are ``times`` too large, and labels drawn by the right ones."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, len(CLASSES)))
    truth = (softmax(logits, axis=1).cumsum(1) > rng.random((n, 1))).argmax(1)
    return softmax(times * logits, axis=1), truth


def predictions(probabilities, truth):
    names = np.array(CLASSES)
    table = {"row": range(len(truth)), "label": names[truth], "predicted": names[probabilities.argmax(1)]}
    return pd.DataFrame(table | dict(zip(CLASSES, probabilities.T, strict=True)))


def test_the_temperature_undoes_logits_that_are_too_large():
    probabilities, truth = overconfident(times=3.0)
    assert calibration.fit_temperature(probabilities, truth) == pytest.approx(3.0, rel=0.1)
    probabilities, truth = overconfident(times=0.5)
    assert calibration.fit_temperature(probabilities, truth) == pytest.approx(0.5, rel=0.1)


def test_softening_divides_the_logits():
    logits = np.array([[1.0, -2.0, 0.5]])
    np.testing.assert_allclose(calibration.soften(softmax(logits, axis=1), 2), softmax(logits / 2, axis=1))
    assert np.isfinite(calibration.soften(np.array([[1.0, 0.0, 0.0]]), 2)).all()


def test_calibration_error_of_bins_by_hand():
    # Two at 95% of which one is right, two at 65% which are both right: (2 * 45 + 2 * 35) / 4.
    probabilities = np.array([[0.95, 0.05], [0.95, 0.05], [0.65, 0.35], [0.65, 0.35]])
    bins = calibration.reliability(probabilities, np.array([0, 1, 0, 0]))
    assert bins["pictures"].tolist() == [2, 2]
    assert bins["accuracy"].tolist() == [100, 50] and bins["confidence"].tolist() == pytest.approx([65, 95])
    assert calibration.calibration_error(bins) == pytest.approx(40)
    assert len(calibration.reliability(np.array([[1.0, 0.0]]), np.array([0]))) == 1


def test_sure_is_the_least_confidence_with_the_precision_wanted():
    confidence = np.linspace(0.99, 0.6, 40)
    probabilities, truth = np.stack([confidence, 1 - confidence], axis=1), np.zeros(40, int)
    assert calibration.sure_from(probabilities, truth) == pytest.approx(0.6)
    truth[[0, 30, 31]] = 1  # 29 of 30 are right, and 29 of 31 no more
    assert calibration.sure_from(probabilities, truth) == pytest.approx(confidence[29])
    assert calibration.sure_from(probabilities, np.ones(40, int)) == 1
    same = np.tile([0.9, 0.1], (20, 1))
    assert calibration.sure_from(same, np.arange(20) // 18) == 1  # 18 of 20: none of the equal ones is sure


def test_the_table_is_measured_on_the_test_split_with_what_valid_tells(tmp_path):
    run = Run("tiny", "ferm", "lightResNetl", 0)
    run.folder.mkdir(parents=True)
    parts = [predictions(*overconfident(seed=k)).assign(split=split) for k, split in enumerate(("valid", "test"))]
    pd.concat(parts).to_csv(run.folder / "predictions.csv", index=False)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run)))
    row = calibration.calibration_table([run]).iloc[0]
    fitted = calibration.calibrate(parts[0].drop(columns="split"))
    assert row["temperature"] == pytest.approx(fitted.temperature, rel=1e-3)
    assert row["threshold"] == pytest.approx(100 * fitted.threshold, rel=1e-3)
    assert row["error_calibrated"] < 3 < 10 < row["error"] and row["loss_calibrated"] < row["loss"]
    assert 0 < row["coverage"] < 100 and row["precision"] == pytest.approx(95, abs=3)
    figure = calibration.reliability_diagram([run])
    assert [line.get_label() for line in figure.axes[0].lines] == ["as it should be", "as trained", "calibrated"]


def test_runs_without_a_validation_split_and_ablations_are_left_out():
    of = [("ferm", ""), ("ferm", "plain"), ("ckplus-fold1", ""), ("fer2013", "")]
    runs = [Run("tiny", dataset, "lightResNetl", 0, change) for dataset, change in of]
    assert calibration.calibrated_runs(runs) == [runs[3], runs[0]]
