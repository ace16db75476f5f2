"""lambda1 and lambda2 chosen on pictures that are not measured."""

import numpy as np
import pandas as pd
import pytest
import torch
from planted import detector, stripes

from fer_nb.data import datasets
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.saliency import penalties

CPU = torch.device("cpu")
SETTINGS = {"iterations": 60}


def faces(splits):
    """Four pictures of each split; each is as grey as its number."""
    count, none = 4 * len(splits), np.full(4 * len(splits), "")
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 48, 48)).copy()
    split = np.repeat(splits, 4)
    return FaceSet(images, np.arange(count) % 2, FER_CLASSES, split, none, none, np.arange(count))


def table(areas, drops):
    return pd.DataFrame({"area": areas, "drop": drops})


def test_the_largest_drop_within_the_bound_is_taken():
    assert penalties.best_row(table([40.0, 20, 10], [0.9, 0.6, 0.2]), most=25) == 1
    assert penalties.best_row(table([40.0, 20, 10], [0.9, 0.6, 0.2]), most=50) == 0
    assert penalties.best_row(table([20.0, 10, 15], [0.6, 0.6, 0.6]), most=25) == 1  # as much by less
    assert penalties.best_row(table([60.0, 40, 50], [0.9, 0.1, 0.8]), most=25) == 1  # none is small enough


def test_weights_that_delete_nothing_are_not_chosen_where_others_delete_little_enough():
    inputs = torch.cat([stripes(), stripes()])
    found = penalties.grid_table(detector(), inputs, torch.tensor([0, 1]), [[100, 0.05], [0.2, 0.05]], 25.0, SETTINGS)
    assert found["lambda1"].tolist() == [100, 0.2] and found["chosen"].tolist() == ["", "yes"]
    assert found["area"][0] < 0.1 < 2 < found["area"][1] < 25 and found["drop"][0] < 0.01 < 0.3 < found["drop"][1]
    assert (found["pictures"] == 2).all() and (found["drop"] == found["before"] - found["after"]).all()
    assert penalties.chosen_weights(found) == {"lambda1": 0.2, "lambda2": 0.05}
    said = penalties.choice_in_words(found, "train", 25.0)
    assert "2 pictures of the training split" in said and "lambda1 **0.2**" in said and "at most 25% deleted" in said
    assert "every pair deletes more than 1%" in penalties.choice_in_words(found[found["chosen"] == "yes"], "valid", 1.0)


@pytest.mark.parametrize(("splits", "split"), [(["train", "valid", "test"], "valid"), (["train", "test"], "train")])
def test_the_choice_never_sees_the_test_split(splits, split, monkeypatch):
    drawn = faces(splits)
    monkeypatch.setattr(datasets, "load", lambda name, data: drawn)
    found, inputs, labels = penalties.held_out("ferm", "real", 3, 0, CPU)
    rows = (inputs[:, 0, 0, 0] * 255).round().int().tolist()
    assert found == split and inputs.shape == (3, 3, 44, 44) and set(drawn.split[rows]) == {split}
    assert labels.tolist() == drawn.labels[rows].tolist() and set(labels.tolist()) == {0, 1}


@pytest.mark.parametrize("grid", [[[0.1]], [0.1, 0.2], [[0.1, -1.0]], [["a", 1.0]], []])
def test_a_grid_that_is_none_is_refused(grid):
    with pytest.raises(ValueError, match=r"no pair|not a pair"):
        penalties.grid_table(detector(), stripes(), torch.tensor([0]), grid, 25.0, SETTINGS)


def test_pictures_are_needed():
    with pytest.raises(ValueError, match="take at least one, or give no grid"):
        penalties.held_out("ferm", "real", 0, 0, CPU)
