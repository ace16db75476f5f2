"""Curves and tables of runs whose files are written by hand."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.evaluation import thesis
from fer_nb.speed import plots, time_to_accuracy
from fer_nb.study import Run


@pytest.fixture
def finish(tmp_path, monkeypatch):
    """``finish(run, seconds=..., valid_accuracy=...)`` writes a run's files; it predicts 3 of 4 pictures right."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)

    def finish(run, **history):
        run.folder.mkdir(parents=True)
        pd.DataFrame(history).to_csv(run.folder / "history.csv", index=False)
        labels = pd.DataFrame({"split": "test", "row": range(4), "label": "Sad", "predicted": ["Sad"] * 3 + ["Fear"]})
        labels.to_csv(run.folder / "predictions.csv", index=False)
        (run.folder / "metrics.json").write_text(
            json.dumps(asdict(run) | {"device": "a board", "precision": "bfloat16"})
        )
        return run

    return finish


@pytest.fixture
def runs(finish):
    epochs = {"epoch": [1, 2, 3, 4], "valid_accuracy": [50.0, 81, 79, 86]}
    return [
        finish(Run("mine", "ferm", "lightResNetl", 0), **epochs, seconds=[60, 60, 120, 60], side=[24, 24, 32, 44]),
        finish(Run("mine", "ferm", "lightResNetl", 1), epoch=[1, 2], valid_accuracy=[85.0, 85.5], seconds=[90, 90]),
        finish(Run("mine", "ferm", "lightResNetl", 0, "without-ema"), **epochs),  # of an older version: no times
    ]


def test_minutes_count_from_the_start_to_the_first_epoch_that_reaches_a_level(runs):
    table = time_to_accuracy.table(runs)
    minutes = [table[f"minutes_to_{level}"].tolist() for level in time_to_accuracy.LEVELS]
    none = np.nan
    assert minutes[0] == pytest.approx([2, 1.5, none], nan_ok=True)
    assert minutes[1] == pytest.approx([5, 1.5, none], nan_ok=True)
    assert minutes[2] == pytest.approx([5, none, none], nan_ok=True)
    assert minutes[3] == pytest.approx([none, none, none], nan_ok=True)
    assert table["minutes"].tolist() == pytest.approx([5, 3, none], nan_ok=True)
    assert table["sides"].dropna().tolist() == ["24, 32, 44"] and table["change"].dropna().tolist() == ["without-ema"]
    last = table.iloc[-1]
    assert last["accuracy"] == 75 and last["low"] < 75 < last["high"] and last["device"] == "a board"


def test_the_first_run_at_each_level_is_named_and_a_run_without_times(runs):
    words = time_to_accuracy.words(time_to_accuracy.table(runs))
    assert "80%: lightResNetl, seed 1 after **1.5** minutes; 84%: lightResNetl, seed 1" in words
    assert "86%: lightResNetl, seed 0 after **5.0** minutes; 88%: no run." in words
    assert words.endswith("lacks seconds or valid_accuracy: lightResNetl, without-ema, seed 0.")
    assert "Not drawn" not in time_to_accuracy.words(time_to_accuracy.table(runs[:2]))


def test_a_line_a_run_with_dots_where_the_side_changes(runs):
    curves = time_to_accuracy.curves(runs)
    assert curves["minutes"].tolist() == pytest.approx([1, 2, 4, 5, 1.5, 3])
    printed = time_to_accuracy.thesis_accuracy("ferm")
    assert printed == thesis.TABLE_3_10["lightResNetl"]
    (axes,) = plots.accuracy_over_time(curves, printed).axes
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert lines["lightResNetl, seed 0"].get_xdata().tolist() == [1, 2, 4, 5]
    assert lines["lightResNetl, seed 0"].get_linestyle() != lines["lightResNetl, seed 1"].get_linestyle()
    dots = [line.get_xdata().tolist() for line in axes.get_lines() if line.get_linestyle() == "None"]
    assert dots[0] == [4, 5] and dots[1] == []
    assert any("test split" in label for label in lines) and "first epoch with views of another size" in lines
    (axes,) = plots.accuracy_over_time(curves[curves["seed"] == 1], printed).axes
    assert not any("another size" in str(line.get_label()) for line in axes.get_lines())


def test_without_runs_or_times_nothing_is_drawn(runs, monkeypatch):
    assert time_to_accuracy.curves([]).empty and time_to_accuracy.curves(runs[2:]).empty
    other = Run("mine", "fer2013", "lightResNetl", 0)
    monkeypatch.setattr(time_to_accuracy, "training_runs", lambda study: [*runs, other])
    assert time_to_accuracy.runs_on("mine", "ferm") == runs
    assert time_to_accuracy.runs_on("mine", "") == []
