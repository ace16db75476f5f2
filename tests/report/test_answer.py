"""The sentences that say what a study found."""

import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.report import answer


def test_accuracies_are_counted_by_how_they_stand_to_the_thesiss():
    verdicts = ["within the interval", "below, 42 of 200 epochs", "below", "above", "not run"]
    words = answer.accuracies_words(pd.DataFrame({"verdict": verdicts}))
    assert words == (
        "4 of the thesis's 5 accuracies have been measured: 1 agrees with the thesis's within a 95% interval,"
        " 2 lie below (1 in fewer epochs), 1 lies above."
    )
    assert answer.accuracies_words(pd.DataFrame({"verdict": ["not run"]})).startswith("0 of the thesis's 1 acc")
    drawn = answer.accuracies_words(pd.DataFrame({"verdict": ["drawn faces", "not run"]}))
    assert drawn == "1 net learned drawn faces: their accuracies say nothing of the thesis's."


def test_sentences_hold_where_all_their_rows_do():
    rows = [("a", "yes"), ("a", "yes"), ("b", "yes"), ("b", "cannot say"), ("c", "no"), ("d", "yes"), ("d", "no")]
    table = pd.DataFrame(rows, columns=["sentence", "holds"]).assign(measured=1.0, method="MP", pictures=21)
    of_predictions = table.iloc[:1].assign(method="", pictures=1000)
    nothing = table.iloc[:1].assign(sentence="e", measured=float("nan"), holds="cannot say", method="", pictures=0)
    assert answer.sentences_words(pd.concat([table, of_predictions, nothing])) == (
        "Section 4.2 reads single pictures. By maps of 21 and predictions of 1,000 of its 5 sentences 1 holds,"
        " 1 does not, 1 holds in part, 1 cannot be decided, 1 is not measured."
    )


def test_cells_and_searches():
    cells = pd.DataFrame({"equal": [8, 22], "cells": [8, 24], "differing": ["none", "x (a misprint); y (a misprint)"]})
    assert answer.cells_words(cells).startswith("30 of 32 counted cells") and "2 others" in answer.cells_words(cells)
    gap = {"data": "ckplus-fold1", "reference": "lightResNetl", "difference": 1.0, "low": 0.0, "high": 2.0}
    assert answer.searches_words(pd.DataFrame([gap])) == ""
    assert "+1.00 [0.00, +2.00] points on" in answer.searches_words(pd.DataFrame([gap | {"reference": "mean of x"}]))


def test_search_or_luck():
    row = {"data": "ferm", "model": "EmoNAS", "genotypes": 2, "accuracy": 85.0, "beaten": 62.5, "random_nets": 8}
    table = pd.DataFrame([row | {"random_mean": 84.25, "p_holm": 0.25}])
    assert answer.luck_words(table) == (
        "Search or luck: the search EmoNAS cannot be told from chance on ferm: on average 85.00% for 2 found nets,"
        " 84.25% for 8 random ones (Holm's p 0.250)."
    )
    assert answer.luck_words(table.iloc[:0]) == ""


def test_each_answer_leads_to_its_table(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", tmp_path)
    (tmp_path / "small/tables").mkdir(parents=True)
    pd.DataFrame({"verdict": ["not run"]}).to_csv(tmp_path / "small/tables/summary.csv", index=False)
    pages = [{"href": "12_summary.html", "tables": [{"name": "summary"}, {"name": "section-4-2"}]}]
    (found,) = answer.answers("small", pages)
    assert found["href"] == "12_summary.html#table-summary" and found["words"].startswith("0 of the thesis's 1")


def test_micro_expressions_are_those_of_the_first_clips_and_net():
    rows = [
        ("micro1_dynamic", "a", "UF1", 94.0),
        ("micro1_dynamic", "a", "UAR", 90.0),
        ("micro1_apex", "a", "UF1", 20.0),
    ]
    rows += [("micro2_dynamic", "a", "UF1", 99.0), ("micro1_dynamic", "b", "UF1", 98.0)]
    table = pd.DataFrame(rows, columns=["data", "model", "measure", "value"])
    said = answer.micro_words(table.assign(low=10.0, high=99.0, subjects=24))
    assert said == (
        "Drawn micro-expressions (24 drawn subjects, each held out), mean F1 of a by picture of a clip:"
        " dynamic image 94.00 [10.00, 99.00], apex frame 20.00 [10.00, 99.00]%."
    )


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([], "photographs; 1 page not run yet; 2026-11-26, commit abc"),
        ([{"epochs": 5, "seed": 0}], "photographs; 1 training run of 5 epochs, 1 seed; 1 page"),
        (
            [{"epochs": 5, "seed": 0}, {"epochs": 9, "seed": 1}, {"seed": 2}],
            "2 training runs of 5 to 9 epochs, 2 seeds",
        ),
    ],
)
def test_facts_are_those_that_are_known(runs, said):
    made = {"done": True, "started": "2026-11-26T10:00:00", "commit": "abc", "parameters": {"data": "real"}}
    assert said in answer.facts("small", [made, {"done": False}], runs)
