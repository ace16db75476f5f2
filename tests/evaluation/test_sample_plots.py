import numpy as np
import pandas as pd

from fer_nb.evaluation import plots


def test_sample_grid_places_pictures_of_any_size():
    whole, crop = np.zeros((48, 48), np.uint8), np.ones((44, 44))
    figure = plots.sample_grid({"a": {"Angry": [whole, crop], "Sad": [crop]}, "b": {"Happy": [whole] * 5}})
    left, right = figure.axes
    mosaic = left.images[0].get_array()
    assert mosaic.shape == (100, 100)
    assert (mosaic == 0).sum() == 48 * 48
    assert (mosaic[1:49, 1:49] == 0).all()
    assert [label.get_text() for label in left.get_yticklabels()] == ["Angry", "Sad"]
    assert right.images[0].get_array().shape == (50, 250)


def test_class_balance_is_in_percent_of_each_side():
    table = pd.DataFrame({"Angry": [1, 3], "Sad": [3, 1]}, index=["train", "test"]).assign(Total=4)
    (ax,) = plots.class_balance({"CK+": table}).axes
    assert sorted(bar.get_height() for bar in ax.patches if bar.get_height()) == [25, 25, 75, 75]


def test_fold_leaks_draws_each_fold():
    leaks = pd.DataFrame({"split": ["random", "subject"], "shared_subjects": [100, 0], "nearest_neighbour": [99, 55]})
    (ax,) = plots.fold_leaks(leaks).axes
    assert ax.collections[0].get_offsets().tolist() == [[100, 99], [0, 55]]


def test_disagreement_and_entropy_name_their_axes():
    matrix = pd.DataFrame([[90.0, 10.0], [20.0, 80.0]], index=["Angry", "Sad"], columns=["Angry", "Sad"])
    ax = plots.disagreement(matrix, "before", "after").axes[0]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("before", "after")
    assert [text.get_text() for text in ax.texts] == ["90", "10", "20", "80"]
    ax = plots.vote_entropy({"kept": np.array([0.0, 0.05, 1]), "unknown": np.array([1.5])}).axes[0]
    assert sum(bar.get_height() for bar in ax.patches) == 4
