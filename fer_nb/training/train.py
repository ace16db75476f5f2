"""The one training loop (section 3.2).

Stochastic gradient descent with momentum on cross-entropy; weight decay on every parameter, as in the thesis.
``recipe`` holds what a better recipe adds. The pictures stay on the device as uint8; each batch is augmented there.
"""

import functools
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb.data import augment
from fer_nb.data.faceset import FaceSet
from fer_nb.nets import device as devices
from fer_nb.training import checkpoint, limits
from fer_nb.training import recipe as recipes
from fer_nb.training.predict import predict
from fer_nb.training.protocol import AUGMENTATIONS, Protocol

CHECK_EVERY = 100  # steps between two looks at the loss: each makes a GPU wait


def fit(
    model: nn.Module, faces: FaceSet, folder: Path, protocol: Protocol, teacher: nn.Module | None = None
) -> pd.DataFrame:
    """Train ``model`` on the train split of ``faces`` and leave it with the weights of the selected epoch.

    Selected is the epoch with the best accuracy on the valid split, the first of equals; without a valid split, the
    last. The test split is scored in each epoch for the curves (figures 3-11, 3-12) and selects nothing. Held-out
    pictures are scored at 44 pixels whatever the side of the training views.

    Args:
        model: takes (N, 3, 44, 44) and gives logits (N, classes); it moves to the device that ``device.select`` gives.
            Its ``description`` (``by_name.build``), where it has one, is compared with that in the checkpoint.
        faces: FaceSet with a train split; other splits may be missing.
        folder: where the checkpoint of each epoch goes; training goes on from one that is there. It stays at the end:
            ``checkpoint.clear`` deletes it.
        protocol: the settings.
        teacher: trained net whose answers to the same views are learned too, or None.

    Returns:
        DataFrame, one row per epoch: epoch (from 1), side (of the training views), lr (of its first step), train_loss,
        train_accuracy, valid_loss, valid_accuracy, test_loss, test_accuracy (percent), seconds, train_seconds.
        attrs["train_pictures"]: how many; attrs["code"]: what trained them, see ``checkpoint.note_code``.

    Raises:
        ValueError: no pictures to train on; the protocol asks for votes or a teacher that this run lacks, or for views
            too small for the net; the checkpoint is of another net, other data or other settings.
        BlockingIOError: another process trains in ``folder``; the message names it.
        TimeoutError: the protocol's ``minutes`` are over, or shorter than an epoch; the checkpoint is kept.
        FloatingPointError: the loss or a weight is not finite; the last good checkpoint is kept.
        MemoryError: the GPU's memory is too small for a batch; the message names a size that fits.
        OSError: the checkpoint could not be written, on a full disk for example; the one before is kept.
    """
    refuse_impossible(protocol, model, faces, teacher)
    with limits.alone(folder):
        return fit_in_lock(model, faces, folder, protocol, teacher)


def fit_in_lock(model, faces, folder, protocol, teacher) -> pd.DataFrame:
    """``fit``, where the caller holds the folder's lock and has asked ``refuse_impossible``."""
    device = devices.select()
    dtype = devices.number_format(protocol.precision, device)
    settings = checkpoint.describe(protocol.learned(), model, faces, dtype, teacher)
    if protocol.heap:
        devices.keep_heap()
    model = devices.prepare(model, device).train()  # scoring restores the mode
    teacher = teacher and devices.prepare(teacher, device).eval()
    groups = recipes.parameter_groups(model, protocol)
    optimizer = torch.optim.SGD(groups, protocol.lr, protocol.momentum, weight_decay=protocol.weight_decay)
    average, follow = recipes.averaged(model, protocol.ema)
    scored = model if average is None else average
    parts = {"model": model, "optimizer": optimizer} | ({} if average is None else {"average": average})
    generator = torch.Generator(device).manual_seed(protocol.seed)
    torch.manual_seed(protocol.seed)  # dropout draws from torch's own generator
    # sizes: none, as a tuple or list like the protocol's own
    plain = Protocol(epochs=protocol.epochs, batch_size=protocol.batch_size, sizes=protocol.sizes[:0])
    state = checkpoint.load(folder, settings, parts, generator, plain.learned())
    if len(state["history"]) < protocol.epochs:
        checkpoint.note_code(state)

    train, held_out = faces.of_split("train"), {split: faces.of_split(split) for split in ("valid", "test")}
    images, targets = torch.as_tensor(train.images, device=device), recipes.targets(train, protocol, device)
    fixed = {"generator": generator, "protocol": protocol, "dtype": dtype, "follow": follow, "teacher": teacher}
    epochs, clock = protocol.epochs, limits.Clock(protocol.minutes)
    for epoch in range(len(state["history"]), epochs):
        start, side = time.perf_counter(), protocol.side(epoch)
        take = functools.partial(step, model, optimizer, side=side, **fixed)
        batches = shuffle(len(targets), protocol.batch_size, generator)
        rates = recipes.rates(protocol, epoch, len(batches))
        steps = run_epoch(take, images, targets, batches, rates, epoch, epochs, folder, clock)
        row = {"epoch": epoch + 1, "side": side, "lr": rates[0], **mean_over_steps(steps, batches)}
        refuse_broken_weights(model, epoch, folder)
        train_seconds = time.perf_counter() - start
        for split, part in held_out.items():
            row |= score(scored, part, split, protocol)
        state["history"].append(row | {"seconds": time.perf_counter() - start, "train_seconds": train_seconds})
        select(state, scored)
        checkpoint.save(folder, settings, state, parts, generator)
        print(epoch_line(state["history"][-1], epochs), flush=True)
        if epoch + 1 < epochs:
            growth = (protocol.side(epoch + 1) / side) ** 2
            clock.check_next(growth * (time.perf_counter() - start), epoch + 1, epochs)
    model.load_state_dict(state["selected"])
    history = pd.DataFrame(state["history"])
    history.attrs |= {"train_pictures": len(targets), "code": state["code"]}
    return history


