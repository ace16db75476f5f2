import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.background import compare
from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.intervals import in_words, wilson
from fer_nb.study import Run


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())


def stripes(name, data):
    """18 pictures of two classes that lines across and upright tell apart; a third is held out in each fold."""
    n = 18
    labels = np.arange(n) % 2
    line = np.random.default_rng(0).integers(256, size=(n, 48, 1)).astype(np.uint8).repeat(48, axis=2)
    images = np.where(labels[:, None, None] == 1, line.transpose(0, 2, 1), line)
    fold = int(name[-1]) % 3 if name[-1].isdigit() else 0
    split = np.where(np.arange(n) // 2 % 3 == fold, "test", "train")
    people = np.array([f"S{i // 2}" for i in range(n)])
    sequences = np.full(n, "001" if name.startswith("ckplus") else "")
    return FaceSet(images, labels, ("Angry", "Happy"), split, people, sequences, np.arange(n))


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    monkeypatch.setattr(datasets, "load", stripes)


def finish(dataset, predicted, model="VGG19", seed=0):
    """A finished run; ``predicted``: the first letters of the six test pictures' classes, which are A, H, A, H, ..."""
    run = Run("tiny", dataset, model, seed)
    run.folder.mkdir(parents=True)
    names = {"A": "Angry", "H": "Happy"}
    table = {
        "split": "test",
        "row": range(6),
        "label": ["Angry", "Happy"] * 3,
        "predicted": [names[x] for x in predicted],
    }
    pd.DataFrame(table).to_csv(run.folder / "predictions.csv", index=False)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run) | {"epochs": 60 + seed}))
    return run


@pytest.fixture
def plan(monkeypatch):
    """Makes notebook 05 of study ``tiny`` name these runs."""

    def planned(*runs):
        monkeypatch.setattr(compare, "notebooks", lambda study: ["05_evaluation"])
        monkeypatch.setattr(compare, "evaluation_runs", lambda study: list(runs))

    return planned


def keep(study, table, **columns):
    folder = paths.REPORTS / "reference" / study
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(folder / f"{table}.csv", index=False)
    pd.DataFrame({"table": [table], "epochs": ["20; 12"]}).to_csv(folder / "origins.csv", index=False)


def test_features_and_nets_on_the_same_pictures(plan):
    plan(finish("ckplus-fold1", "AHAHAA"))
    table = compare.comparison(["ckplus-fold1"], "real", ["HOG", "LBP"], "tiny", [])
    assert table["method"].tolist() == ["HOG + linear SVM", "LBP + linear SVM", "VGG19"]
    assert list(table) == compare.COLUMNS and table["accuracy"].iloc[0] == 100
    net = table.iloc[2]
    assert net["accuracy"] == pytest.approx(500 / 6) and (net["low"], net["high"]) == pytest.approx(wilson(500 / 6, 6))
    assert (net["sequence_low"], net["sequence_high"]) == pytest.approx(
        wilson(500 / 6, 3)
    )  # of each person one sequence
    assert net["mean_per_class_accuracy"] == pytest.approx((100 + 200 / 3) / 2)
    assert table["pictures"].tolist() == [6, 6, 6] and table["sequences"].tolist() == [3, 3, 3]


def test_kept_nets_do_not_stand_beside_drawn_faces():
    with pytest.raises(ValueError, match="measured on real pictures: leave it empty"):
        compare.comparison(["ferm"], "synthetic", ["HOG"], "quick", ["ckplus"])


def test_ten_folds_are_measured_together():
    table = compare.comparison(["ckplus-subject"], "real", ["HOG"], "quick", [])
    assert table["pictures"].tolist() == [60] and table["sequences"].tolist() == [9]
    assert set(table["C"].iloc[0].split(" to ")) <= {"0.001", "0.01", "0.1", "1", "10"}


def test_a_set_without_sequences_has_no_interval_over_them():
    row = compare.comparison(["ferm"], "real", ["HOG"], "quick", []).iloc[0]
    assert pd.isna(row["sequences"]) and pd.isna(row["sequence_low"]) and row["pictures"] == 6


def test_a_kept_net_that_two_tables_have_is_shown_once():
    keep("both", "table-9", model=["A", "B"], data="ferm", accuracy=[88.1, 87.0])
    keep("both", "table-3-10", model=["A"], accuracy=[88.12])
    origins = pd.DataFrame({"table": ["table-3-10", "table-9"], "epochs": ["60", "60"]})
    origins.to_csv(paths.REPORTS / "reference/both/origins.csv", index=False)
    assert [(net["method"], net["accuracy"]) for net in compare.kept_nets(["both"], "ferm")] == [
        ("A", 88.12),
        ("B", 87.0),
    ]


def test_kept_nets_of_all_ten_folds_by_subject():
    splits = ["the thesis's fold", "folds by subject", "folds by subject"]
    keep(
        "whole", "table-3-6-splits", model=["A", "A", "B"], split=splits, folds=[1, 10, 4], accuracy=[93.0, 89.0, 88.0]
    )
    (net,) = compare.kept_nets(["whole"], "ckplus-subject")
    assert (net["method"], net["study"], net["epochs"], net["accuracy"]) == ("A", "whole", 12, 89.0)


def test_nets_are_means_over_seeds_and_folds_and_must_be_finished(plan):
    runs = [finish("ferm", "AHAHAH"), finish("ferm", "AHAAAA", seed=1)]
    plan(*runs, Run("tiny", "ferm", "ResNet18", 0), finish("ckplus-subject1", "AHAHAH"))
    (net,) = compare.finished_nets("tiny", "ferm")
    assert (net["method"], net["epochs"]) == ("VGG19", 60) and net["accuracy"] == pytest.approx(1000 / 12)
    assert compare.finished_nets("tiny", "ckplus-subject") == []  # one fold is not ten
    assert len(compare.finished_nets("tiny", "ckplus-subject1")) == 1


def test_kept_nets():
    keep("old", "table-3-10", model=["VGG19"], accuracy=[77.5], mean_per_class_accuracy=[56.0])
    keep("nas", "table-9", data=["ckplus-subject1", "ckplus-fold1"], model=["EmoNAS", "Other"], accuracy=[90.0, 80.0])
    (net,) = compare.kept_nets(["old", "nas"], "ferm")
    assert net == {
        "method": "VGG19", "study": "old", "epochs": 12, "accuracy": 77.5, "mean_per_class_accuracy": 56.0
    }  # fmt: skip
    (net,) = compare.kept_nets(["old", "nas"], "ckplus-subject1")
    assert net["method"] == "EmoNAS" and np.isnan(net["mean_per_class_accuracy"])
    with pytest.raises(FileNotFoundError, match="holds no kept study: correct the name in `beside`"):
        compare.refuse_unkept(["old", "new"], "real", "beside")


def test_the_sentence_has_the_best_of_both(plan):
    plan(finish("ferm", "AHAHAA"), finish("ferm", "AAAAAA", model="ResNet18"))
    table = compare.comparison(["ferm", "ckplus-fold1"], "real", ["HOG"], "tiny", [])
    text = compare.words(table)
    assert "FERm: HOG + linear SVM 100.00 [" in text and "VGG19 (60 epochs, study tiny) 83.33 [" in text
    assert "the difference is −16.67 points. CK+, the thesis's fold: HOG + linear SVM 100.00 [" in text
    assert "ResNet18" not in text
    of_ckplus = table[table["sequences"].notna()].iloc[0]
    assert of_ckplus["sequence_low"] < of_ckplus["low"]
    assert in_words(100, of_ckplus["sequence_low"], of_ckplus["sequence_high"]) in text
