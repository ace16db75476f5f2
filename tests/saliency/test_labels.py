"""A net that learns permuted labels by heart, and what is said of the maps of both."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from planted import random_net

from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.nets import models
from fer_nb.saliency import labels, yardsticks
from fer_nb.training import checkpoint
from fer_nb.training.protocol import AUGMENTATIONS

PICTURES = 12


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return models.build("lightResNetl").eval()


@pytest.fixture(scope="module")
def train():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (PICTURES, 48, 48), dtype=np.uint8)
    side, none = np.full(PICTURES, "train"), np.full(PICTURES, "")
    return FaceSet(images, np.arange(PICTURES) % 3, FER_CLASSES, side, none, none, np.arange(PICTURES))


def test_a_second_net_is_trained_and_the_first_left_alone(net, train, tmp_path):
    before, state = copy.deepcopy(net.state_dict()), [p.requires_grad for p in net.parameters()]
    second, learned = labels.by_heart(net, train, tmp_path, epochs=2, pictures=4, seed=1)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert [p.requires_grad for p in net.parameters()] == state and net.dropout.p == second.dropout.p == 0.5
    assert not second.training and type(second.stage2[0]) is type(net.stage2[0])
    assert not torch.equal(second.fc.weight, net.fc.weight) and not torch.equal(
        second.stem[1].running_mean, net.stem[1].running_mean
    )
    assert learned.pictures == 4 and learned.epochs == 2 and 50 <= learned.chance <= 75 and 0 <= learned.accuracy <= 100
    assert not checkpoint.path(tmp_path).exists()
    again, _ = labels.by_heart(net, train, tmp_path, epochs=2, pictures=4, seed=1)
    assert torch.equal(again.fc.weight, second.fc.weight)


def test_maps_of_the_same_net_are_alike_and_those_of_another_are_not(net):
    torch.manual_seed(1)
    other, inputs = models.build("lightResNetl").eval(), torch.rand(3, 3, 44, 44)
    makers = {"gradient": yardsticks.gradient, "edges": lambda net: lambda x, target: x[:, :1]}
    table = labels.labels_table(net, other, makers, inputs, torch.tensor([0, 1, 2]))
    mean = table[table["quantity"] == "spearman"].set_index("method")["mean"]
    assert mean["edges"] == pytest.approx(1) and mean["gradient"] < 0.5 and (table["pictures"] == 3).all()


def test_what_is_said_depends_on_what_was_learned():
    table = pd.DataFrame({"method": ["MP"], "quantity": "spearman", "mean": [0.25], "pictures": [7]})
    said = labels.labels_in_words(table, labels.Learned(98.0, 60.0, 20.0, 48, 12))
    assert (
        "predicts 98% of the permuted labels of its 48 training pictures" in said
        and "The log of the last epoch has 60%, because" in said
        and ": by heart." in said
        and "MP **0.25** (7" in said
    )
    assert "fewer than the 95% that count as by heart" in labels.labels_in_words(
        table, labels.Learned(50.0, 40.0, 20.0, 48, 12)
    )
    empty = table.assign(mean=np.nan, pictures=0)
    assert "MP none (empty maps)" in labels.labels_in_words(empty, labels.Learned(50.0, 40.0, 20.0, 48, 12))


def test_labels_are_permuted_among_the_training_pictures(monkeypatch, tmp_path):
    rng, none, trained = np.random.default_rng(0), np.full(200, ""), []
    images, right = rng.integers(0, 256, (200, 48, 48), dtype=np.uint8), rng.integers(0, 3, 200)
    train = FaceSet(images, right, FER_CLASSES, np.full(200, "train"), none, none, np.arange(200))

    def fit(net, faces, folder, protocol):
        assert not any(getattr(protocol, name) for name in AUGMENTATIONS)
        trained.append(faces)
        return pd.DataFrame({"train_accuracy": [30.0]})

    monkeypatch.setattr(labels, "fit", fit)
    for seed in (1, 1):
        labels.by_heart(random_net(0), train, tmp_path, epochs=1, pictures=100, seed=seed)
    first, again = trained
    assert (first.labels == again.labels).all() and len(first) == 100
    assert sorted(first.labels) == sorted(right[first.rows]) and (first.labels == right[first.rows]).mean() < 0.5
    assert (first.images == images[first.rows]).all() and (train.labels == right).all()


def test_one_picture_is_too_few(net, train, tmp_path):
    with pytest.raises(ValueError, match="1 training pictures with permuted labels: take at least two"):
        labels.by_heart(net, train, tmp_path, epochs=1, pictures=1)
