"""The one training loop (section 3.2).

Stochastic gradient descent with momentum on cross-entropy; weight decay on every parameter, as in the thesis. What a
better recipe adds stands in ``recipe``. The pictures stay on the device as uint8; each batch is augmented there.
"""

import functools
import time
from dataclasses import asdict

import pandas as pd
import torch
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb.data import augment
from fer_nb.nets import device as devices
from fer_nb.training import checkpoint
from fer_nb.training import recipe as recipes
from fer_nb.training.predict import predict

CHECK_EVERY = 100  # steps between two looks at the loss: each makes a GPU wait


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
    recipe=recipes.THESIS,
    teacher=None,
):
    """Train ``model`` on the train side of ``faces`` and leave it with the weights of the selected epoch.

    Selected is the epoch with the best accuracy on the valid side, the first of equals; without a valid side, the
    last. The test side is scored each epoch for the curves (figures 3-11, 3-12) and selects nothing.

    Args:
        model: net from ``models.build``; it moves to the device that ``device.select`` gives.
        faces: FaceSet with a train side.
        folder: where the checkpoint of each epoch goes; training goes on from one that is there.
        lr: first rate of the thesis's schedule, peak rate of the recipe's others; ``decay_*`` are the thesis's.
        clip_value: each gradient element is clamped to +-clip_value, as in the code the thesis builds on; 0 for none.
        rotation, brightness, contrast: the ranges of ``augment.augment``, which the thesis leaves open.
        crops: 1 or 10 crops for the score of each epoch.
        precision: see ``device.number_format``; weights and optimizer stay float32.
        heap: keep large buffers (``device.keep_heap``): faster on the CPU, at the cost of memory.
        seed: seeds batch order, augmentation and dropout.
        recipe: recipe.Recipe, what is done beyond the thesis's protocol; by default nothing.
        teacher: trained net whose answers to the same views are learned too, or None.

    Returns:
        DataFrame, one row an epoch: epoch (from 1), lr (of its first step), train_loss, train_accuracy, valid_loss,
        valid_accuracy, test_loss, test_accuracy (percent), seconds, train_seconds.

    Raises:
        ValueError: the recipe asks for what is not there; the checkpoint is of another net, other data or settings.
        FloatingPointError: the loss or a weight is not finite; the last good checkpoint is kept.
        MemoryError: the GPU's memory is too small for a batch; it names a size that fits.
        OSError: the checkpoint could not be written, on a full disk for example; the one before is kept.
    """
    skipped = ("model", "faces", "folder", "precision", "heap", "recipe", "teacher")
    settings = {k: v for k, v in locals().items() if k not in skipped} | asdict(recipe)
    recipes.check(recipe, faces, teacher, epochs)
    device = devices.select()
    dtype = devices.number_format(precision, device)
    settings = checkpoint.describe(settings, model, faces, dtype, teacher)
    model = devices.prepare(model, device, heap).train()  # scoring restores the mode
    teacher = teacher and devices.prepare(teacher, device, heap).eval()
    groups = recipes.parameter_groups(model, weight_decay, recipe.decay_all)
    optimizer = torch.optim.SGD(groups, lr, momentum, weight_decay=weight_decay)
    average, follow = recipes.averaged(model, recipe.ema)
    scored = model if average is None else average
    parts = {"model": model, "optimizer": optimizer} | ({} if average is None else {"average": average})
    generator = torch.Generator(device).manual_seed(seed)
    torch.manual_seed(seed)  # dropout draws from torch's own generator
    state = checkpoint.load(folder, settings, parts, generator)

    train, held_out = faces.of_split("train"), {side: faces.of_split(side) for side in ("valid", "test")}
    images, targets = torch.as_tensor(train.images, device=device), recipes.targets(train, recipe, device)
    ranges = {"rotation": rotation, "brightness": brightness, "contrast": contrast}
    fixed = {"generator": generator, "ranges": ranges, "dtype": dtype, "clip_value": clip_value, "recipe": recipe}
    take = functools.partial(step, model, optimizer, follow=follow, teacher=teacher, **fixed)
    for epoch in range(len(state["history"]), epochs):
        start = time.perf_counter()
        batches = shuffle(len(targets), batch_size, generator)
        thesis_rate = learning_rate(epoch, lr, decay_start, decay_every, decay_factor)
        rates = recipes.rates(recipe, epoch, epochs, len(batches), lr, thesis_rate)
        steps = run_epoch(take, images, targets, batches, rates, epoch, epochs, folder)
        row = {"epoch": epoch + 1, "lr": rates[0], **mean_over_steps(steps, batches)}
        refuse_broken_weights(model, epoch, folder)
        train_seconds = time.perf_counter() - start
        for side, part in held_out.items():
            row |= score(scored, part, side, crops, precision)
        state["history"].append(row | {"seconds": time.perf_counter() - start, "train_seconds": train_seconds})
        select(state, scored)
        checkpoint.save(folder, settings, state, parts, generator)
        print(epoch_line(state["history"][-1], epochs), flush=True)
    model.load_state_dict(state["selected"])
    history = pd.DataFrame(state["history"])
    history.attrs["train_pictures"] = len(targets)
    return history


def shuffle(count, batch_size, generator):
    """Index tensors of one epoch's batches; a last batch of a single picture is left out: batch norm needs two."""
    order = torch.randperm(count, generator=generator, device=generator.device)
    return [batch for batch in order.split(batch_size) if len(batch) > 1]


def run_epoch(take, images, targets, batches, rates, epoch, epochs, folder):
    """Take every step of ``epoch`` (from 0); what ``step`` returned of each. ``take(images, targets, rate)`` is a step.

    Raises FloatingPointError where a loss is not finite, and MemoryError where the GPU's memory is too small.
    """
    steps, text = [], f"epoch {epoch + 1}/{epochs}"
    try:
        for batch, rate in tqdm(list(zip(batches, rates, strict=True)), desc=text, leave=False, mininterval=5):
            steps.append(take(images[batch], targets[batch], rate))
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


def step(model, optimizer, images, targets, rate, *, generator, ranges, dtype, clip_value, recipe, follow, teacher):
    """One step of gradient descent on a batch, ``model`` in training mode; (loss, number right) on the device.

    ``follow``: called at the end where it is not None; takes the new weights into their average.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    views, targets = recipes.change(augment.augment(images, generator, **ranges), targets, recipe, generator)
    views = views.contiguous(memory_format=torch.channels_last)
    with devices.autocast(images.device, dtype):
        logits = model(views)
        loss = recipes.loss(logits, targets, recipe, teacher and answers(teacher, views))
    optimizer.zero_grad()
    loss.backward()
    if clip_value:
        torch.nn.utils.clip_grad_value_(model.parameters(), clip_value)
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
