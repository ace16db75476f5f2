"""The search for a genotype: weights and alphas learn in turn, each on its half of the train split.

Liu, Simonyan and Yang 2019; ``supernet`` holds the methods. Settings against the collapse to skips: a limit on skips,
first epochs without alpha steps, dropout on skips, beta decay, and two early stops.
"""

import functools
import itertools
import math
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from fer_nb.data import augment
from fer_nb.data.faceset import FaceSet
from fer_nb.nas import steps
from fer_nb.nas.discretise import KINDS, discretise
from fer_nb.nas.settings import SearchSettings
from fer_nb.nas.stopping import eigenvalue, stopped
from fer_nb.nas.supernet import Supernet
from fer_nb.nets import device as devices
from fer_nb.nets import genotypes
from fer_nb.nets.genotypes import Genotype
from fer_nb.training import checkpoint, train
from fer_nb.training import recipe as recipes


def search(faces: FaceSet, folder: Path, settings: SearchSettings) -> tuple[Genotype, pd.DataFrame]:
    """Search for a genotype on the train split of ``faces``; its other splits are not read.

    Args:
        faces: FaceSet with a train split, which ``halves`` divides.
        folder: where the checkpoint of each epoch goes; the search goes on from one that is there.
        settings: see ``SearchSettings``.

    Returns:
        (Genotype, history). history: DataFrame, one row an epoch: epoch (from 1), lr, tau, loss, accuracy (percent;
        weights half), alpha_loss, alpha_accuracy (alpha half; NaN in the warm-up), skips (in the normal cell, without
        the limit), eigenvalue (with that stop), seconds. history.attrs: "alphas", {"normal", "reduce"} -> float32
        (epochs, edges, operations), softmax; "epoch", whose alphas the genotype is of; "strengths", {"normal",
        "reduce"} -> (edges, operations) of that epoch, ``Supernet.strengths``.

    Raises:
        ValueError: a train split that cannot be halved; a checkpoint of another search.
        FloatingPointError, MemoryError, OSError: as ``train.fit``.
    """
    device = devices.select()
    dtype = devices.number_format(settings.precision, device)
    if device.type == "cpu":
        devices.keep_heap()
    part = faces.of_split("train")
    both = halves(part, settings.seed)
    torch.manual_seed(settings.seed)  # initial weights; dropout draws from torch's own generator too
    of_net = ("channels", "cells", "nodes", "method", "partial", "stem_stride", "shared", "operations")
    net = Supernet(len(faces.classes), **{name: getattr(settings, name) for name in of_net})
    net = devices.prepare(net, device).train()
    rates = settings.lr, settings.momentum, settings.weight_decay, settings.alpha_lr, settings.alpha_decay
    optimizers = make_optimizers(net, *rates)
    described = settings.learned() | {"halves": checkpoint.digest(*(half.tobytes() for half in both))}
    described = checkpoint.describe(described, net, part, dtype)
    generator = torch.Generator(device).manual_seed(settings.seed)
    parts = {"net": net, "weights_optimizer": optimizers[0], "alpha_optimizer": optimizers[1]}
    state = checkpoint.load(folder, described, parts, generator)
    history = state["history"]

    whole = [torch.as_tensor(values, device=device) for values in (part.images, part.labels)]
    data = [[values[torch.as_tensor(half, device=device)] for values in whole] for half in both]
    fixed = {"order": settings.order, "clip": settings.clip, "dtype": dtype, "generator": generator}
    for epoch in range(len(history), settings.epochs):
        if stopped(history, settings) is not None:
            break
        start, share = time.perf_counter(), epoch / max(settings.epochs - 1, 1)
        net.tau = settings.tau[0] + (settings.tau[1] - settings.tau[0]) * share
        net.skip_dropout = settings.skip_dropout * (1 - share)
        rate = settings.lr_min + (settings.lr - settings.lr_min) * recipes.half_cosine(epoch / settings.epochs)
        take = functools.partial(step, net, *optimizers, beta=settings.beta_decay * share, **fixed)
        row = {"epoch": epoch + 1, "lr": rate, "tau": net.tau}
        row |= run_epoch(take, data, rate, epoch, settings, generator, folder)
        train.refuse_broken_weights(net, epoch, folder)
        if settings.stop == "eigenvalue":
            row["eigenvalue"] = eigenvalue(net, data[1], settings.batch_size, generator, dtype)
        history.append(row | snapshot(net) | {"seconds": time.perf_counter() - start})
        checkpoint.save(folder, described, state, parts, generator)
        print(epoch_line(history[-1], settings.epochs), flush=True)
    return outcome(history, net, settings)


