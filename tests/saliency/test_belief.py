"""Which method to believe, on numbers that are made to be clear."""

import numpy as np
import pandas as pd

from fer_nb.saliency import belief


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
    table = belief.belief_table(faithful((0.3, 0.7), (0.45, 0.45)), {"MP": cascade}, truth)
    assert table[table["method"] == "MP"]["passes"].tolist() == ["yes"] * 6
    cam = table[table["method"] == "Score-CAM"].set_index("test")["passes"]
    assert cam["deletion: better than a random map"] == "yes" and cam["deletion: better than a centre map"] == "no"
    assert cam["truth: on the regions that decide"] == "cannot say"
    assert "passed: MP 5, Score-CAM 1. Where the two differ, believe MP." in belief.belief_in_words(table)


def test_maps_that_do_not_mind_permuted_labels_fail():
    labels = pd.DataFrame({"method": ["MP", "Score-CAM"], "quantity": "spearman", "mean": [0.1, 0.9]})
    labels = labels.assign(low=[0.0, 0.8], high=[0.2, 1.0])
    table = belief.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {}, labels=labels)
    rows = table[table["test"].str.startswith("permuted labels")].set_index("method")
    assert rows["passes"].to_dict() == {"MP": "yes", "Score-CAM": "no"} and rows["measured"]["Score-CAM"] == 0.9


def test_neither_is_believed_on_equal_or_no_grounds():
    equal = belief.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {})
    assert "Both methods pass 4" in belief.belief_in_words(equal)
    none = belief.belief_table(faithful((0.9, 0.1), (0.9, 0.1)), {})
    assert "believe neither" in belief.belief_in_words(none)
    one = {name: table[:1] for name, table in faithful((0.3, 0.7), (0.3, 0.7)).items()}
    assert "too few" in belief.belief_in_words(belief.belief_table(one, {}))
