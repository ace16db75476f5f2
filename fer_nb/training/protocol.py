"""How a net is trained: the thesis's protocol (section 3.2), and what a better recipe adds to it."""

import math
import reprlib
from collections.abc import Sequence
from dataclasses import MISSING, dataclass, field, fields

from fer_nb.data.augment import CROP, SIDES
from fer_nb.names import refuse_unknown
from fer_nb.nets.device import PRECISIONS

SCHEDULES = ("step", "cosine", "onecycle")
AUGMENTATIONS = ("random_crop", "flip", "rotation", "brightness", "contrast")  # arguments of ``augment.augment``


def setting(default=MISSING, low=0.0, high=math.inf, *, choices=(), above=False, below=False, learned=True):
    """A field of ``Protocol`` with the values that it takes: one of ``choices``, or a number from ``low`` to ``high``.

    ``above``, ``below``: ``low``, ``high`` itself is excluded. ``learned``: whether the value changes what a net
    learns; a checkpoint made with another value is refused where it does.
    """
    limits = {"low": low, "high": high, "choices": choices, "above": above, "below": below, "learned": learned}
    return field(default=default, metadata=limits)


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The settings of ``train.fit``. The defaults are the thesis's for FER2013 and FERm, and add nothing to it.

    lr: first rate of the thesis's schedule, highest rate of the others; ``decay_*`` belong to the thesis's: times
        ``decay_factor`` every ``decay_every`` epochs, from the end of epoch ``decay_start``.
    clip_value: each gradient element is clamped to +-clip_value, as in the code the thesis builds on; 0 for none.
    rotation (degrees), brightness, contrast (shares): the ranges of ``augment.augment``, which the thesis leaves open.
    random_crop, flip: the augmentations without a range; off, a view is the middle of the picture, never mirrored.
    sizes: [side, epochs] in order: [[24, 5], [44, 10]] for five epochs of training views of 24 pixels, then ten of 44
        (progressive resizing: Howard 2018); () for the network's input, 44, throughout.
    crops: 1 or 10, for the scores of each epoch.
    precision: see ``device.number_format``; weights and optimizer stay float32.
    heap: keep large buffers (``device.keep_heap``): faster on the CPU, at the cost of memory.
    seed: random seed of batch order, augmentation and dropout.
    schedule: "step" (the thesis's), or a rate for each step: "cosine" (Loshchilov and Hutter 2017) or "onecycle"
        (Smith and Topin 2018; the rate alone, momentum stays), both after ``warmup`` epochs of rising rate.
    decay_all: weight decay on batch norm and biases too, as in the thesis.
    smoothing: share of each label that is spread over all classes (Szegedy et al. 2016); votes are spread already.
    mixup, cutmix: parameter of the Beta distribution in ``augment.mixup``, ``augment.cutmix``; 0 for none.
    erasing: share of the views that ``augment.erase`` covers in part.
    ema: decay per step of the moving average of the weights (Polyak and Juditsky 1992); 0 for none. The averaged
        weights are then scored, selected and saved.
    votes: the targets are the distribution of FERPlus's votes (Barsoum et al. 2016), ``FaceSet.targets``.
    teacher_weight, temperature: of the teacher's part in the loss (Hinton et al. 2015), where there is a teacher.
    minutes: of computing, after which training stops at the end of an epoch, to go on another time; 0 for no limit.

    Raises ValueError for a value out of range, and for settings that exclude each other.
    """

    epochs: int = setting(low=1)
    batch_size: int = setting(low=2)  # batch norm needs two pictures
    lr: float = setting(0.01, above=True)
    momentum: float = setting(0.9, high=1, below=True)
    weight_decay: float = setting(5e-4, high=1)
    decay_start: int = setting(80)
    decay_every: int = setting(5, low=1)
    decay_factor: float = setting(0.9, high=1, above=True)
    clip_value: float = setting(0.1)
    rotation: float = setting(10.0, high=180)
    brightness: float = setting(0.2, high=1)
    contrast: float = setting(0.2, high=1)
    random_crop: bool = setting(True)
    flip: bool = setting(True)
    crops: int = setting(10, choices=(1, 10))
    precision: str = setting("auto", choices=PRECISIONS, learned=False)  # the number format itself is compared
    heap: bool = setting(True, learned=False)
    seed: int = setting(0, high=2**63 - 1)
    schedule: str = setting("step", choices=SCHEDULES)
    warmup: float = setting(0.0)
    decay_all: bool = setting(True)
    smoothing: float = setting(0.0, high=1, below=True)
    mixup: float = setting(0.0)
    cutmix: float = setting(0.0)
    erasing: float = setting(0.0, high=1)
    ema: float = setting(0.0, high=1, below=True)
    votes: bool = setting(False)
    teacher_weight: float = setting(0.0, high=1)
    temperature: float = setting(1.0, above=True)
    sizes: Sequence[Sequence[int]] = field(default=(), metadata={"learned": True})
    minutes: float = setting(0.0, learned=False)

    def __post_init__(self):
        for one in fields(self):
            if one.name != "sizes":
                _check_value(one, getattr(self, one.name))
        _check_sizes(self.sizes, self.epochs)
        if self.mixup and self.cutmix:
            raise ValueError(f"mixup is {self.mixup} and cutmix {self.cutmix}: choose one of them, the other is 0")
        if self.warmup and self.schedule == "step":
            raise ValueError(f"warmup is {self.warmup} with schedule step, which has none: choose cosine or onecycle")
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup is {self.warmup} of {self.epochs} epochs: leave some for the rate to fall in")

    def side(self, epoch: int) -> int:
        """Side in pixels of the training views of ``epoch`` (from 0)."""
        for side, epochs in self.sizes:
            if epoch < epochs:
                return side
            epoch -= epochs
        return CROP

    def learned(self) -> dict:
        """The settings that change what a net learns, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.metadata["learned"]}


