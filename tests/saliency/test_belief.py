"""Which method passes which test, on numbers that are made to be clear."""

import numpy as np
import pandas as pd

from fer_nb.saliency import belief


def faithful(mp, cam, by_black=0.0):
    """Deletion and insertion of twelve pictures: MP and Score-CAM beside 0.5 of random and 0.4, 0.6 of centre.

    ``by_black``: by how much MP is worse there.
    """
    means = {"MP": mp, "Score-CAM": cam, "random": (0.5, 0.5), "centre": (0.4, 0.6)}
    noise, found = np.linspace(-0.01, 0.01, 12), {}
    for name, (deletion, insertion) in means.items():
        own = noise if name in belief.OURS else 0 * noise
        worse = by_black if name == "MP" else 0.0
        columns = {"deletion, blur": deletion + own, "deletion, black": deletion + worse + own}
        columns |= {"insertion, blur": insertion + own, "insertion, black": insertion - worse + own}
        found[name] = pd.DataFrame(columns)
    return found


def test_the_tests_that_each_method_passes_are_counted():
    cascade = pd.DataFrame({"depth": [0, 1], "quantity": "spearman", "mean": [1, 0.1], "low": [1, 0], "high": [1, 0.2]})
    table = belief.belief_table(faithful((0.3, 0.7), (0.45, 0.45)), {"MP": cascade})
    assert table[table["method"] == "MP"]["passes"].tolist() == ["yes"] * 9
    cam = table[table["method"] == "Score-CAM"].set_index(["test", "background"])["passes"]
    for background in ("blur", "black"):
        assert cam["deletion: better than a random map", background] == "yes"
        assert cam["deletion: better than a centre map", background] == "no"
    said = belief.belief_in_words(table)
    assert said == "Of 4 tests that both methods took, passed: MP 4, Score-CAM 1."


def test_a_method_that_passes_by_blur_alone_passes_neither_deletion_nor_insertion():
    table = belief.belief_table(faithful((0.3, 0.7), (0.3, 0.7), by_black=0.3), {})
    mp = table[table["method"] == "MP"].groupby("background")["passes"].unique()
    assert mp["blur"].tolist() == ["yes"] and mp["black"].tolist() == ["no"]
    assert belief.belief_in_words(table) == "Of 4 tests that both methods took, passed: MP 0, Score-CAM 4."


def test_a_test_without_a_measurement_was_not_taken():
    sound = pd.DataFrame({"depth": [0, 1], "quantity": "spearman", "mean": [1, 0.1], "low": [1, 0], "high": [1, 0.2]})
    empty = sound.assign(mean=np.nan, low=np.nan, high=np.nan)
    table = belief.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {"MP": empty, "Score-CAM": sound})
    assert belief.belief_in_words(table) == "Of 4 tests that both methods took, passed: MP 4, Score-CAM 4."


def test_maps_that_do_not_mind_permuted_labels_fail():
    labels = pd.DataFrame({"method": ["MP", "Score-CAM"], "quantity": "spearman", "mean": [0.1, 0.9]})
    labels = labels.assign(low=[0.0, 0.8], high=[0.2, 1.0])
    table = belief.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {}, labels=labels)
    rows = table[table["test"].str.startswith("permuted labels")].set_index("method")
    assert rows["passes"].to_dict() == {"MP": "yes", "Score-CAM": "no"} and rows["measured"]["Score-CAM"] == 0.9


def test_equal_or_no_grounds():
    equal = belief.belief_table(faithful((0.3, 0.7), (0.3, 0.7)), {})
    assert "passed: MP 4, Score-CAM 4." in belief.belief_in_words(equal)
    none = belief.belief_table(faithful((0.9, 0.1), (0.9, 0.1)), {})
    assert "passed: MP 0, Score-CAM 0." in belief.belief_in_words(none)
    one = {name: table[:1] for name, table in faithful((0.3, 0.7), (0.3, 0.7)).items()}
    assert "too few" in belief.belief_in_words(belief.belief_table(one, {}))