def halves(part: FaceSet, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions in ``part`` of the weights half and the alpha half, with each class in equal shares.

    Where every picture's subject is known, no subject is in both. Raises ValueError where there are no two halves.
    """
    known = bool((part.groups != "").all())
    if len(part) < 4 or (known and len(set(part.groups)) < 2):
        what = "one subject" if len(part) >= 4 else f"{len(part)} pictures"
        raise ValueError(f"the train split has {what}: a search needs a half for the weights and one for the alphas")
    split = (StratifiedGroupKFold if known else StratifiedKFold)(2, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # a rare one is in one half alone
        return next(split.split(part.rows, part.labels, part.groups if known else None))


def make_optimizers(net: Supernet, lr, momentum, weight_decay, alpha_lr, alpha_decay):
    """SGD of the weights and Adam of the alphas, with DARTS's betas."""
    weights = torch.optim.SGD(net.weights(), lr, momentum, weight_decay=weight_decay)
    alphas = torch.optim.Adam(net.alphas.values(), alpha_lr, (0.5, 0.999), weight_decay=alpha_decay)
    return weights, alphas


def step(net, weights_optimizer, alpha_optimizer, images, targets, other, rate, *, order, clip, beta, dtype, generator):
    """A step of the alphas on ``other`` = (images, targets), or none where it is None, then one of the weights.

    Returns:
        ((loss, number right) of the weights' batch, the same of the alphas' or None), on the device.
    """
    for group in weights_optimizer.param_groups:
        group["lr"] = rate
    batch, found = views(images, targets, generator), None
    if other is not None:
        other = views(*other, generator)
        net.draw(generator)
        if order == 2:
            found = steps.second_order_step(net, alpha_optimizer, other, batch, weights_optimizer, beta, dtype)
        else:
            found = steps.alpha_step(net, alpha_optimizer, other, beta, dtype)
    net.draw(generator)
    return steps.weights_step(net, weights_optimizer, batch, clip, dtype), found


def views(images, targets, generator):
    return augment.augment(images, generator).contiguous(memory_format=torch.channels_last), targets


def run_epoch(take, data, rate, epoch, settings, generator, folder) -> dict:
    """Loss and accuracy (percent) of both halves, whose (images, targets) are ``data``; the alphas' NaN in the warm-up.

    The alpha half is repeated until the weights half ends. Raises as ``train.run_epoch``.
    """
    (images, targets), (other_images, other_targets) = data
    warm = epoch < settings.warmup
    batches, other_batches = (train.shuffle(len(x), settings.batch_size, generator) for x in (targets, other_targets))
    others, used, found = itertools.cycle(other_batches), [], []

    def both(images, targets, rate):
        if warm:
            return take(images, targets, None, rate)[0]
        batch = next(others)[: len(targets)]
        of_weights, of_alphas = take(images, targets, (other_images[batch], other_targets[batch]), rate)
        used.append(batch)
        found.append(of_alphas)
        return of_weights

    rates = [rate] * len(batches)
    taken = train.run_epoch(both, images, targets, batches, rates, epoch, settings.epochs, folder)
    of_weights = train.mean_over_steps(taken, batches)
    row = {"loss": of_weights["train_loss"], "accuracy": of_weights["train_accuracy"]}
    if warm:
        return row | {"alpha_loss": math.nan, "alpha_accuracy": math.nan}
    train.refuse_broken_loss(found, epoch, folder)
    of_alphas = train.mean_over_steps(found, used)
    return row | {"alpha_loss": of_alphas["train_loss"], "alpha_accuracy": of_alphas["train_accuracy"]}


@torch.no_grad()
def snapshot(net):
    """What an epoch leaves of the alphas, for the checkpoint."""
    of_now = {"alphas": net.probabilities(), "strengths": net.strengths()}
    of_now = {name: {kind: x.float().cpu() for kind, x in both.items()} for name, both in of_now.items()}
    return of_now | {"skips": genotypes.skips(net.genotype(max_skips=None).normal)}


def outcome(history, net, settings):
    """The genotype and the history as ``search`` returns them."""
    chosen = stopped(history, settings)
    chosen = len(history) - 1 if chosen is None else chosen
    genotype = discretise(history[chosen]["strengths"], net.operations, net.nodes, settings.max_skips)
    table = pd.DataFrame([{k: v for k, v in row.items() if k not in ("alphas", "strengths")} for row in history])
    alphas = {kind: torch.stack([row["alphas"][kind] for row in history]).numpy() for kind in KINDS}
    strengths = {kind: history[chosen]["strengths"][kind].numpy() for kind in KINDS}
    table.attrs |= {"alphas": alphas, "epoch": chosen + 1, "strengths": strengths}
    return genotype, table


def epoch_line(row, epochs):
    both = {"weights": (row["loss"], row["accuracy"]), "alphas": (row["alpha_loss"], row["alpha_accuracy"])}
    shown = [f"{name} {loss:.3f} {accuracy:.2f}%" for name, (loss, accuracy) in both.items() if loss == loss]
    start = f"epoch {row['epoch']}/{epochs}  lr {row['lr']:.5f}"
    return f"{start}  {'  '.join(shown)}  skips {row['skips']}  {row['seconds']:.1f} s"