def refuse_impossible(protocol: Protocol, model: nn.Module, faces: FaceSet, teacher: nn.Module | None) -> None:
    """Raise ValueError where ``protocol`` asks for what this run lacks.

    Training pictures, votes, a teacher, or a net (and a teacher) that takes views as small as the schedule's.
    """
    if np.count_nonzero(faces.split == "train") < 2:
        raise ValueError("the train split has fewer than two pictures: choose a data set with more")
    if protocol.votes and faces.targets is None:
        raise ValueError("votes: these pictures have none, only FERm's do: train on ferm, or leave votes out")
    if teacher is not None and not protocol.teacher_weight:
        raise ValueError("teacher_weight is 0, so the teacher would teach nothing: raise it, or leave the teacher out")
    nets = {"this net": model} | ({} if teacher is None else {"its teacher": teacher})
    for side in sorted(side for side, _ in protocol.sizes):
        if small := [name for name, net in nets.items() if not takes(net, side)]:
            smallest = next(larger for larger in augment.SIDES if all(takes(net, larger) for net in nets.values()))
            raise ValueError(f"sizes: views of {side} pixels do not suit {small[0]}: take {smallest} or more")


@torch.no_grad()
def takes(net: nn.Module, side: int) -> bool:
    """Whether ``net`` computes pictures of ``side`` pixels."""
    training, device = net.training, next(net.parameters()).device
    try:
        net.eval()(torch.zeros(1, 3, side, side, device=device))
        return True
    except RuntimeError:  # of a pooling or flattened layer that is left without an input, or with another one
        return False
    finally:
        net.train(training)


def refuse_without_test_split(faces: FaceSet, dataset: str) -> None:
    """Raise ValueError where a training run on ``faces``, of the name ``dataset``, could not be evaluated."""
    if faces.has_split("train") and faces.has_split("test"):
        return
    missing = "train" if faces.has_split("test") else "test"
    raise ValueError(
        f"data set {dataset} has no {missing} split: choose one that has both, such as ckplus-fold1, "
        "ckplus-subject1 or micro_dynamic-subject1, or add the files of that split"
    )


