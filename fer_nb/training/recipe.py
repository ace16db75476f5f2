"""What study ``improved`` adds to the thesis's protocol, each part on its own; the defaults add nothing."""

import copy
import difflib
import functools
import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from fer_nb.data import augment

SCHEDULES = ("step", "cosine", "onecycle")


@dataclass(frozen=True)
class Recipe:
    """The parts and their strengths. ValueError for a value out of range, or for parts that exclude each other.

    schedule: "step" (the thesis's), or a rate for each step: "cosine" (Loshchilov and Hutter 2017) or "onecycle"
        (Smith and Topin 2018; the rate alone, momentum stays), both after ``warmup`` epochs of rising rate.
    decay_all: weight decay on batch norm and biases too, as in the thesis.
    smoothing: share of each target that is spread over all classes (Szegedy et al. 2016).
    mixup, cutmix: the Beta distribution's parameter in ``augment.mixup`` and ``augment.cutmix``; 0 for none.
    erasing: share of the views that ``augment.erase`` covers in part.
    ema: decay a step of the moving average of the weights (Polyak and Juditsky 1992); 0 for none. The averaged
        weights are then those that are scored, selected and saved.
    votes: the targets are the distribution of FERPlus's votes (Barsoum et al. 2016), ``FaceSet.targets``.
    teacher_weight, temperature: of the teacher's part in the loss (Hinton et al. 2015), where there is a teacher.
    """

    schedule: str = "step"
    warmup: float = 0.0
    decay_all: bool = True
    smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    erasing: float = 0.0
    ema: float = 0.0
    votes: bool = False
    teacher_weight: float = 0.0
    temperature: float = 1.0

    def __post_init__(self):
        if self.schedule not in SCHEDULES:
            near = difflib.get_close_matches(str(self.schedule), SCHEDULES, n=1) or SCHEDULES
            raise ValueError(f"unknown schedule {self.schedule!r}: choose {' or '.join(near)}")
        for name, largest in LARGEST.items():
            value = getattr(self, name)
            if not 0 <= value <= largest or (value == 1 and name in ("smoothing", "ema")):
                below = "below 1" if name in ("smoothing", "ema") else f"at most {largest}"
                raise ValueError(f"{name} is {value}: choose a number from 0 (none), {below}")
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}: choose a number above 0")
        if self.mixup and self.cutmix:
            raise ValueError(f"mixup is {self.mixup} and cutmix {self.cutmix}: choose one of them, the other is 0")
        if self.warmup and self.schedule == "step":
            raise ValueError(f"warmup is {self.warmup} with schedule step, which has none: choose cosine or onecycle")


LARGEST = {"warmup": math.inf, "smoothing": 1, "mixup": math.inf, "cutmix": math.inf, "erasing": 1, "ema": 1}
LARGEST |= {"teacher_weight": 1}
THESIS = Recipe()


def in_words(recipe, teacher="", drop_repeats=False):
    """What a run does beyond the thesis's protocol, as a sentence. ``teacher``: the net's name, "" for none."""
    parts = {
        f"schedule {recipe.schedule}, {recipe.warmup:g} epochs of warm-up": recipe.schedule != "step",
        "no weight decay on batch norm and biases": not recipe.decay_all,
        f"label smoothing {recipe.smoothing:g}": recipe.smoothing,
        f"mixup {recipe.mixup:g}": recipe.mixup,
        f"cutmix {recipe.cutmix:g}": recipe.cutmix,
        f"random erasing of {recipe.erasing:.0%}": recipe.erasing,
        f"averaged weights (decay {recipe.ema:g})": recipe.ema,
        "FERPlus's votes as targets": recipe.votes,
        f"{teacher} as the teacher (weight {recipe.teacher_weight:g}, temperature {recipe.temperature:g})": teacher,
        "repeats of held-out pictures taken out": drop_repeats,
    }
    used = [text for text, on in parts.items() if on]
    return f"Beyond the thesis's protocol: {'; '.join(used) or 'nothing'}."


def with_votes(votes, dataset):
    """Whether ``votes``, the data sets whose targets are votes, names ``dataset``; ValueError for any but FERm."""
    wrong = [name for name in votes if name != "ferm"]
    if wrong:
        raise ValueError(f"votes: {wrong[0]!r} has none, only ferm does: write [ferm], or [] for labels")
    return dataset in votes


