"""Do maps depend on what the labels mean? The data randomisation test of Adebayo et al. 2018 (see sanity.py).

A second net of the same kind learns permuted labels by heart, from details that have nothing to do with expressions.
Where its maps are those of the first net, they show the picture and not what was learned.
"""

import copy
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from fer_nb.data.augment import center_crop
from fer_nb.data.faceset import FaceSet
from fer_nb.names import counted, decimal
from fer_nb.saliency.agreement import mean_table, similarity
from fer_nb.saliency.maps import Make
from fer_nb.saliency.sanity import reset, stages
from fer_nb.training import checkpoint
from fer_nb.training.predict import predict
from fer_nb.training.protocol import Protocol
from fer_nb.training.train import fit

BATCH = 8  # pictures a step: what counts is the number of steps
BY_HEART = 95.0  # percent of the training pictures, as in the paper


class Learned(NamedTuple):
    """What the second net has learned."""

    accuracy: float  # percent of its training pictures whose permuted label it predicts when it is trained
    logged: float  # percent in the log of the last epoch, whose steps still change the net
    chance: float  # percent that have the most frequent label
    pictures: int
    epochs: int

    @property
    def by_heart(self) -> bool:
        return self.accuracy >= BY_HEART


def by_heart(
    model: nn.Module, train: FaceSet, folder: Path, epochs: int, pictures: int, seed: int = 0
) -> tuple[nn.Module, Learned]:
    """A net like ``model``, trained from scratch on permuted labels: no dropout, weight decay or augmentation.

    Args:
        model: net in evaluation mode, which stays as it is.
        train: the training split. pictures: how many of them at most, drawn at random; few are learned sooner.
        folder: of the checkpoint, from which an interrupted training goes on; the checkpoint is deleted at the end.
        epochs: of ``train.fit``, in batches of ``BATCH``.

    Returns:
        The net, in evaluation mode on the device of ``model``, and Learned.

    Raises:
        ValueError: fewer than two pictures.
    """
    rng = np.random.default_rng(seed)
    chosen = train.subset(rng.permutation(len(train))[:pictures])
    if len(chosen) < 2:
        raise ValueError(f"{len(chosen)} training pictures with permuted labels: take at least two")
    dealt = replace(chosen, labels=np.random.default_rng(seed).permutation(chosen.labels))
    net = copy.deepcopy(model).requires_grad_()
    for number, stage in enumerate(stages(net)):
        reset(getattr(net, stage), seed + number)
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    protocol = Protocol(epochs=epochs, batch_size=BATCH, seed=seed, weight_decay=0.0, crops=1)
    protocol = replace(protocol, random_crop=False, flip=False, rotation=0.0, brightness=0.0, contrast=0.0)
    history = fit(net, dealt, folder, protocol)
    other = copy.deepcopy(model)  # its layers are the plain ones, those that trained are not
    other.load_state_dict(net.state_dict())
    # After so few steps the running statistics of batch norm lag behind the weights.
    images = torch.as_tensor(dealt.images, device=next(other.parameters()).device)
    update_bn(center_crop(images).contiguous().split(64), other)
    checkpoint.path(folder).unlink(missing_ok=True)
    predicted = predict(other, dealt.images, crops=1).argmax(1).numpy()
    chance, logged = np.bincount(dealt.labels).max() / len(dealt), float(history["train_accuracy"].iloc[-1])
    accuracy = 100 * float((predicted == dealt.labels).mean())
    return other, Learned(accuracy, logged, 100 * float(chance), len(dealt), epochs)


def labels_table(
    model: nn.Module, other: nn.Module, makers: dict[str, Make], inputs, target, groups=None
) -> pd.DataFrame:
    """Similarity of each method's maps of the two nets.

    Args:
        makers: method -> function from a net to its attribution. inputs: float (N, 3, 44, 44); target: int64 (N,).
        groups: (N,), pictures that count as one, or None.

    Returns:
        DataFrame: method, quantity (spearman, overlap, ssim), mean, low, high (t interval), pictures.
    """
    tables = []
    for name, make in makers.items():
        maps = [make(net)(inputs, target).cpu() for net in (model, other)]
        tables.append(mean_table(similarity(*maps), groups).assign(method=name))
    return pd.concat(tables, ignore_index=True)[["method", "quantity", "mean", "low", "high", "pictures"]]


def labels_in_words(table: pd.DataFrame, learned: Learned) -> str:
    """What the second net has learned, and how similar the maps are, as sentences."""
    similar = []
    for row in table[table["quantity"] == "spearman"].itertuples():
        value = f"**{decimal(row.mean)}**" if row.pictures else "none (empty maps)"
        similar.append(f"{row.method} {value}")
    enough = "by heart" if learned.by_heart else f"fewer than the {BY_HEART:g}% that count as by heart"
    return (
        f"After {counted(learned.epochs, 'epoch')} the second net predicts {learned.accuracy:.0f}% of the permuted "
        f"labels of its {counted(learned.pictures, 'training picture')} (the most frequent label: "
        f"{learned.chance:.0f}%): {enough}. The log of the last epoch has {learned.logged:.0f}%, because each of its "
        "steps still changes the net. Rank correlation of the maps of the two nets, where 1 says that labels do not "
        f"matter: {', '.join(similar)} ({counted(table['pictures'].max(), 'picture')})."
    )
