"""Tables and sentences of notebooks 06 to 08 on numbers that are made to be clear."""

import numpy as np
import pandas as pd
import pytest
import torch

from fer_nb.evaluation import thesis
from fer_nb.saliency import robustness, summary
from fer_nb.saliency.chapter4 import STRENGTHS


def test_mp_table_has_the_means_of_each_expression():
    found = {"area": [0.1] * 6 + [0.3, 0.5] * 4, "before": [1.0] * 6 + [0.8] * 8}
    found |= {"after": [0.1] * 6 + [0.2] * 8, "deleted": [0.0] * 6 + [0.3] * 8}
    found = {name: torch.tensor(values) for name, values in found.items()}
    table = summary.mp_table(found, np.repeat(["Sad", "Happy"], [6, 8])).set_index("expression")
    assert table.index.tolist() == ["all", "Sad", "Happy"] and table["pictures"].tolist() == [14, 6, 8]
    np.testing.assert_allclose(table["area"], [100 * 3.8 / 14, 10, 40], rtol=1e-5)
    assert 30 <= table["low"]["Happy"] < 40 < table["high"]["Happy"] <= 50
    np.testing.assert_allclose(table["after"]["Happy"], 0.2, rtol=1e-5)


def faithful(mp, cam):
    """Deletion and insertion of twelve pictures: MP and Score-CAM beside 0.5 of random and 0.4, 0.6 of centre."""
    means = {"MP": mp, "Score-CAM": cam, "random": (0.5, 0.5), "centre": (0.4, 0.6)}
    noise = np.linspace(-0.01, 0.01, 12)
    scale = {"MP": 1, "Score-CAM": 1, "random": 0, "centre": 0}
    return {
        name: pd.DataFrame({"deletion": values[0] + scale[name] * noise, "insertion": values[1] + scale[name] * noise})
        for name, values in means.items()
    }


def test_the_method_that_passes_more_is_believed():
    cascade = pd.DataFrame({"depth": [0, 1], "quantity": "spearman", "mean": [1, 0.1], "low": [1, 0], "high": [1, 0.2]})
    truth = pd.DataFrame({"method": ["MP", "Score-CAM"], "pairs": "all", "gain": [0.2, 0.0]})
    truth = truth.assign(gain_low=[0.1, -0.1], gain_high=[0.3, 0.1])
    table = summary.belief_table(faithful((0.3, 0.7), (0.45, 0.45)), {"MP": cascade}, truth)
    assert table[table["method"] == "MP"]["passes"].tolist() == ["yes"] * 6
    cam = table[table["method"] == "Score-CAM"].set_index("test")["passes"]
    assert cam["deletion: better than a random map"] == "yes" and cam["deletion: better than a centre map"] == "no"
    assert cam["truth: on the regions that decide"] == "cannot say"
    assert "passed: MP 5, Score-CAM 1. Where the two differ, believe MP." in summary.belief_words(table)


def test_maps_that_do_not_mind_permuted_labels_fail():
    labels = pd.DataFrame({"method": ["MP", "Score-CAM"], "quantity": "spearman", "mean": [0.1, 0.9]})
    labels = labels.assign(low=[0.0, 0.8], high=[0.2, 1.0])
    table = summary.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {}, labels=labels)
    rows = table[table["test"].str.startswith("permuted labels")].set_index("method")
    assert rows["passes"].to_dict() == {"MP": "yes", "Score-CAM": "no"} and rows["measured"]["Score-CAM"] == 0.9


def test_neither_is_believed_on_equal_or_no_grounds():
    equal = summary.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {})
    assert "both methods pass 4" in summary.belief_words(equal)
    none = summary.belief_table(faithful((0.9, 0.1), (0.9, 0.1)), {})
    assert "believe neither" in summary.belief_words(none)
    one = {name: table[:1] for name, table in faithful((0.3, 0.7), (0.3, 0.7)).items()}
    assert "too few" in summary.belief_words(summary.belief_table(one, {}))


def predicted(labels):
    columns = {"picture": range(len(labels)), "label": labels, "before": labels, "predicted": labels}
    tables = [
        pd.DataFrame(columns | {"probability_before": np.linspace(0.5, 0.99, len(labels)), "probability": 0.9})
        .assign(transform=name, strength=strength)
        for name, strength in STRENGTHS.items()
    ]  # fmt: skip
    return pd.concat(tables)


def test_each_figure_gets_its_expression_or_the_nearest():
    cases = summary.cases(predicted(["Happy", "Fear", "Happy", "Disgust"]))
    assert {number: case["label"] for number, case in cases.items()} == {
        "4-2": "Disgust",  # no contempt here: 0.99 is nearest to the printed 0.943
        "4-3": "Happy",
        "4-4": "Happy",
        "4-5": "Fear",
        "4-6": "Disgust",
    }
    assert cases["4-3"]["picture"] == 2
    table = summary.case_table(cases)
    assert table["of"].tolist() == ["thesis", "ours"] * 5
    assert table["before"][0] == thesis.FIGURES_4_2["4-2"]["probability_before"]
    wrong = predicted(["Happy"]).assign(before="Sad")
    assert summary.cases(wrong) == {}


def test_rungs():
    assert summary.ladder("all") is robustness.LADDER
    assert summary.ladder("judged")["rotation"] == (10.0,)
    with pytest.raises(ValueError, match="judged"):
        summary.ladder("some")


def test_region_words_name_the_ends_and_empty_maps():
    table = {"expression": "all", "region": ["brows", "eyes"], "share": [0.4, 0.1], "area": 0.2, "pictures": 7}
    said = summary.region_words(pd.DataFrame(table | {"empty": 2}), "MP")
    assert "on the brows (2.00 times chance)" in said and "on the eyes (0.50 times); 2 of 7 maps are empty" in said
    assert summary.region_words(pd.DataFrame(table | {"empty": 7, "share": np.nan}), "MP") == "MP: every map is empty."
