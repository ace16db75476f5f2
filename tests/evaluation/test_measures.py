import numpy as np
import pandas as pd
import pytest

from fer_nb import intervals, paths
from fer_nb.evaluation import measures
from fer_nb.evaluation.thesis import SECTION_3_3
from fer_nb.study import Run, evaluation_runs

CLASSES = ("Angry", "Happy")


def test_a_start_is_flat_until_a_net_learns_more_than_the_largest_class(fake):
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("VGG19", "AAAAAAHHAA", seed=1)]
    curves = [[64.9, 62.0, 65.0, 60.0], [90.0, 60.0, 95.0, 99.0]]
    for run, curve in zip(runs, curves, strict=True):
        path = run.folder / "history.csv"
        pd.DataFrame({"epoch": range(1, 5), "train_accuracy": curve}).to_csv(path, index=False)
    table = measures.seeds_table([*runs, fake("ResNet18", "AAAAAAHHHH")], "ferm", largest=60.0)
    assert table["model"].tolist() == ["VGG19"] * 2 and table["seed"].tolist() == [0, 1]
    assert table["flat_epochs"].tolist() == [2, 0] and table["train_accuracy"].tolist() == [60, 99]
    assert table["accuracy"].tolist() == [100, 80] and table["epochs"].tolist() == [4, 4]


def test_accuracy_table_is_the_mean_over_seeds_in_the_thesis_order(fake):
    runs = [
        fake("lightResNetl", "AAAAAAHHHH"),
        fake("VGG19", "AAAAAAAAHH", seed=0),  # 8 of 10; classes 6/6 and 2/4
        fake("VGG19", "AAAHHHHHHA", seed=1),  # 6 of 10; classes 3/6 and 3/4
    ]
    table = measures.accuracy_table(runs, "ferm", {"VGG19": 75.0, "lightResNetl": 90.0})
    columns = "model accuracy low high mean_per_class_accuracy seeds thesis_accuracy difference pictures"
    assert " ".join(table.columns) == columns
    assert list(table["model"]) == ["VGG19", "lightResNetl"]
    assert table["accuracy"].tolist() == [70, 100]
    assert table["mean_per_class_accuracy"].tolist() == pytest.approx([100 * (9 / 12 + 5 / 8) / 2, 100])
    assert table["seeds"].tolist() == [2, 1]
    assert table["difference"].tolist() == [-5, 10]
    assert table.loc[0, ["low", "high"]].tolist() == pytest.approx(intervals.wilson(70, 10), abs=1e-3)


def test_others_table_keeps_quoted_own_and_ours_apart():
    ours = pd.DataFrame({"model": ["VGG19"], "accuracy": [90.0], "low": [85.0], "high": [95.0]})
    table = measures.others_table({"RUL": 73.75, "lightResNetl": 73.5}, ours)
    assert table["source"].tolist() == ["quoted by the thesis", "thesis", "this study"]
    assert table["accuracy"].tolist() == [73.75, 73.5, 90.0]


def test_protocol_table_shows_what_the_test_split_would_have_chosen(fake):
    runs = [fake("VGG19", "AAAAAAAAHH", seed=0), fake("VGG19", "AAAHHHHHHA", seed=1, test_curve=(60.0, 40.0, 60.0))]
    (row,) = measures.protocol_table(runs, "ferm", np.array([6, 7, 99])).to_dict("records")
    assert row["accuracy"] == 70
    assert row["deviation"] == pytest.approx(np.sqrt(200), abs=1e-3)
    assert row["selected_on_test"] == 70  # the mean of 80 and 60
    assert row["score_of_kept"] == 65  # the mean of 70 and 60, the third epoch
    assert row["optimism"] == 5  # the mean of 80 - 70 and 60 - 60: both by the crops of history.csv
    assert (row["crops"], row["score_crops"]) == (10, 1)
    assert row["repeats"] == 2
    assert row["without_repeats"] == 75  # rows 6 and 7: both wrong, then both right; 8/8 and 4/8 remain


