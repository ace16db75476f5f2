"""The settings of a search, and the named searches: what each sets otherwise than the parameters of notebook 09."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from fer_nb.names import refuse_unknown
from fer_nb.nas.stopping import STOPS
from fer_nb.nas.supernet import check_supernet
from fer_nb.nets.device import PRECISIONS
from fer_nb.nets.operations import OPERATIONS

# What DARTS and P-DARTS do with what they share: section 3 and appendix of Liu, Simonyan and Yang 2019. ``progressive``
# takes half of the epochs for each of its stages: 25, of which 10 without a step of the alphas (Chen et al. 2019). The
# batch and the last rate of P-DARTS are those of train_search.py in github.com/chenxin061/pdarts.
DARTS: dict[str, Any] = {
    "method": "mixture",
    "partial": 1,
    "epochs": 50,
    "batch_size": 64,
    "lr": 0.025,
    "lr_min": 0.001,
}
DARTS |= {"momentum": 0.9, "weight_decay": 3e-4, "clip": 5.0, "alpha_decay": 1e-3, "warmup": 0, "skip_dropout": 0.0}
DARTS |= {"beta_decay": 0.0, "stop": "", "shared": False}

# EmoNAS_source: as Verma et al. 2023 describe it, by DARTS's first order. All with the cells, channels and stem of the
# notebook: other ones would compare sizes of nets.
SEARCHES: dict[str, dict[str, Any]] = {
    "EmoNAS": {},
    "EmoNAS_source": {"method": "mixture", "partial": 1, "order": 1},
    "sample": {"method": "sample", "partial": 1},
    "partial": {"method": "mixture", "partial": 4},
    "shared": {"shared": True},
    "noskips": {"max_skips": 0},
    "anyskips": {"max_skips": None},
    "cells3": {"cells": 3},
    "cells8": {"cells": 8},
    "DARTS": DARTS | {"order": 2, "alpha_lr": 3e-4, "max_skips": None},
    "PDARTS": DARTS | {"order": 1, "alpha_lr": 6e-4, "max_skips": 2, "batch_size": 96, "lr_min": 0.0},
    "RandomSearch": {},
    "RandomNet": {},
}
LEAST = {"epochs": 1, "batch_size": 2, "candidate_epochs": 1, "warmup": 0, "clip": 0, "beta_decay": 0}  # two for a BN
LEAST |= {"lr": 0, "lr_min": 0, "momentum": 0, "weight_decay": 0, "alpha_lr": 0, "alpha_decay": 0, "seed": 0}
MOST = {"momentum": 1, "weight_decay": 1, "seed": 2**63 - 1}


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """The settings of a search.

    method, channels, cells, nodes, partial, stem_stride, shared, operations: see ``Supernet``.
    order: 1, or 2 for the alpha step that looks a step ahead (four passes instead of one).
    lr, lr_min: first and last rate of the weights, which falls as half a cosine, epoch by epoch.
    clip: largest norm of the weights' gradient; 0 for no limit.
    warmup: first epochs, without alpha step.
    tau: temperature of the draw in the first and the last epoch, in equal steps (Dong and Yang 2019).
    max_skips: in the normal cell of the genotype; None for no limit.
    skip_dropout: of the first epoch, in equal steps to 0 in the last (Chen et al. 2019).
    beta_decay: weight of beta decay in the last epoch, in equal steps from 0 (Ye et al. 2022).
    stop: of the epochs after the warm-up. "skips": after 3 in a row with more skips than ``max_skips`` (after Liang et
        al. 2019), with the alphas of the epoch before them, or of the first if there is none; "eigenvalue": when the
        eigenvalue of the Hessian in the alphas, averaged over 5 epochs, has risen by a third in 5 epochs, with the
        alphas from before (Zela et al. 2020); "": never.
    candidate_epochs: in which a random search trains each candidate; other searches ignore it.
    precision: see ``device.number_format``; parameters stay float32.
    seed: random seed of initial weights and alphas, halves, batch order, augmentation, draws and dropout.

    Raises ValueError for a value that is unknown or out of range, and for settings that exclude each other.
    """

    method: str = "sample"
    order: int = 1
    epochs: int = 50
    batch_size: int = 64
    channels: int = 16
    cells: int = 5
    nodes: int = 4
    lr: float = 0.025
    lr_min: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    alpha_lr: float = 3e-4
    alpha_decay: float = 1e-3
    warmup: int = 0
    tau: tuple[float, float] = (10.0, 0.1)
    max_skips: int | None = 2
    skip_dropout: float = 0.0
    beta_decay: float = 0.0
    stop: str = ""
    shared: bool = False
    stem_stride: int = 1
    partial: int = 1
    operations: tuple[str, ...] | dict = OPERATIONS
    candidate_epochs: int = field(default=5, metadata={"learned": False})  # a random search compares it itself
    precision: str = field(default="float32", metadata={"learned": False})  # the number format itself is compared
    seed: int = 0

    def __post_init__(self):
        check_supernet(self.method, self.partial, self.nodes, self.channels, self.cells, self.stem_stride)
        for name, known in {"stop": STOPS, "order": (1, 2), "precision": PRECISIONS}.items():
            refuse_unknown(name, [getattr(self, name)], known)
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)}: choose at least {least}")
        for name, most in MOST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} is {getattr(self, name)}: choose at most {most}")
        if not min(self.tau) > 0:
            raise ValueError(f"tau is {self.tau}: choose temperatures above 0")
        if self.max_skips is not None and self.max_skips < 0:
            raise ValueError(f"max_skips is {self.max_skips}: choose at least 0, or None for no limit")
        if self.warmup >= self.epochs:
            raise ValueError(f"warmup is {self.warmup} of {self.epochs} epochs: leave one in which the alphas learn")
        if not 0 <= self.skip_dropout < 1:
            raise ValueError(f"skip_dropout is {self.skip_dropout}: choose a number from 0 (none), below 1")
        if self.order == 2 and self.skip_dropout:
            raise ValueError("order 2 takes differences of losses, which dropout hides: set skip_dropout to 0")
        if self.stop == "eigenvalue" and self.method == "sample":
            raise ValueError('stop "eigenvalue" needs a smooth loss, which method "sample" lacks: choose "mixture"')
        if self.stop == "skips" and self.max_skips is None:
            raise ValueError('stop "skips" needs max_skips: give the number of skips that is allowed')

    def learned(self) -> dict:
        """The settings that change the result of a search, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.metadata.get("learned", True)}


def named_searches(names: list[str], seeds: list[int], settings: SearchSettings) -> dict:
    """The settings of each search of ``names`` with each of ``seeds``: {(name, seed): SearchSettings}.

    Raises ValueError for a name that is not in ``SEARCHES``, for a RandomSearch with no EmoNAS before it, and for
    settings that a search does not take.
    """
    refuse_unknown("search", names, SEARCHES)
    if "RandomSearch" in names and "EmoNAS" not in names[: names.index("RandomSearch")]:
        raise ValueError("RandomSearch takes as many steps as EmoNAS did: name EmoNAS before it")
    pairs = [(name, seed) for seed in seeds for name in names]
    return {(name, seed): replace(settings, **SEARCHES[name], seed=seed) for name, seed in pairs}
