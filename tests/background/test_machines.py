import numpy as np
import pytest

from fer_nb.background import machines
from fer_nb.data.faceset import FaceSet


def face_set(split, groups=None):
    n = len(split)
    labels, nothing = np.arange(n) % 2, np.full(n, "")
    groups = nothing if groups is None else np.array(groups)
    images = np.zeros((n, 48, 48), np.uint8)
    return FaceSet(images, labels, ("Angry", "Happy"), np.array(split), groups, nothing, 100 + np.arange(n))


def features_of(faces, noise, seed=0):
    """Two features: one that tells the class, under noise, and one that does not."""
    rng = np.random.default_rng(seed)
    signal = 2.0 * faces.labels - 1 + noise * rng.standard_normal(len(faces))
    return np.stack([signal, rng.standard_normal(len(faces))], axis=1)


def test_c_is_chosen_on_the_validation_split_where_there_is_one():
    faces = face_set(["train"] * 6 + ["valid"] * 2 + ["test"] * 2)
    ((fitted, held),) = machines.choices(faces)
    assert fitted.tolist() == [0, 1, 2, 3, 4, 5] and held.tolist() == [6, 7]


def test_and_else_on_training_pictures_of_other_people():
    faces = face_set(["train"] * 8 + ["test"] * 2, groups=[*"aabbccdd", *"ee"])
    parts = machines.choices(faces)
    assert sorted(np.concatenate([held for _, held in parts]).tolist()) == list(range(8))
    for fitted, held in parts:
        assert not set(faces.groups[fitted]) & set(faces.groups[held])
        assert sorted([*fitted, *held]) == list(range(8))


def test_pictures_of_unknown_people_count_one_by_one():
    parts = machines.choices(face_set(["train"] * 9))
    assert sorted(np.concatenate([held for _, held in parts]).tolist()) == list(range(9))


def test_a_machine_learns_and_predicts_the_test_pictures():
    faces = face_set(["train"] * 40 + ["valid"] * 20 + ["test"] * 10)
    features = features_of(faces, noise=0.1)
    found = machines.predictions(machines.fit(features, faces), features, faces)
    assert found["row"].tolist() == list(range(160, 170))
    assert found["label"].tolist() == found["predicted"].tolist() == ["Angry", "Happy"] * 5


def test_the_test_split_decides_nothing():
    faces = face_set(["train"] * 40 + ["valid"] * 20 + ["test"] * 10)
    features = features_of(faces, noise=1.0)
    other = np.where(faces.split[:, None] == "test", -features, features)
    first, second = machines.fit(features, faces), machines.fit(other, faces)
    assert first.C == second.C and np.array_equal(first.coef_, second.coef_)


@pytest.mark.parametrize(
    ("scores", "chosen", "tried"),
    [([0.5, 0.6, 0.55, 0.9], 0.01, 3), ([0.5, 0.5, 0.6, 0.1], 0.1, 4), ([0.9, 0.8], 0.001, 2)],
)
def test_c_grows_until_the_accuracy_falls(monkeypatch, scores, chosen, tried):
    asked = []

    def fake(machine, features, labels, cv):
        asked.append(machine.C)
        return np.array([scores[len(asked) - 1]])

    monkeypatch.setattr(machines, "cross_val_score", fake)
    faces = face_set(["train"] * 6 + ["valid"] * 2)
    assert (machines.fit(features_of(faces, 0.1), faces).C, len(asked)) == (chosen, tried)
