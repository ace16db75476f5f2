from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from fer_nb.data import datasets
from fer_nb.evaluation import measures
from fer_nb.evaluation.ablation import ablation_table, ablation_words


@pytest.fixture(autouse=True)
def pictures(clips, monkeypatch):
    """FERm, without sequences."""
    faces = replace(clips(15), sequences=np.full(15, ""))
    monkeypatch.setattr(datasets, "load", lambda name, data: faces)


def test_an_ablation_is_paired_over_the_pictures(fake):
    runs = [
        fake("VGG19", "AAAAAAHHHH", seed=0),
        fake("VGG19", "AAAAAAAAHH", seed=1),
        fake("VGG19", "AAAAHHHHHA", seed=0, change="without-ema"),  # loses rows 4, 5, 9
        fake("VGG19", "AAAAAHAAHH", seed=1, change="without-ema", test_curve=(1.0, 2.0)),  # loses row 5
        fake("VGG19", "AAAAAAHHHH", seed=0, change="better"),
        fake("VGG19", "AAAAAAHHHH", seed=1, change="better"),
    ]
    table = ablation_table(runs, "real")
    assert table["change"].tolist() == ["none: the full recipe", "without-ema", "better"]
    assert table["valid_accuracy"].tolist() == [65, 65, 65]
    assert table["accuracy"].tolist() == [90, 70, 100]
    assert table["epochs"].tolist() == [3, 2, 3] and table["seeds"].tolist() == [2, 2, 2]
    each = np.array([0, 0, 0, 0, -50, -100, 0, 0, 0, -50])  # of each picture, over the seeds
    low, high = stats.t.interval(0.95, 9, each.mean(), stats.sem(each))
    assert table.loc[1, ["difference", "low", "high"]].tolist() == pytest.approx([-20, low, high], abs=1e-3)
    assert np.isnan(table.loc[0, "difference"]) and table.loc[2, "difference"] == 10
    assert table.loc[1, "p"] == pytest.approx(stats.ttest_1samp(each, 0).pvalue)
    text = ablation_words(table.assign(p_holm=[np.nan, 0.01, 0.1]))
    assert "2 changes" in text and "worse than the full recipe: without-ema (−20.00); better: none" in text
    assert text.endswith("no significant difference: better (+10.00).")


def test_folds_are_pooled_and_a_sequence_counts_once(fake, clips, monkeypatch):
    faces = clips(60)
    monkeypatch.setattr(datasets, "load", lambda name, data: faces)
    truth = "A" * 30
    worse = "HHH" + "A" * 27  # the frames of its first sequence
    runs = []
    for fold, rows in (("ckplus-subject1", range(30)), ("ckplus-subject2", range(30, 60))):
        runs.append(fake("VGG19", truth, truth, dataset=fold, rows=rows))
        runs.append(fake("VGG19", worse, truth, dataset=fold, rows=rows, change="without-flip"))
    runs.append(fake("VGG19", worse, truth, dataset="ckplus-subject3", rows=range(60, 90)))  # unchanged: does not count
    full, changed = ablation_table(runs, "real").to_dict("records")
    assert full["dataset"] == changed["dataset"] == "ckplus-subject" and changed["folds"] == 2 and changed["seeds"] == 1
    assert (full["accuracy"], changed["accuracy"], changed["difference"]) == (100, 90, -10)
    each = np.array([-100] * 2 + [0] * 18)  # sequences
    low, high = stats.t.interval(0.95, 19, each.mean(), stats.sem(each))
    assert (changed["low"], changed["high"]) == pytest.approx((low, high))
    one, _ = ablation_table(runs[:2], "real").to_dict("records")
    assert one["dataset"] == "ckplus-subject1"


def test_an_ablation_stays_out_of_the_other_tables(fake):
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("VGG19", "AAAAAAAAAA", change="without-ema")]
    assert measures.accuracy_table(runs, "ferm", {})["accuracy"].tolist() == [100]
    assert measures.runs_table(runs)["runs"].tolist() == [1]
    assert ablation_words(ablation_table(runs[:1], "real")) == "This study measures no change of its recipe."
    other = fake("VGG19", "AAAAAAHHHH", change="better", rows=range(5, 15))
    with pytest.raises(ValueError, match="ferm-VGG19-seed0-better and the full recipe were measured on different"):
        ablation_table([runs[0], other], "real")
