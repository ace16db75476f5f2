"""Any net of a run by its name: those of the thesis, MobileNetV2, and those that a search or its authors found.

A searched net is as large as in its search; a size in its name changes that: EmoNAS_24x8 has the cells of EmoNAS at 24
channels, stacked 8 times (``study.sized``).

A net is built from its description, a dict that JSON can hold: ``model`` and ``classes`` (how many); of a net of the
thesis ``pool`` and ``block_relu``; of a searched net ``genotype``, ``channels``, ``cells`` and ``stem_stride``. It is
saved with the trained weights and is all that is needed to build the net again.
"""

import json
from pathlib import Path

from torch import nn

from fer_nb import study
from fer_nb.nets import genotypes, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.genotypes import Genotype

OTHERS = {"MobileNetV2": "mobilenet_v2"}  # of torchvision: Sandler et al. 2018, at our 44x44
PUBLISHED = {"DARTS_CIFAR10": "DARTS_V2", "PDARTS_CIFAR10": "PDARTS"}  # names in genotypes.KNOWN
SHAPE = {"channels": 16, "cells": 5, "stem_stride": 2}  # of nets of a published genotype: that of notebook 09


def build(run: study.Run, num_classes: int, pool: str = "global", block_relu: bool = False) -> nn.Module:
    """The net of a run with torch's default initialisation, (N, 3, 44, 44) to logits (N, ``num_classes``).

    ``net.description`` says what it is built from. ``pool``, ``block_relu``: see ``models.build``; they apply to the
    nets of the thesis alone.

    Raises:
        ValueError: an unknown name, or a file that holds no genotype.
        FileNotFoundError: a net that the study searches has not been found yet; for a searched net, no such study.
    """
    return build_described(describe(run, num_classes, pool, block_relu))


def describe(run: study.Run, num_classes: int, pool: str = "global", block_relu: bool = False) -> dict:
    """The description of the net of a run; arguments and errors as ``build``."""
    named = {"model": run.model, "classes": num_classes}
    if run.model in models.NAMES:
        return named | {"pool": pool, "block_relu": block_relu}
    if run.model in OTHERS:
        return named
    name, size = study.sized(run.model)
    if name in PUBLISHED:
        return named | searched(genotypes.KNOWN[PUBLISHED[name]], **SHAPE | size)
    file = study.searched_genotype(run.study, run.model, run.seed)
    if not file:
        raise models.unknown(run.model)
    return named | described_in(file, size)


def described_in(file: Path, size: dict[str, int]) -> dict:
    """The part of a description that belongs to the net of a file that a search left; ``size``: see ``study.sized``.

    Raises ValueError for a file that holds no genotype or no size.
    """
    genotype, about = genotypes.load(file)
    for key in SHAPE:
        if not isinstance(about.get(key), int) or isinstance(about[key], bool) or about[key] < 1:
            raise ValueError(f"{file}: about: {key} is {about.get(key)!r}, not a whole number from 1: search again")
    return searched(genotype, **{key: about[key] for key in SHAPE} | size)


def searched(genotype: Genotype, channels: int, cells: int, stem_stride: int) -> dict:
    """The part of a description that belongs to a searched net."""
    cells_of = json.loads(json.dumps(genotype._asdict()))  # lists for tuples: a description read from JSON is equal
    return {"genotype": cells_of, "channels": channels, "cells": cells, "stem_stride": stem_stride}


def build_described(description: dict) -> nn.Module:
    """The net of a description, with torch's default initialisation; ValueError where it describes none."""
    name, classes = description["model"], description["classes"]
    if "genotype" in description:
        genotype = Genotype(**description["genotype"])
        net = SearchedNet(genotype, classes, **{key: description[key] for key in SHAPE})
    elif name in OTHERS:
        from torchvision.models import get_model

        net = get_model(OTHERS[name], weights=None, num_classes=classes)
    else:
        net = models.build(name, classes, description["pool"], description["block_relu"])
    net.description = description
    return net
