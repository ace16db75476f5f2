"""The search for a genotype: weights and alphas learned in turn, each on its half of the train side.

Liu, Simonyan and Yang 2019; the methods are those of ``supernet``. Against the collapse to skips there are, by
option, a limit on skips, epochs without alpha steps first, dropout on skips, beta decay, and two early stops.
"""

import functools
import itertools
import math
import time
import warnings

import pandas as pd
import torch
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from fer_nb.data import augment
from fer_nb.nas import steps
from fer_nb.nas.discretise import KINDS, discretise
from fer_nb.nas.stopping import STOPS, eigenvalue, stopped
from fer_nb.nas.supernet import Supernet
from fer_nb.nets import device as devices
from fer_nb.nets import genotypes
from fer_nb.nets.operations import OPERATIONS
from fer_nb.training import checkpoint, train
from fer_nb.training import recipe as recipes


def search(
    faces,
    folder,
    *,
    method="sample",
    order=1,
    epochs=50,
    batch_size=64,
    channels=16,
    cells=5,
    nodes=4,
    lr=0.025,
    lr_min=0.001,
    momentum=0.9,
    weight_decay=3e-4,
    clip=5.0,
    alpha_lr=3e-4,
    alpha_decay=1e-3,
    warmup=0,
    tau=(10.0, 0.1),
    max_skips=2,
    skip_dropout=0.0,
    beta_decay=0.0,
    stop="",
    shared=False,
    stem_stride=1,
    partial=1,
    operations=OPERATIONS,
    precision="float32",
    seed=0,
):
    """Search for a genotype on the train side of ``faces``; its other sides are not seen.

    Args:
        faces: FaceSet with a train side; it is halved by ``halves``.
        folder: where the checkpoint of each epoch goes; the search goes on from one that is there.
        method, channels, cells, nodes, partial, stem_stride, shared, operations: see ``Supernet``.
        order: 1, or 2 for the alpha step that looks a step ahead (five passes in place of one).
        lr, lr_min: of the weights, from one to the other as half a cosine, an epoch at a time.
        clip: largest norm of the weights' gradient; 0 for no limit.
        warmup: epochs at the start without alpha step.
        tau: temperature of the draw in the first and the last epoch, in equal steps (Dong and Yang 2019).
        max_skips: in the normal cell of the genotype; None for no limit.
        skip_dropout: of the first epoch, in equal steps to 0 in the last (Chen et al. 2019).
        beta_decay: weight of beta decay in the last epoch, in equal steps from 0 (Ye et al. 2022).
        stop: "skips": after 3 epochs in a row with more skips than ``max_skips`` (after Liang et al. 2019), with the
            alphas of the epoch before them; "eigenvalue": when the eigenvalue of the Hessian in the alphas, averaged
            over 5 epochs, has risen by a third in 5 epochs, with the alphas from before (Zela et al. 2020).
        precision: see ``device.number_format``; parameters stay float32.
        seed: seeds initial weights and alphas, halves, batch order, augmentation, draws and dropout.

    Returns:
        (Genotype, history). history: DataFrame, one row an epoch: epoch (from 1), lr, tau, loss, accuracy (percent;
        weights half), alpha_loss, alpha_accuracy (alpha half; NaN in the warm-up), skips (in the normal cell, without
        the limit), eigenvalue (with that stop), seconds. history.attrs: "alphas", {"normal", "reduce"} -> float32
        (epochs, edges, operations), softmax; "epoch", whose alphas the genotype is of.

    Raises:
        ValueError: an option that is unknown or excludes another; a train side that cannot be halved; a checkpoint
            of another search.
        FloatingPointError, MemoryError, OSError: as ``train.fit``.
    """
    settings = {k: v for k, v in locals().items() if k not in ("faces", "folder", "precision")}
    check(method, order, epochs, warmup, skip_dropout, stop, max_skips)
    device = devices.select()
    dtype = devices.number_format(precision, device)
    if device.type == "cpu":
        devices.keep_heap()
    part = faces.of_split("train")
    sides = halves(part, seed)
    torch.manual_seed(seed)  # initial weights; dropout draws from torch's own generator too
    net = Supernet(len(faces.classes), channels, cells, nodes, method, partial, stem_stride, shared, operations)
    net = net.to(device, memory_format=torch.channels_last).train()
    optimizers = make_optimizers(net, lr, momentum, weight_decay, alpha_lr, alpha_decay)
    settings["halves"] = checkpoint.digest(*(side.tobytes() for side in sides))
    settings = checkpoint.describe(settings, net, part, dtype)
    generator = torch.Generator(device).manual_seed(seed)
    parts = {"net": net, "weights_optimizer": optimizers[0], "alpha_optimizer": optimizers[1]}
    state = checkpoint.load(folder, settings, parts, generator)
    history, ended = state["history"], functools.partial(stopped, stop=stop, warmup=warmup, max_skips=max_skips)

    whole = [torch.as_tensor(values, device=device) for values in (part.images, part.labels)]
    data = [[values[torch.as_tensor(side, device=device)] for values in whole] for side in sides]
    fixed = {"order": order, "clip": clip, "dtype": dtype, "generator": generator}
    for epoch in range(len(history), epochs):
        if ended(history) is not None:
            break
        start, share = time.perf_counter(), epoch / max(epochs - 1, 1)
        net.tau, net.skip_dropout = tau[0] + (tau[1] - tau[0]) * share, skip_dropout * (1 - share)
        rate = lr_min + (lr - lr_min) * recipes.half_cosine(epoch / epochs)
        take = functools.partial(step, net, *optimizers, beta=beta_decay * share, **fixed)
        row = {"epoch": epoch + 1, "lr": rate, "tau": net.tau}
        row |= run_epoch(take, data, batch_size, rate, generator, epoch, epochs, epoch < warmup, folder)
        train.refuse_broken_weights(net, epoch, folder)
        if stop == "eigenvalue":
            row["eigenvalue"] = eigenvalue(net, data[1], batch_size, generator, dtype)
        history.append(row | snapshot(net) | {"seconds": time.perf_counter() - start})
        checkpoint.save(folder, settings, state, parts, generator)
        print(epoch_line(history[-1], epochs), flush=True)
    return outcome(history, net, ended(history), max_skips)