def test_ckplus_table_counts_sequences_and_pools_folds(fake, clips):
    runs = [fake("VGG19", "AAAHHA", "AAAHHH", dataset="ckplus-fold1", rows=[0, 1, 2, 3, 4, 5])]
    for k in range(1, 11):
        rows = [6 * k + i for i in range(6)] if k < 10 else [54, 55, 56, 57, 58, 59]  # fold 10 repeats fold 9
        runs.append(fake("VGG19", "AAAHHH", "AAAHHH", dataset=f"ckplus-subject{k}", rows=rows))
    table = measures.ckplus_table(runs, clips(66))
    assert table["split"].tolist() == ["the thesis's fold", "folds by subject"]
    assert table["folds"].tolist() == [1, 10]
    assert table["pictures"].tolist() == [6, 54]
    assert table["sequences"].tolist() == [2, 18]
    assert table["accuracy"].tolist() == pytest.approx([100 * 5 / 6, 100], abs=1e-3)
    assert table["sequence_low"][1] == pytest.approx(intervals.wilson(100, 18)[0], abs=1e-3)


@pytest.mark.parametrize(
    ("folds", "rules"),
    [
        (["fold1"], ["the thesis's fold"]),
        (["fold2"], ["folds by position"]),
        (["fold1", "fold2"], ["the thesis's fold", "folds by position"]),
        (["subject7"], ["folds by subject"]),
    ],
)
def test_a_lone_fold_is_taken_as_what_it_is(fake, folds, rules, clips):
    runs = [fake("VGG19", "AAAHHA", "AAAHHH", dataset=f"ckplus-{fold}") for fold in folds]
    table = measures.ckplus_table(runs, clips(6))
    assert table["split"].tolist() == rules
    assert table["folds"].iloc[-1] == len(folds)
    assert table["accuracy"].tolist() == pytest.approx([100 * 5 / 6] * len(rules), abs=1e-3)


def test_confusion_and_per_class(fake):
    run = fake("VGG19", "AAAHHHHHHA")
    matrix = measures.confusions([run], "ferm", (*CLASSES, "Fear"))["VGG19"]
    assert matrix.to_numpy().tolist() == [[50, 50, 0], [25, 75, 0], [0, 0, 0]]
    table = measures.per_class_table([run], "ferm", (*CLASSES, "Fear")).set_index("class")
    assert table.loc["Happy", ["precision", "recall", "pictures"]].tolist() == [50, 75, 4]
    assert table.loc["Happy", "f1"] == 60
    assert table.loc["Angry", "low"] == pytest.approx(intervals.wilson(50, 6)[0], abs=1e-3)
    assert table.loc["Fear", "pictures"] == 0 and np.isnan(table.loc["Fear", "low"])


def test_on_ckplus_intervals_are_over_sequences(fake, clips):
    labels, faces = "AAAAAAHHHHHH", clips(12)  # four sequences of three frames
    run = fake("VGG19", "AAAHHAHHHAHH", labels, dataset="ckplus-fold1")
    (row,) = measures.accuracy_table([run], "ckplus-fold1", {}, faces).to_dict("records")
    assert row["accuracy"] == 75 and row["pictures"] == 12
    assert (row["low"], row["high"]) == pytest.approx(intervals.wilson(75, 4))
    row = measures.per_class_table([run], "ckplus-fold1", CLASSES, faces).set_index("class").loc["Angry"]
    assert row["recall"] == pytest.approx(200 / 3) and row["pictures"] == 6
    assert row[["low", "high"]].tolist() == pytest.approx(intervals.wilson(200 / 3, 2))


