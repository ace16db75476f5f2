import json

import numpy as np
import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.evaluation import measures, plots, summary, thesis


@pytest.fixture
def study():
    """``study(runs, ferm=["VGG19"])``: study "tiny" with these parameters of notebook 05 and the tables it saves."""

    def write(runs, **given):
        given = {
            "ckplus": [],
            "ckplus_folds": [],
            "ckplus_subjects": [],
            "fer2013": [],
            "ferm": [],
            "seeds": [0],
        } | given
        (paths.PARAMS / "tiny").mkdir(parents=True)
        (paths.PARAMS / "tiny" / "04_training.yaml").touch()
        (paths.PARAMS / "tiny" / "05_evaluation.yaml").write_text(json.dumps(given))
        tables = paths.REPORTS / "tiny" / "tables"
        tables.mkdir(parents=True)
        for part in thesis.SECTION_3_3.values():
            if measures.by_model(runs, part.dataset):
                ours = measures.accuracy_table(runs, part.dataset, part.accuracies)
                ours.to_csv(tables / f"{part.table}.csv", index=False)
                protocol = measures.protocol_table(runs, part.dataset, np.array([]))
                protocol.to_csv(tables / f"{part.table}-protocol.csv", index=False)
        pd.DataFrame({"model": ["VGG19"], "split": ["any"]}).to_csv(tables / "table-3-6-splits.csv", index=False)

    return write


def test_summary_sets_each_result_beside_the_thesis(fake, study):
    study([fake("VGG19", "AAAAAAAAHH", test_curve=[50.0] * 200)], ferm=["VGG19"])
    table = summary.accuracies("tiny", "real").set_index("model")
    assert table.loc["VGG19", ["epochs", "seeds", "verdict"]].tolist() == [200, 1, "within the interval"]
    assert table.loc["ResNet18", "verdict"] == "not run"
    assert {str(table[name].dtype) for name in ("seeds", "epochs")} == {"Int64"}  # shown as counts, missing or not
    assert summary.accuracies("tiny", "synthetic")["verdict"][0] == "drawn faces"
    assert len(plots.accuracy_intervals(table.reset_index()).axes) == 1
    assert summary.protocols("tiny")[["dataset", "model"]].values.tolist() == [["FERm", "VGG19"]]
    assert summary.ckplus_splits("tiny").empty


@pytest.mark.parametrize("rule", ["subject", "fold"])
def test_a_study_without_the_thesis_s_fold_has_a_summary(fake, study, rule):
    runs = [fake("VGG19", "AAAAAAAAHH", dataset=f"ckplus-{rule}2")]
    study(runs, folds=[2], **{f"ckplus_{rule}s": ["VGG19"]})
    table = summary.accuracies("tiny", "real")
    assert table["model"].tolist() == list(thesis.MODELS) and set(table["verdict"]) == {"not run"}
    assert set(table["dataset"]) == {"CK+"} and table[["accuracy", "seeds", "epochs"]].isna().all(axis=None)
    assert len(plots.accuracy_intervals(table).axes) == 1
    assert summary.protocols("tiny").empty and len(summary.ckplus_splits("tiny")) == 1


def test_agreement_names_the_misprints_of_table_3_3():
    tables = paths.REPORTS / "tiny" / "tables"
    tables.mkdir(parents=True)
    pd.DataFrame(thesis.TABLE_3_3_TRUE).T.rename_axis("split").to_csv(tables / "table-3-3.csv")
    (row,) = summary.agreement("tiny", "real").to_dict("records")
    assert (row["cells"], row["equal"]) == (24, 22)
    assert "valid Surprise: 415, printed 315 (a misprint" in row["differing"]
    words = {data: summary.agreement_words(summary.agreement("tiny", data)) for data in ("real", "synthetic")}
    assert words["real"] == "22 of 24 cells are as the thesis prints them."
    assert words["synthetic"] == "This study has made none of these tables."
