"""fer_nb.evaluation.megc2019: published counts and numbers, which this file repeats from their sources."""

import numpy as np
import pandas as pd
import pytest

from fer_nb.evaluation import megc2019


def test_the_composite_adds_up():
    whole = megc2019.composite_table().set_index("data").loc["megc2019"]
    assert whole.tolist() == [250, 109, 83, 442, 68]


def test_published_matrices_give_their_published_measures():
    """UF1 .7353 as printed; UAR .7186, where .7605 is printed; the Python log .7209 and .7250."""
    table = megc2019.check_table()
    assert table["clips"].tolist() == [442, 442]
    assert table["UF1"].tolist() == pytest.approx([73.53, 72.09], abs=0.005)
    assert table["UAR"].tolist() == pytest.approx([71.86, 72.50], abs=0.005)
    for name in ("UF1", "UAR"):
        assert table[name].tolist() == pytest.approx(table[f"{name}_sklearn"].tolist(), abs=1e-10)
    assert table["printed_UAR_is"].tolist() == ["mean precision", ""]
    assert megc2019.check_sentence(table) == (
        "Our UF1 and UAR are scikit-learn's. STSTNet, log of the paper: the UAR printed, 76.05, is its mean precision; "
        "its UAR is 71.86."
    )


@pytest.mark.parametrize(("printed", "word"), [(71.86, "UAR"), (76.05, "mean precision"), (76.06, "neither")])
def test_which_measure_a_printed_number_is(monkeypatch, printed, word):
    counts, _ = next(iter(megc2019.LOGS.values()))
    monkeypatch.setattr(megc2019, "LOGS", {"one": (counts, {"UAR": printed})})
    table = megc2019.check_table()
    assert table["printed_UAR_is"].tolist() == [word]
    assert ("its UAR is" in megc2019.check_sentence(table)) == (word != "UAR")


def test_counts_become_clips_and_back():
    counts = [[2, 1, 0], [0, 3, 0], [1, 0, 4]]
    table = megc2019.predictions(counts)
    names = list(megc2019.CLASSES)
    again = pd.crosstab(table["label"], table["predicted"]).reindex(index=names, columns=names, fill_value=0)
    assert np.array_equal(again, counts) and table["subject"].is_unique


def test_a_matrix_of_other_clips_is_refused(monkeypatch):
    monkeypatch.setattr(megc2019, "LOGS", {"other": (((1, 0, 0), (0, 1, 0), (0, 0, 1)), {})})
    with pytest.raises(ValueError, match=r"other: \[1, 1, 1\] clips .* has \[250, 109, 83\]"):
        megc2019.check_table()