def check(method, order, epochs, warmup, skip_dropout, stop, max_skips):
    """Raise ValueError where an option is unknown or excludes another."""
    if order not in (1, 2):
        raise ValueError(f"order = {order}: choose 1 or 2")
    if stop not in STOPS:
        raise ValueError(f"unknown stop {stop!r}: choose one of {', '.join(map(repr, STOPS))}")
    if not 0 <= warmup < epochs:
        raise ValueError(f"warmup is {warmup} of {epochs} epochs: leave at least one in which the alphas learn")
    if not 0 <= skip_dropout < 1:
        raise ValueError(f"skip_dropout is {skip_dropout}: choose a number from 0 (none), below 1")
    if order == 2 and skip_dropout:
        raise ValueError(
            "order 2 takes differences of losses, which dropout drowns: set skip_dropout to 0, or order to 1"
        )
    if stop == "eigenvalue" and method == "sample":
        raise ValueError("a sampled net has no smooth loss, so no eigenvalue: choose mixture, or stop skips")
    if stop == "skips" and max_skips is None:
        raise ValueError("stop skips needs max_skips: give the number of skips that is still allowed")


def halves(part, seed):
    """Positions in ``part`` of the weights half and the alpha half, alike in their classes.

    Where every picture's subject is known, no subject is in both. Raises ValueError where there are no two halves.
    """
    known = bool((part.groups != "").all())
    if len(part) < 4 or (known and len(set(part.groups)) < 2):
        what = "one subject" if len(part) >= 4 else f"{len(part)} pictures"
        raise ValueError(f"the train side has {what}: a search needs a half for the weights and one for the alphas")
    split = (StratifiedGroupKFold if known else StratifiedKFold)(2, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The least populated class")  # a rare one is in one half alone
        return next(split.split(part.rows, part.labels, part.groups if known else None))


def make_optimizers(net, lr, momentum, weight_decay, alpha_lr, alpha_decay):
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


def run_epoch(take, data, batch_size, rate, generator, epoch, epochs, warm, folder):
    """Loss and accuracy (percent) of both halves, whose (images, targets) are ``data``; of the alphas' NaN if ``warm``.

    The alpha half is gone through as often as the weights half lasts. Raises as ``train.run_epoch``.
    """
    (images, targets), (other_images, other_targets) = data
    batches = train.shuffle(len(targets), batch_size, generator)
    others, used, found = itertools.cycle(train.shuffle(len(other_targets), batch_size, generator)), [], []

    def both(images, targets, rate):
        if warm:
            return take(images, targets, None, rate)[0]
        batch = next(others)[: len(targets)]
        of_weights, of_alphas = take(images, targets, (other_images[batch], other_targets[batch]), rate)
        used.append(batch)
        found.append(of_alphas)
        return of_weights

    rates = [rate] * len(batches)
    row = train.mean_over_steps(train.run_epoch(both, images, targets, batches, rates, epoch, epochs, folder), batches)
    row = {
        "loss": row["train_loss"],
        "accuracy": row["train_accuracy"],
        "alpha_loss": math.nan,
        "alpha_accuracy": math.nan,
    }
    if warm:
        return row
    train.refuse_broken_loss(found, epoch, folder)
    of_alphas = train.mean_over_steps(found, used)
    return row | {"alpha_loss": of_alphas["train_loss"], "alpha_accuracy": of_alphas["train_accuracy"]}


@torch.no_grad()
def snapshot(net):
    """What an epoch leaves of the alphas, for the checkpoint."""
    of_now = {"alphas": net.probabilities(), "strengths": net.strengths()}
    of_now = {name: {kind: x.float().cpu() for kind, x in both.items()} for name, both in of_now.items()}
    return of_now | {"skips": genotypes.skips(net.genotype(max_skips=None).normal)}


def outcome(history, net, chosen, max_skips):
    chosen = len(history) - 1 if chosen is None else chosen
    genotype = discretise(history[chosen]["strengths"], net.operations, net.nodes, max_skips)
    table = pd.DataFrame([{k: v for k, v in row.items() if k not in ("alphas", "strengths")} for row in history])
    alphas = {kind: torch.stack([row["alphas"][kind] for row in history]).numpy() for kind in KINDS}
    table.attrs |= {"alphas": alphas, "epoch": chosen + 1}
    return genotype, table


def epoch_line(row, epochs):
    sides = {"weights": (row["loss"], row["accuracy"]), "alphas": (row["alpha_loss"], row["alpha_accuracy"])}
    shown = [f"{name} {loss:.3f} {accuracy:.2f}%" for name, (loss, accuracy) in sides.items() if loss == loss]
    start = f"epoch {row['epoch']}/{epochs}  lr {row['lr']:.5f}"
    return f"{start}  {'  '.join(shown)}  skips {row['skips']}  {row['seconds']:.1f} s"
