"""The one training loop (section 3.2).

Stochastic gradient descent with momentum on cross-entropy; weight decay on every parameter, as in the thesis. The
pictures stay on the device as uint8; each batch is augmented there.
"""

import time

import pandas as pd
import torch
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb import augment, checkpoint
from fer_nb import device as devices
from fer_nb.predict import predict


def learning_rate(epoch, lr, decay_start, decay_every, decay_factor):
    """Rate of ``epoch`` (from 0): ``lr`` through ``decay_start``, then times ``decay_factor`` every ``decay_every``."""
    return lr * decay_factor ** (max(0, epoch - decay_start) // decay_every)


def fit(
    model,
    faces,
    folder,
    *,
    epochs,
    batch_size,
    lr=0.01,
    momentum=0.9,
    weight_decay=5e-4,
    decay_start=80,
    decay_every=5,
    decay_factor=0.9,
    clip_value=0.1,
    rotation=10.0,
    brightness=0.2,
    contrast=0.2,
    crops=10,
    precision="auto",
    heap=True,
    seed=0,
):
    """Train ``model`` on the train side of ``faces`` and leave it with the weights of the selected epoch.

    Selected is the epoch with the best accuracy on the valid side, the first of equals; without a valid side, the
    last. The test side is scored each epoch for the curves (figures 3-11, 3-12) and selects nothing.

    Args:
        model: net from ``models.build``; it moves to the device that ``device.select`` gives.
        faces: FaceSet with a train side.
        folder: where the checkpoint of each epoch goes; training goes on from one that is there.
        clip_value: each gradient element is clamped to +-clip_value, as in the code the thesis builds on; 0 for none.
        rotation, brightness, contrast: the ranges of ``augment.augment``, which the thesis leaves open.
        crops: 1 or 10 crops for the score of each epoch.
        precision: see ``device.number_format``; weights and optimizer stay float32.
        heap: keep large buffers (``device.keep_heap``): faster on the CPU, at the cost of memory.
        seed: seeds batch order, augmentation and dropout.

    Returns:
        DataFrame, one row an epoch: epoch (from 1), lr, train_loss, train_accuracy, valid_loss, valid_accuracy,
        test_loss, test_accuracy (percent), seconds, train_seconds.

    Raises:
        ValueError: the checkpoint is of another net, other data or other settings.
        FloatingPointError: the loss is not finite.
    """
    settings = {k: v for k, v in locals().items() if k not in ("model", "faces", "folder", "precision", "heap")}
    device = devices.select()
    dtype = devices.number_format(precision, device)
    settings = checkpoint.describe(settings, model, faces, dtype)
    model = devices.prepare(model, device, heap)
    optimizer = torch.optim.SGD(model.parameters(), lr, momentum, weight_decay=weight_decay)
    generator = torch.Generator(device).manual_seed(seed)
    torch.manual_seed(seed)  # dropout draws from torch's own generator
    state = checkpoint.load(folder, settings, model, optimizer, generator)
    ranges = {"rotation": rotation, "brightness": brightness, "contrast": contrast}

    train, held_out = faces.side("train"), {side: faces.side(side) for side in ("valid", "test")}
    images, labels = torch.as_tensor(train.images, device=device), torch.as_tensor(train.labels, device=device)
    model.train()  # scoring restores it
    for epoch in range(len(state["history"]), epochs):
        start = time.perf_counter()
        rate = learning_rate(epoch, lr, decay_start, decay_every, decay_factor)
        optimizer.param_groups[0]["lr"] = rate
        batches = shuffle(len(labels), batch_size, generator)
        progress = tqdm(batches, desc=f"epoch {epoch + 1}/{epochs}", leave=False, mininterval=5)
        steps = [step(model, optimizer, images[b], labels[b], generator, ranges, dtype, clip_value) for b in progress]
        row = {"epoch": epoch + 1, "lr": rate, **mean_over_steps(steps, batches, epoch, folder)}
        train_seconds = time.perf_counter() - start
        for side, part in held_out.items():
            row |= score(model, part, side, crops, precision)
        state["history"].append(row | {"seconds": time.perf_counter() - start, "train_seconds": train_seconds})
        select(state, model)
        checkpoint.save(folder, settings, state, model, optimizer, generator)
        print(epoch_line(state["history"][-1], epochs), flush=True)
    model.load_state_dict(state["selected"])
    history = pd.DataFrame(state["history"])
    history.attrs["train_pictures"] = len(labels)
    return history


def shuffle(count, batch_size, generator):
    """Index tensors of one epoch's batches; a last batch of a single picture is left out: batch norm needs two."""
    order = torch.randperm(count, generator=generator, device=generator.device)
    return [batch for batch in order.split(batch_size) if len(batch) > 1]


def step(model, optimizer, images, labels, generator, ranges, dtype, clip_value):
    """One step of gradient descent on a batch, ``model`` in training mode; (loss, number right) on the device."""
    views = augment.augment(images, generator, **ranges).contiguous(memory_format=torch.channels_last)
    with devices.autocast(images.device, dtype):
        logits = model(views)
        loss = F.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    if clip_value:
        torch.nn.utils.clip_grad_value_(model.parameters(), clip_value)
    optimizer.step()
    return loss.detach(), (logits.detach().argmax(1) == labels).sum()


def mean_over_steps(steps, batches, epoch, folder):
    """Training loss and accuracy (percent) of the epoch; FloatingPointError naming the step of a loss not finite."""
    losses, hits = (torch.stack(values).cpu() for values in zip(*steps, strict=True))
    broken = (~losses.isfinite()).nonzero().flatten().tolist()
    if broken:
        raise FloatingPointError(
            f"loss is {losses[broken[0]]} in epoch {epoch + 1}, step {broken[0] + 1}: lower the rate or clamp "
            f"the gradient; the checkpoint of epoch {epoch} is kept in {folder}"
        )
    sizes = torch.tensor([len(batch) for batch in batches])
    loss = (losses.float() * sizes).sum() / sizes.sum()
    return {"train_loss": loss.item(), "train_accuracy": 100 * hits.sum().item() / sizes.sum().item()}


def score(model, part, side, crops, precision):
    """Loss and accuracy (percent) of ``model`` on ``part``, named for the history; NaN where the side is empty."""
    if not len(part):
        return {f"{side}_loss": float("nan"), f"{side}_accuracy": float("nan")}
    logits, labels = predict(model, part.images, crops, precision), torch.as_tensor(part.labels)
    hits = (logits.argmax(1) == labels).sum().item()
    return {f"{side}_loss": F.cross_entropy(logits, labels).item(), f"{side}_accuracy": 100 * hits / len(labels)}


def select(state, model):
    """Keep the weights of the last epoch where it is the best so far on the valid side, or where there is none."""
    *before, now = (row["valid_accuracy"] for row in state["history"])
    if now != now or all(now > other for other in before):
        state["selected"] = {name: value.clone() for name, value in model.state_dict().items()}


def epoch_line(row, epochs):
    sides = [f"{s} {row[f'{s}_loss']:.3f} {row[f'{s}_accuracy']:.2f}%" for s in ("train", "valid", "test")]
    sides = [text for text in sides if "nan" not in text]
    return f"epoch {row['epoch']}/{epochs}  lr {row['lr']:.5f}  {'  '.join(sides)}  {row['seconds']:.1f} s"
