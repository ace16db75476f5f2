"""Tables from fake run folders: every expected number is worked out by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fer_nb import intervals, paths
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import ablation, measures, plots, summary, thesis
from fer_nb.study import Run, evaluation_runs

CLASSES = ("Angry", "Happy")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "REPORTS", "PARAMS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())


def fake(
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
    pd.DataFrame({"epoch": epochs, "test_accuracy": test_curve}).to_csv(run.folder / "history.csv", index=False)
    metrics = {"selection": "valid", "selected_epoch": 3, "seconds": 1.5, "device": "cpu", "precision": "float32"}
    metrics |= {"valid_accuracy": 60.0 + 10 * seed, "epochs": len(test_curve)}
    (run.folder / "metrics.json").write_text(json.dumps(metrics))
    return run


def test_wilson_of_all_right_and_of_half():
    z2 = 1.959964**2
    assert intervals.wilson(100, 33) == pytest.approx((100 * 33 / (33 + z2), 100))
    half = 50 * np.sqrt(z2 / (10 + z2))
    assert intervals.wilson(50, 10) == pytest.approx((50 - half, 50 + half))


def test_accuracy_table_is_the_mean_over_seeds_in_the_thesis_order():
    runs = [
        fake("lightResNetl", "AAAAAAHHHH"),
        fake("VGG19", "AAAAAAAAHH", seed=0),  # 8 of 10; classes 6/6 and 2/4
        fake("VGG19", "AAAHHHHHHA", seed=1),  # 6 of 10; classes 3/6 and 3/4
    ]
    table = measures.accuracy_table(runs, "ferm", {"VGG19": 75.0, "lightResNetl": 90.0})
    columns = "model accuracy low high mean_per_class_accuracy seeds thesis_accuracy difference"
    assert " ".join(table.columns) == columns
    assert list(table["model"]) == ["VGG19", "lightResNetl"]
    assert table["accuracy"].tolist() == [70, 100]
    assert table["mean_per_class_accuracy"].tolist() == pytest.approx([100 * (9 / 12 + 5 / 8) / 2, 100])
    assert table["seeds"].tolist() == [2, 1]
    assert table["difference"].tolist() == [-5, 10]
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx(intervals.wilson(70, 10), abs=1e-3)


def test_protocol_table_shows_what_the_test_side_would_have_chosen():
    runs = [fake("VGG19", "AAAAAAAAHH", seed=0), fake("VGG19", "AAAHHHHHHA", seed=1, test_curve=(60.0, 40.0, 60.0))]
    (row,) = measures.protocol_table(runs, "ferm", np.array([6, 7, 99])).to_dict("records")
    assert row["accuracy"] == 70
    assert row["deviation"] == pytest.approx(np.sqrt(200), abs=1e-3)
    assert row["selected_on_test"] == 70  # the mean of 80 and 60
    assert row["optimism"] == 5  # the mean of 80 - 70 and 60 - 60
    assert row["repeats"] == 2
    assert row["without_repeats"] == 75  # rows 6 and 7: both wrong, then both right; 8/8 and 4/8 remain


def test_ckplus_table_counts_sequences_and_pools_folds():
    runs = [fake("VGG19", "AAAHHA", "AAAHHH", dataset="ckplus-fold1", rows=[0, 1, 2, 3, 4, 5])]
    for k in range(1, 11):
        rows = [6 * k + i for i in range(6)] if k < 10 else [54, 55, 56, 57, 58, 59]  # fold 10 repeats fold 9
        runs.append(fake("VGG19", "AAAHHH", "AAAHHH", dataset=f"ckplus-subject{k}", rows=rows))
    n = 66
    faces = FaceSet(
        images=np.zeros((n, 48, 48), np.uint8),
        labels=np.zeros(n, np.int64),
        classes=CLASSES,
        split=np.full(n, "train"),
        groups=np.array([f"S{i // 6:03d}" for i in range(n)]),
        sequences=np.array([f"{i // 3 % 2:03d}" for i in range(n)]),  # numbered anew for each subject
        rows=np.arange(n),
    )
    table = measures.ckplus_table(runs, faces)
    assert table["split"].tolist() == ["the thesis's fold", "folds by subject"]
    assert table["folds"].tolist() == [1, 10]
    assert table["pictures"].tolist() == [6, 54]
    assert table["sequences"].tolist() == [2, 18]
    assert table["accuracy"].tolist() == pytest.approx([100 * 5 / 6, 100], abs=1e-3)
    assert table["sequence_low"][1] == pytest.approx(intervals.wilson(100, 18)[0], abs=1e-3)


def test_confusion_and_per_class():
    run = fake("VGG19", "AAAHHHHHHA")
    matrix = measures.confusions([run], "ferm", (*CLASSES, "Fear"))["VGG19"]
    assert matrix.to_numpy().tolist() == [[50, 50, 0], [25, 75, 0], [0, 0, 0]]
    table = measures.per_class_table([run], "ferm", (*CLASSES, "Fear")).set_index("class")
    assert table.loc["Happy", ["precision", "recall", "pictures"]].tolist() == [50, 75, 4]
    assert table.loc["Happy", "f1"] == 60
    assert table.loc["Angry", "low"] == pytest.approx(intervals.wilson(50, 6)[0], abs=1e-3)
    assert table.loc["Fear", "pictures"] == 0 and np.isnan(table.loc["Fear", "low"])


def test_paired_tests_are_exact_and_holm_corrected():
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("ResNet18", "HHHHHAHHHH"), fake("lightResNetl", "AAAAAAHHHA")]
    table = measures.paired_tests(runs, "ferm").set_index(["first", "second"])
    assert table.loc[("VGG19", "ResNet18"), ["only_first", "only_second"]].tolist() == [5, 0]
    raw = table.loc[[("VGG19", "ResNet18"), ("VGG19", "lightResNetl"), ("ResNet18", "lightResNetl")], "p"]
    assert raw.tolist() == pytest.approx([2 / 32, 1, 14 / 64])  # binomial tails: 0 of 5, 0 of 1, 1 of 6
    assert table["p_holm"].sort_values().tolist() == pytest.approx([3 * 2 / 32, 2 * 14 / 64, 1])


def test_runs_of_one_rule_of_folds_are_one_row():
    runs = [fake("VGG19", "AAAAAAHHHH", dataset=f"ckplus-fold{k}") for k in (1, 2)] + [fake("VGG19", "AAAAAAHHHH")]
    table = summary.runs_table([*runs, fake("VGG19", "AAAAAAHHHH", dataset="fer2013", test_curve=(1.0, 2.0, 3.0, 4.0))])
    assert table["dataset"].tolist() == ["ckplus-fold", "ferm", "fer2013"]
    assert table["runs"].tolist() == [2, 1, 1]
    assert table["epochs"].tolist() == [3, 3, 4]
    assert table["minutes"].tolist() == pytest.approx([0.05, 0.025, 0.025])


def test_an_ablation_is_paired_over_the_pictures():
    runs = [
        fake("VGG19", "AAAAAAHHHH", seed=0),
        fake("VGG19", "AAAAAAAAHH", seed=1),
        fake("VGG19", "AAAAHHHHHA", seed=0, change="without-ema"),  # loses rows 4, 5, 9
        fake("VGG19", "AAAAAHAAHH", seed=1, change="without-ema", test_curve=(1.0, 2.0)),  # loses row 5
        fake("VGG19", "AAAAAAHHHH", seed=0, change="better"),
        fake("VGG19", "AAAAAAHHHH", seed=1, change="better"),
    ]
    table = ablation.table(runs)
    assert table["change"].tolist() == ["none: the full recipe", "without-ema", "better"]
    assert table["valid_accuracy"].tolist() == [65, 65, 65]
    assert table["accuracy"].tolist() == [90, 70, 100]
    assert table["epochs"].tolist() == [3, 2, 3] and table["seeds"].tolist() == [2, 2, 2]
    each = np.array([0, 0, 0, 0, -50, -100, 0, 0, 0, -50])  # of each picture, over the seeds
    low, high = stats.t.interval(0.95, 9, each.mean(), stats.sem(each))
    assert table.loc[1, ["difference", "low", "high"]].tolist() == pytest.approx([-20, low, high], abs=1e-3)
    assert np.isnan(table.loc[0, "difference"]) and table.loc[2, "difference"] == 10
    text = ablation.sentence(table.assign(high=table["high"].where(table["change"] != "without-ema", -1)))
    assert "2 changes" in text and "worse than the full recipe: without-ema (-20.00); better: none" in text


def test_an_ablation_stays_out_of_the_other_tables():
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("VGG19", "AAAAAAAAAA", change="without-ema")]
    assert measures.accuracy_table(runs, "ferm", {})["accuracy"].tolist() == [100]
    assert summary.runs_table(runs)["runs"].tolist() == [1]
    assert ablation.table(runs[:1]).empty
    other = fake("VGG19", "AAAAAAHHHH", change="better", rows=range(5, 15))
    with pytest.raises(ValueError, match="ferm-VGG19-seed0-better and the full recipe were measured on different"):
        ablation.table([runs[0], other])


def test_a_missing_run_is_named_with_the_way_to_make_it():
    (paths.PARAMS / "tiny").mkdir(parents=True)
    (paths.PARAMS / "tiny" / "04_training.yaml").touch()
    with pytest.raises(FileNotFoundError, match=r"ferm-VGG19-seed0 of study tiny .* -m fer_nb.run .* model=VGG19"):
        measures.accuracy_table([Run("tiny", "ferm", "VGG19", 0)], "ferm", {})


def test_runs_on_different_pictures_are_refused():
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("VGG19", "AAAAAAHHHH", seed=1, rows=range(5, 15))]
    with pytest.raises(ValueError, match="ferm-VGG19-seed0 and ferm-VGG19-seed1 were measured on different"):
        measures.accuracy_table(runs, "ferm", {})


@pytest.mark.parametrize(
    ("thesis_accuracy", "word"),
    [(70, "within the interval"), (60, "above"), (90, "below"), (np.nan, "not in the thesis")],
)
def test_verdict(thesis_accuracy, word):
    assert measures.verdict(70, 65, 75, thesis_accuracy) == word
    assert measures.verdict(np.nan, np.nan, np.nan, 70) == "not run"


def test_plan_trains_the_thesis_fold_once():
    given = {"ckplus": ["VGG19"], "ckplus_folds": ["ResNet18", "VGG19"], "ferm": [], "seeds": [0]}
    (paths.PARAMS / "tiny").mkdir(parents=True)
    (paths.PARAMS / "tiny" / "04_training.yaml").touch()
    runs = evaluation_runs("tiny", given)
    assert len(runs) == len(set(runs)) == 20
    assert {run.model for run in runs if run.dataset == "ckplus-fold1"} == {"VGG19", "ResNet18"}


def test_summary_sets_each_result_beside_the_thesis():
    (paths.PARAMS / "tiny").mkdir(parents=True)
    (paths.PARAMS / "tiny" / "04_training.yaml").touch()
    (paths.PARAMS / "tiny" / "05_evaluation.yaml").write_text("ckplus: []\nferm: [VGG19]\n")
    runs = [fake("VGG19", "AAAAAAAAHH")]
    tables = paths.REPORTS / "tiny" / "tables"
    tables.mkdir(parents=True)
    measures.accuracy_table(runs, "ferm", thesis.TABLE_3_10).to_csv(tables / "table-3-10.csv", index=False)
    table = summary.results("tiny", "real").set_index("model")
    assert table.loc["VGG19", ["epochs", "thesis_epochs", "verdict"]].tolist() == [3, 200, "within the interval"]
    assert table.loc["ResNet18", "verdict"] == "not run"
    assert summary.results("tiny", "synthetic")["verdict"][0] == "drawn faces"
    assert len(plots.accuracy_intervals(table.reset_index()).axes) == 1


def test_others_table_keeps_quoted_own_and_ours_apart():
    ours = pd.DataFrame({"model": ["VGG19"], "accuracy": [90.0], "low": [85.0], "high": [95.0]})
    table = summary.others_table({"RUL": 73.75, "lightResNetl": 73.5}, ours)
    assert table["source"].tolist() == ["quoted by the thesis", "thesis", "this study"]
    assert table["accuracy"].tolist() == [73.75, 73.5, 90.0]


def test_agreement_names_the_misprints_of_table_3_3():
    tables = paths.REPORTS / "tiny" / "tables"
    tables.mkdir(parents=True)
    pd.DataFrame(thesis.TABLE_3_3_TRUE).T.rename_axis("split").to_csv(tables / "table-3-3.csv")
    (row,) = summary.agreement("tiny", "real").to_dict("records")
    assert (row["cells"], row["equal"]) == (24, 22)
    assert "valid Surprise: 415, printed 315 (a misprint" in row["differing"]
    assert summary.agreement("tiny", "synthetic").empty


def test_the_thesis_counts_add_up():
    for table in (thesis.TABLE_3_2, thesis.TABLE_3_3_TRUE, thesis.TABLE_3_4):
        for row in table.values():
            assert sum(row.values()) == 2 * row["Total"]
    for dataset, table in (("ckplus", thesis.TABLE_3_6), ("ferm", thesis.TABLE_3_10)):
        right = np.array(list(table.values())) * thesis.TEST_PICTURES[dataset] / 100
        assert right == pytest.approx(right.round(), abs=0.02)  # the printed accuracies are whole pictures


def test_figures_have_a_panel_per_net():
    matrix = pd.DataFrame(np.eye(2) * 100, index=CLASSES, columns=CLASSES)
    assert len(plots.confusion_matrices({"VGG19": matrix, "ResNet18": matrix, "lightResNetl": matrix}).axes) == 5
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "valid_loss": np.nan, "test_loss": [2.0, 1.5]})
    axes = plots.learning_curves({"VGG19": history}, "loss").axes
    assert len(axes[0].lines) == 2  # the empty validation side is left out
