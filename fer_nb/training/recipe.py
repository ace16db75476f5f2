"""The parts of a better recipe (study ``improved``), each on its own; ``Protocol``'s defaults use none of them."""

import copy
import functools
import math

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fer_nb.data import augment
from fer_nb.data.faceset import FaceSet
from fer_nb.training.protocol import Protocol


def rates(protocol: Protocol, epoch: int, steps: int) -> list[float]:
    """The learning rate of each of the ``steps`` of ``epoch`` (from 0).

    Each is a function of the step alone, so an interrupted run goes on with the same rates.
    """
    if protocol.schedule == "step":
        return [thesis_rate(protocol, epoch)] * steps
    warm, total = round(protocol.warmup * steps), protocol.epochs * steps
    return [protocol.lr * rate_share(epoch * steps + i, warm, total, protocol.schedule) for i in range(steps)]


def thesis_rate(protocol: Protocol, epoch: int) -> float:
    """Rate of ``epoch`` (from 0): ``lr`` through ``decay_start``, then times ``decay_factor`` every ``decay_every``."""
    decays = max(0, epoch - protocol.decay_start) // protocol.decay_every
    return protocol.lr * protocol.decay_factor**decays


def rate_share(step: int, warm: int, total: int, schedule: str) -> float:
    """The rate of ``step`` (from 0) of ``total`` as a share of the peak rate, reached by the last of ``warm`` steps.

    cosine: rises in equal steps, falls as half a cosine towards 0. onecycle: from 1/25 to the peak and down to
    1/250,000, each as half a cosine, as torch's ``OneCycleLR``.
    """
    if schedule == "cosine":
        return (step + 1) / warm if step < warm else half_cosine((step - warm) / (total - warm))
    first, last, peak = 1 / 25, 1 / 250_000, max(warm - 1, 0)
    if step < peak:
        return 1 - (1 - first) * half_cosine(step / peak)
    return last + (1 - last) * half_cosine((step - peak) / max(total - 1 - peak, 1))


def half_cosine(x: float) -> float:
    """From 1 at 0 to 0 at 1."""
    return (1 + math.cos(math.pi * x)) / 2


def parameter_groups(model: nn.Module, protocol: Protocol):
    """What the optimizer takes: all parameters, or batch norm and biases (one number a channel) apart, not decayed."""
    if protocol.decay_all:
        return model.parameters()
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": protocol.weight_decay}, {"params": others, "weight_decay": 0.0}]


def averaged(model: nn.Module, decay: float):
    """(copy, update): a copy of ``model`` that holds the moving average of its weights and of batch norm's statistics.

    ``update()`` is to be called after each step. (``AveragedModel`` of torch does the same but makes a GPU wait at
    each step.) (None, None) where ``decay`` is 0.
    """
    if not decay:
        return None, None
    average = copy.deepcopy(model)
    old, new = (
        [value for value in (*net.parameters(), *net.buffers()) if value.is_floating_point()]
        for net in (average, model)
    )
    return average, functools.partial(get_ema_multi_avg_fn(decay), old, new, None)


def targets(train: FaceSet, protocol: Protocol, device: torch.device) -> torch.Tensor:
    """The target of each picture of ``train``: int64 labels (N,), or float32 distributions (N, classes).

    Distributions where the targets are votes or are going to be mixed.
    """
    labels = torch.as_tensor(train.labels, device=device)
    if protocol.votes:
        return torch.as_tensor(train.targets, device=device)
    return F.one_hot(labels, len(train.classes)).float() if protocol.mixup or protocol.cutmix else labels


def change(views, targets, protocol: Protocol, generator: torch.Generator):
    """A batch with boxes erased, then mixed: (views, targets)."""
    if protocol.erasing:
        views = augment.erase(views, generator, protocol.erasing)
    if protocol.mixup:
        views, targets = augment.mixup(views, targets, generator, protocol.mixup)
    if protocol.cutmix:
        views, targets = augment.cutmix(views, targets, generator, protocol.cutmix)
    return views, targets


def loss(logits, targets, protocol: Protocol, taught) -> torch.Tensor:
    """Cross-entropy of ``logits`` (N, classes) with ``targets``, int64 labels (N,) or distributions (N, classes).

    ``taught``: the teacher's logits for the same views, or None. The teacher's part is the divergence of the two
    softened distributions times the temperature squared, which keeps the size of its gradients (Hinton et al. 2015,
    section 2.1).
    """
    smoothing = 0.0 if protocol.votes else protocol.smoothing
    own = F.cross_entropy(logits, targets, label_smoothing=smoothing)
    if taught is None:
        return own
    student, wanted = (F.log_softmax(values.float() / protocol.temperature, 1) for values in (logits, taught))
    part = F.kl_div(student, wanted, reduction="batchmean", log_target=True) * protocol.temperature**2
    return own.lerp(part, protocol.teacher_weight)
