"""The pictures of notebooks 06 to 08: which are taken, that they come back, and that maps are made once."""

import numpy as np
import pytest
import torch

from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.saliency import sample

N = 40


@pytest.fixture
def faces():
    rng, empty = np.random.default_rng(0), np.full(N, "")
    images, labels = rng.integers(0, 256, (N, 48, 48), dtype=np.uint8), np.resize(np.arange(7), N)
    return FaceSet(images, labels, FER_CLASSES, np.full(N, "test"), empty, empty, np.arange(N) + 100)


@pytest.fixture
def sure(faces):
    """Three of four pictures right, with 0.9."""
    predicted = np.where(np.arange(N) % 4 == 3, (faces.labels + 1) % 7, faces.labels)
    return np.eye(7)[predicted] * 0.9


def test_measured_are_the_expressions_in_turn_and_wrong_ones_stand_apart(faces, sure):
    chosen = sample.choose(faces, sure, pictures=14, wrong=3)
    measured, mistaken = chosen.rows("sample"), chosen.rows("wrong")
    assert np.bincount(chosen.faces.labels[measured]).tolist() == [2] * 7
    assert len(set(chosen.places[measured])) == 14
    np.testing.assert_array_equal(chosen.target[measured], chosen.faces.labels[measured])
    assert len(mistaken) == 3 and (chosen.target[mistaken] != chosen.faces.labels[mistaken]).all()
    np.testing.assert_array_equal(chosen.target[mistaken], chosen.predicted[mistaken])
    shown = chosen.shown_right()
    assert chosen.faces.labels[shown].tolist() == list(range(7))
    np.testing.assert_array_equal(chosen.predicted[shown], chosen.faces.labels[shown])
    np.testing.assert_array_equal(chosen.faces.images, faces.images[chosen.places])
    np.testing.assert_array_equal(sample.in_turn(faces.labels, 0)[:14], chosen.places[measured])


def test_wrong_predictions_are_one_of_each_expression_before_a_second_one(faces):
    """Five of six angry ones are wrong, two of six happy ones: the first three shown must not all be angry."""
    wrong = np.isin(np.arange(N), [0, 7, 14, 21, 28, 3, 10])
    probabilities = np.eye(7)[np.where(wrong, (faces.labels + 1) % 7, faces.labels)]
    for seed in range(10):
        chosen = sample.choose(faces, probabilities, pictures=1, wrong=5, seed=seed)
        mistaken = chosen.faces.labels[chosen.rows("wrong")]
        assert mistaken.tolist() == [0, 3, 0, 3, 0]
        right = chosen.faces.labels[chosen.shown_right()]
        assert right.tolist() == list(range(7)) and chosen.shown_in_words() == "for each of 7 expressions"
        assert len(chosen.rows("right")) in (6, 7)  # the measured one is shown where it is predicted right


def test_what_is_shown_is_said(faces):
    probabilities = np.eye(7)[np.where(np.isin(faces.labels, [1, 2]), 3, faces.labels)]
    chosen = sample.choose(faces, probabilities, pictures=7)
    assert chosen.faces.labels[chosen.shown_right()].tolist() == [0, 3, 4, 5, 6]
    assert chosen.shown_in_words() == "for 5 of 7 expressions (none for Disgust, Fear)"
    assert chosen.shown_in_words(("Angry", "Disgust")) == "for 1 of 2 expressions (none for Disgust)"


def test_more_than_there_are_gives_all_and_none_is_refused(faces, sure):
    assert sorted(sample.choose(faces, sure, 1000, wrong=0).places) == list(range(N))
    with pytest.raises(ValueError, match="pictures is 0, the test split has 40: take at least one"):
        sample.choose(faces, sure, 0)


def test_what_is_kept_comes_back(faces, sure, tmp_path):
    chosen, path = sample.choose(faces, sure, 7), tmp_path / "saliency" / "maps.npz"
    maps = torch.rand(len(chosen), 1, 44, 44, generator=torch.Generator().manual_seed(0))
    sample.save_maps(path, "net", chosen, {"iterations": 3, "perturbation": "blur"}, map=maps)
    again, settings, kept = sample.load_maps(path, "net", faces)
    assert settings == {"iterations": 3, "perturbation": "blur"}
    assert torch.equal(kept["map"], maps)
    for name in ("places", "kind", "target", "predicted", "probability"):
        np.testing.assert_array_equal(getattr(again, name), getattr(chosen, name))


def test_maps_of_other_pictures_another_net_or_none_are_refused(faces, sure, tmp_path):
    with pytest.raises(FileNotFoundError, match="06_mp_analysis"):
        sample.load_maps(tmp_path / "maps.npz", "net", faces)
    sample.save_maps(tmp_path / "maps.npz", "net", sample.choose(faces, sure, 7), {})
    with pytest.raises(ValueError, match="other pictures"):
        sample.load_maps(tmp_path / "maps.npz", "net", faces.subset(np.arange(N)[::-1]))
    with pytest.raises(ValueError, match="the maps are of another net: run 06_mp_analysis and 07"):
        sample.load_maps(tmp_path / "maps.npz", "other", faces)


def test_a_map_is_made_once():
    asked = []

    def attribution(inputs, target):
        asked.append(len(inputs))
        return inputs[:, :1] + target[:, None, None, None]

    inputs, target = torch.rand(4, 3, 44, 44), torch.tensor([0, 1, 2, 3])
    make = sample.Remembered(attribution, (inputs[:2], target[:2], attribution(inputs[:2], target[:2])))
    asked.clear()
    expected = inputs[:, :1] + target[:, None, None, None]
    assert torch.equal(make(inputs, target), expected) and torch.equal(make(inputs, target), expected)
    assert asked == [2]
    make(inputs[:1], target[1:2])  # the same picture, another class
    assert asked == [2, 1]


def test_a_part_of_the_split_is_said_to_be_one():
    assert sample.tested_in_words(3153, 3153) == sample.tested_in_words(4000, 3153) == "all 3153 test pictures"
    said = sample.tested_in_words(1000, 3153)
    assert said.startswith("1000 of 3153 test pictures, the expressions in turn") and "not that of the split" in said
