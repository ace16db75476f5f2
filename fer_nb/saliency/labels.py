"""Do maps depend on what the labels mean? The data randomisation test of Adebayo et al. 2018 (see sanity.py).

A second net of the same kind learns permuted labels by heart. It tells its training pictures apart by what has nothing
to do with expressions; where its maps are those of the first net, they show the picture and not what was learned.
"""

import copy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from fer_nb.data.augment import center_crop
from fer_nb.data.faceset import FaceSet
from fer_nb.saliency.sanity import Make, compare_nets, permute_labels, reset, stages
from fer_nb.training import checkpoint
from fer_nb.training.predict import predict
from fer_nb.training.protocol import Protocol
from fer_nb.training.train import fit

BATCH = 8  # pictures a step: what counts is the number of steps
BY_HEART = 95.0  # percent of the training pictures, as in the paper


class Learned(NamedTuple):
    """What the second net has learned."""

    accuracy: float  # percent of its training pictures whose permuted label it names
    chance: float  # percent that have the commonest label
    pictures: int
    epochs: int

    @property
    def by_heart(self) -> bool:
        return self.accuracy >= BY_HEART


def by_heart(model: nn.Module, train: FaceSet, folder: Path, epochs: int, pictures: int, seed: int = 0):
    """A net like ``model``, trained from scratch on permuted labels, without dropout, decay or changes of the picture.

    Args:
        model: net in evaluation mode, which is left as it is.
        train: the training side. pictures: how many of them at most, drawn at random; few are learned sooner.
        folder: of the checkpoint, from which an interrupted training goes on; it is dropped at the end.
        epochs: of ``train.fit``, in batches of ``BATCH``.

    Returns:
        The net, in evaluation mode on the device of ``model``, and Learned.

    Raises:
        ValueError: fewer than two pictures.
    """
    rng = np.random.default_rng(seed)
    dealt = permute_labels(train.subset(rng.permutation(len(train))[:pictures]), seed)
    if len(dealt) < 2:
        raise ValueError(f"{len(dealt)} training pictures with permuted labels: take at least two")
    net = copy.deepcopy(model).requires_grad_()
    for number, stage in enumerate(stages(net)):
        reset(getattr(net, stage), seed + number)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    still = {"rotation": 0.0, "brightness": 0.0, "contrast": 0.0, "weight_decay": 0.0, "crops": 1}
    fit(net, dealt, folder, Protocol(epochs=epochs, batch_size=BATCH, seed=seed, **still))
    other = copy.deepcopy(model)  # its layers are the plain ones, those that trained are not
    other.load_state_dict(net.state_dict())
    # After so few steps the running statistics of batch norm still lag behind the weights.
    images = torch.as_tensor(dealt.images, device=next(other.parameters()).device)
    update_bn(center_crop(images).contiguous().split(64), other)
    checkpoint.path(folder).unlink(missing_ok=True)
    named = predict(other, dealt.images, crops=1).argmax(1).numpy()
    chance = np.bincount(dealt.labels).max() / len(dealt)
    return other, Learned(100 * float((named == dealt.labels).mean()), 100 * float(chance), len(dealt), epochs)


def labels_table(model: nn.Module, other: nn.Module, makers: dict[str, Make], inputs, target, seed=0, groups=None):
    """Similarity of each method's maps of the two nets (sanity.compare_nets).

    Args:
        makers: method -> what gives the attribution of a net. inputs: float (N, 3, 44, 44); target: int64 (N,).
        groups: (N,), pictures that count as one, or None.

    Returns:
        DataFrame: method, quantity (spearman, overlap, ssim), mean, low, high (bootstrap), pictures.
    """
    tables = [
        compare_nets(model, other, make, inputs, target, seed, groups).assign(method=name)
        for name, make in makers.items()
    ]
    return pd.concat(tables, ignore_index=True)[["method", "quantity", "mean", "low", "high", "pictures"]]


def words(table: pd.DataFrame, learned: Learned) -> str:
    """What the second net has learned, and how alike the maps are, as sentences."""
    rows = table[table["quantity"] == "spearman"]
    known = {True: "**{:.2f}**", False: "none, as a map is empty"}
    alike = ", ".join(f"{row.method} {known[row.pictures > 0].format(row.mean)}" for row in rows.itertuples())
    return (
        f"The second net names {learned.accuracy:.0f}% of its {learned.pictures} training pictures by their permuted "
        f"labels after {learned.epochs} epochs (the commonest label: {learned.chance:.0f}%), "
        + ("by heart." if learned.by_heart else f"less than the {BY_HEART:g}% that by heart would be.")
        + f" Rank correlation of the maps of the two nets, where 1 says that labels do not matter: {alike} "
        f"({table['pictures'].max()} pictures)."
    )