def shuffle(count: int, batch_size: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Index tensors of one epoch's batches; a last batch of one picture is dropped, as batch norm needs two."""
    order = torch.randperm(count, generator=generator, device=generator.device)
    return [batch for batch in order.split(batch_size) if len(batch) > 1]


def run_epoch(take, images, targets, batches, rates, epoch, epochs, folder, clock=None):
    """Take every step of ``epoch`` (from 0) by ``take(images, targets, rate)``; return what each returned.

    Raises FloatingPointError where a loss is not finite, MemoryError where the GPU's memory is too small, and
    TimeoutError where ``clock`` leaves less time than an epoch takes.
    """
    steps, text = [], f"epoch {epoch + 1}/{epochs}"
    try:
        for batch, rate in tqdm(list(zip(batches, rates, strict=True)), desc=text, leave=False, mininterval=5):
            steps.append(take(images[batch], targets[batch], rate))
            if clock:
                clock.check_first_steps(len(steps), len(batches))
            if len(steps) % CHECK_EVERY == 0 or len(steps) == len(batches):
                refuse_broken_loss(steps, epoch, folder)
        return steps
    except torch.cuda.OutOfMemoryError:
        pass  # the error holds the memory of the step that failed: it must be gone before another size is tried
    size = fitting_batch(take, images, targets, len(batches[0]))
    found = f"{size}, found by halving, does: set batch_size to it" if size else "not even 2 pictures do"
    raise MemoryError(
        f"batch_size {len(batches[0])} does not fit in the memory of {devices.describe(images.device)}; {found}. A "
        "batch is not split on its own: that would change its batch norm"
    )


def fitting_batch(take, images, targets, size):
    """The largest of ``size``/2, /4, ... for which one step (at rate 0) fits in memory; 0 where 2 do not."""
    while size > 3:
        size //= 2
        torch.cuda.empty_cache()
        try:
            take(images[:size], targets[:size], 0.0)
            return size
        except torch.cuda.OutOfMemoryError:
            continue
    return 0


def step(
    model, optimizer, images, targets, rate, *, side, generator, protocol: Protocol, dtype, follow, teacher
) -> tuple[torch.Tensor, torch.Tensor]:
    """One step of gradient descent on a batch, ``model`` in training mode; (loss, number right) on the device.

    Args:
        images: uint8 (N, 48, 48); targets: from ``recipe.targets``.
        rate: learning rate.
        side: of the views in pixels.
        dtype: number format of the forward pass.
        follow: called after the step where it is not None: takes the new weights into their average.
        teacher: net in eval mode, or None.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    kinds = {name: getattr(protocol, name) for name in AUGMENTATIONS}
    views = augment.augment(images, generator, side=side, **kinds)
    views, targets = recipes.change(views, targets, protocol, generator)
    views = views.contiguous(memory_format=torch.channels_last)
    with devices.autocast(images.device, dtype):
        logits = model(views)
        loss = recipes.loss(logits, targets, protocol, teacher and answers(teacher, views))
    optimizer.zero_grad()
    loss.backward()
    if protocol.clip_value:
        torch.nn.utils.clip_grad_value_(model.parameters(), protocol.clip_value)
    optimizer.step()
    if follow:
        follow()
    labels = targets if targets.ndim == 1 else targets.argmax(1)  # of a mixed picture: the label of its larger share
    return loss.detach(), (logits.detach().argmax(1) == labels).sum()


@torch.no_grad()
def answers(teacher, views):
    return teacher(views)


def refuse_broken_loss(steps, epoch, folder):
    """Raise FloatingPointError naming the first step of ``epoch`` (from 0) whose loss is not finite."""
    losses = torch.stack([loss for loss, _ in steps]).cpu()
    broken = (~losses.isfinite()).nonzero().flatten().tolist()
    if broken:
        stop(f"loss is {losses[broken[0]]} in epoch {epoch + 1}, step {broken[0] + 1}", epoch, folder)


def refuse_broken_weights(model, epoch, folder):
    """Raise FloatingPointError where ``epoch`` (from 0) left a weight that is not finite: no checkpoint may hold it."""
    values = [value for value in model.state_dict().values() if value.is_floating_point()]
    if not torch.stack([value.isfinite().all() for value in values]).all():
        stop(f"a weight is not finite after the last step of epoch {epoch + 1}", epoch, folder)


def stop(what, epoch, folder):
    kept = f"the checkpoint of epoch {epoch} is kept: {checkpoint.path(folder)}" if epoch else "no checkpoint before it"
    raise FloatingPointError(f"{what}: lower the rate or clamp the gradient ({kept})")


def mean_over_steps(steps, batches):
    """Training loss and accuracy (percent) of the epoch."""
    losses, hits = (torch.stack(values).cpu() for values in zip(*steps, strict=True))
    sizes = torch.tensor([len(batch) for batch in batches])
    loss = (losses.float() * sizes).sum() / sizes.sum()
    return {"train_loss": loss.item(), "train_accuracy": 100 * hits.sum().item() / sizes.sum().item()}


def score(model, part: FaceSet, split: str, protocol: Protocol) -> dict[str, float]:
    """Loss and accuracy (percent) of ``model`` on ``part``, named for the history; NaN where the split is empty."""
    if not len(part):
        return {f"{split}_loss": float("nan"), f"{split}_accuracy": float("nan")}
    logits = predict(model, part.images, protocol.crops, protocol.precision, protocol.heap)
    labels = torch.as_tensor(part.labels)
    hits = (logits.argmax(1) == labels).sum().item()
    return {f"{split}_loss": F.cross_entropy(logits, labels).item(), f"{split}_accuracy": 100 * hits / len(labels)}


def select(state, model):
    """Keep the weights of the last epoch if it is the best so far on the valid split, or if there is no such split."""
    *before, now = (row["valid_accuracy"] for row in state["history"])
    if now != now or all(now > other for other in before):
        state["selected"] = {name: value.clone() for name, value in model.state_dict().items()}


def epoch_line(row, epochs):
    splits = [f"{s} {row[f'{s}_loss']:.3f} {row[f'{s}_accuracy']:.2f}%" for s in ("train", "valid", "test")]
    splits = [text for text in splits if "nan" not in text]
    return f"epoch {row['epoch']}/{epochs}  lr {row['lr']:.5f}  {'  '.join(splits)}  {row['seconds']:.1f} s"