def test_runs_of_one_rule_of_folds_are_one_row(fake):
    runs = [fake("VGG19", "AAAAAAHHHH", dataset=f"ckplus-fold{k}") for k in (1, 2)] + [fake("VGG19", "AAAAAAHHHH")]
    table = measures.runs_table(
        [*runs, fake("VGG19", "AAAAAAHHHH", dataset="fer2013", test_curve=(1.0, 2.0, 3.0, 4.0))]
    )
    assert table["dataset"].tolist() == ["ckplus-fold", "ferm", "fer2013"]
    assert table["runs"].tolist() == [2, 1, 1]
    assert table["epochs"].tolist() == [3, 3, 4]
    assert table["minutes"].tolist() == pytest.approx([0.05, 0.025, 0.025])


def test_a_missing_run_is_named_with_the_way_to_make_it():
    (paths.PARAMS / "tiny").mkdir(parents=True)
    (paths.PARAMS / "tiny" / "04_training.yaml").touch()
    with pytest.raises(FileNotFoundError, match=r"ferm-VGG19-seed0 of study tiny .* -m fer_nb.run .* model=VGG19"):
        measures.accuracy_table([Run("tiny", "ferm", "VGG19", 0)], "ferm", {})


def test_runs_on_different_pictures_are_refused(fake):
    runs = [fake("VGG19", "AAAAAAHHHH"), fake("VGG19", "AAAAAAHHHH", seed=1, rows=range(5, 15))]
    with pytest.raises(ValueError, match="ferm-VGG19-seed0 and ferm-VGG19-seed1 were measured on different"):
        measures.accuracy_table(runs, "ferm", {})


@pytest.mark.parametrize(
    ("thesis_accuracy", "word"),
    [(70, "within the interval"), (60, "above"), (90, "below"), (np.nan, "not in the thesis")],
)
def test_verdict(thesis_accuracy, word):
    ours = {"accuracy": 70.0, "low": 65.0, "high": 75.0}
    assert measures.verdict(ours, thesis_accuracy, 200, SECTION_3_3["ferm"]) == word
    assert measures.verdict(dict.fromkeys(ours, np.nan), 70, np.nan, SECTION_3_3["ferm"]) == "not run"


def test_100_percent_of_33_sequences_is_a_sample_too():
    low, high = measures.wilson(96.97, 33)  # one sequence wrong
    assert high < 100
    verdict = measures.verdict({"accuracy": 96.97, "low": low, "high": high}, 100.0, 60, SECTION_3_3["ckplus"])
    assert verdict == "within the interval"


def test_fewer_epochs_than_the_thesis_are_not_comparable():
    ours = {"accuracy": 9.0, "low": 8.0, "high": 10.0}
    assert measures.verdict(ours, 70, 2, SECTION_3_3["ckplus"]) == "below, 2 of 60 epochs"


def test_plan_trains_the_thesis_fold_once():
    given = {"ckplus": ["VGG19"], "ckplus_folds": ["ResNet18", "VGG19"], "seeds": [0]}
    given |= {"ckplus_subjects": [], "fer2013": [], "ferm": []}
    (paths.PARAMS / "tiny").mkdir(parents=True)
    (paths.PARAMS / "tiny" / "04_training.yaml").touch()
    runs = evaluation_runs("tiny", given)
    assert len(runs) == len(set(runs)) == 20
    assert {run.model for run in runs if run.dataset == "ckplus-fold1"} == {"VGG19", "ResNet18"}


def test_the_surest_mistakes_of_each_class_come_first():
    shares = [0.6, 0.9, 0.8, 0.9, 0.7, 0.9]  # of the predicted class
    table = pd.DataFrame({"row": range(6), "label": ["Happy", "Angry", "Angry", "Angry", "Angry", "Happy"]})
    table["predicted"] = ["Angry", "Happy", "Happy", "Angry", "Happy", "Happy"]
    for name in CLASSES:
        table[name] = [p if said == name else 1 - p for p, said in zip(shares, table["predicted"], strict=True)]
    found = measures.confident_mistakes(table, CLASSES, most=2)
    assert found["row"].tolist() == [1, 2, 0]  # row 3 is right, row 4 the third of its class
    assert found["confidence"].tolist() == pytest.approx([0.9, 0.8, 0.6])