def check(recipe, faces, teacher, epochs):
    """Raise ValueError where ``recipe`` asks for what this run has not: votes, a teacher, so many epochs."""
    if recipe.votes and faces.targets is None:
        raise ValueError("votes: these pictures have none, only FERm's do; train on ferm, or leave votes out")
    if teacher is not None and not recipe.teacher_weight:
        raise ValueError("teacher_weight is 0, so the teacher would teach nothing: raise it, or leave the teacher out")
    if recipe.warmup >= epochs > 0:
        raise ValueError(f"warmup is {recipe.warmup} of {epochs} epochs: leave some to fall in")


def rates(recipe, epoch, epochs, steps, lr, thesis_rate):
    """The rate of each of the ``steps`` of ``epoch`` (from 0): ``thesis_rate`` or by the recipe's schedule.

    Each is a function of the step alone, so a run that was interrupted goes on with the same ones.
    """
    if recipe.schedule == "step":
        return [thesis_rate] * steps
    warm, total = round(recipe.warmup * steps), epochs * steps
    return [lr * rate_share(epoch * steps + i, warm, total, recipe.schedule) for i in range(steps)]


def rate_share(step, warm, total, schedule):
    """The rate of ``step`` (from 0) of ``total`` as a share of the peak rate, which the last of ``warm`` steps has.

    cosine: rises in equal steps, falls as half a cosine towards 0. onecycle: from 1/25 to the peak and down to
    1/250,000, each as half a cosine, as torch's ``OneCycleLR``.
    """
    if schedule == "cosine":
        return (step + 1) / warm if step < warm else half_cosine((step - warm) / (total - warm))
    first, last, peak = 1 / 25, 1 / 250_000, max(warm - 1, 0)
    if step < peak:
        return 1 - (1 - first) * half_cosine(step / peak)
    return last + (1 - last) * half_cosine((step - peak) / max(total - 1 - peak, 1))


def half_cosine(x):
    """From 1 at 0 to 0 at 1."""
    return (1 + math.cos(math.pi * x)) / 2


def parameter_groups(model, weight_decay, decay_all):
    """What the optimizer takes: all parameters, or batch norm and biases (one number a channel) apart, not decayed."""
    if decay_all:
        return model.parameters()
    kernels = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": kernels, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def averaged(model, decay):
    """A copy of ``model`` to hold the moving average of its weights and of batch norm's statistics, and what moves it.

    The second is a function without arguments, to be called after each step. (``AveragedModel`` of torch does the
    same but makes a GPU wait at each step.) None and None where ``decay`` is 0.
    """
    if not decay:
        return None, None
    average = copy.deepcopy(model)
    old, new = (
        [value for value in (*net.parameters(), *net.buffers()) if value.is_floating_point()]
        for net in (average, model)
    )
    return average, functools.partial(get_ema_multi_avg_fn(decay), old, new, None)


def targets(train, recipe, device):
    """What the net is to answer for each picture of ``train``: int64 labels (N,), or a distribution each (N, classes).

    A distribution where the targets are votes or are going to be mixed.
    """
    labels = torch.as_tensor(train.labels, device=device)
    if recipe.votes:
        return torch.as_tensor(train.targets, device=device)
    return F.one_hot(labels, len(train.classes)).float() if recipe.mixup or recipe.cutmix else labels


def change(views, targets, recipe, generator):
    """A batch with boxes erased, then mixed: (views, targets)."""
    if recipe.erasing:
        views = augment.erase(views, generator, recipe.erasing)
    if recipe.mixup:
        views, targets = augment.mixup(views, targets, generator, recipe.mixup)
    if recipe.cutmix:
        views, targets = augment.cutmix(views, targets, generator, recipe.cutmix)
    return views, targets


def loss(logits, targets, recipe, taught):
    """Cross-entropy with ``targets`` (int64 labels (N,) or a distribution each, (N, classes)).

    ``taught``: the teacher's logits of the same views, or None. Its part is the divergence of the two nets' softened
    distributions times the temperature squared, which keeps its gradients' size (Hinton et al. 2015, section 2.1).
    """
    own = F.cross_entropy(logits, targets, label_smoothing=recipe.smoothing)
    if taught is None:
        return own
    student, wanted = (F.log_softmax(values.float() / recipe.temperature, 1) for values in (logits, taught))
    part = F.kl_div(student, wanted, reduction="batchmean", log_target=True) * recipe.temperature**2
    return own.lerp(part, recipe.teacher_weight)