def _check_value(one, value):
    """Raise ValueError where ``value`` is not what the field ``one`` takes."""
    limits = one.metadata
    if limits["choices"]:
        refuse_unknown(one.name, [value], limits["choices"])
    elif one.type is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{one.name} is {value!r}: choose true or false")
    elif not _is_number(value, one.type) or not _within(value, limits):
        kind = "a whole number" if one.type is int else "a number"
        start = f"{'above' if limits['above'] else 'from'} {limits['low']:g}"
        end = "" if limits["high"] == math.inf else f", {'below' if limits['below'] else 'at most'} {limits['high']}"
        raise ValueError(f"{one.name} is {reprlib.repr(value)}: choose {kind} {start}{end}")


def _check_sizes(sizes, epochs):
    """Raise ValueError where ``sizes`` is no schedule of ``epochs`` epochs."""
    given = f"sizes is {sizes!r}"
    pairs = [pair for pair in sizes if isinstance(pair, list | tuple) and len(pair) == 2]
    if len(pairs) < len(sizes) or not all(_is_number(value, int) for pair in pairs for value in pair):
        raise ValueError(f"{given}: write pairs of side and epochs, as [[24, 5], [44, 10]]")
    for side, count in sizes:
        if side not in SIDES:
            raise ValueError(f"{given}: choose sides from {SIDES[0]} to {SIDES[-1]} pixels, not {side}")
        if count < 1:
            raise ValueError(f"{given}: {count} epochs at {side} pixels: give it at least 1, or leave the side out")
    total = sum(count for _, count in sizes)
    if sizes and total != epochs:
        raise ValueError(f"{given}, {total} epochs in all, with epochs {epochs}: make the two agree")


def _is_number(value, kind):
    if isinstance(value, int):
        return not isinstance(value, bool) and (kind is int or abs(value) < 2**1023)  # larger ones fit no float
    return kind is not int and isinstance(value, float) and math.isfinite(value)


def _within(value, limits):
    low_enough = value < limits["high"] or (value == limits["high"] and not limits["below"])
    return low_enough and (value > limits["low"] or (value == limits["low"] and not limits["above"]))


def uses_votes(votes: list[str], dataset: str) -> bool:
    """Whether ``votes``, the data sets whose targets are votes, names ``dataset``; ValueError for any but FERm."""
    wrong = [name for name in votes if name != "ferm"]
    if wrong:
        raise ValueError(f"votes: {wrong[0]!r} has none, only ferm does: write [ferm], or [] for labels")
    return dataset in votes
