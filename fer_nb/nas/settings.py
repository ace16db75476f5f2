"""The searches by the name of the net that each finds: what it sets otherwise than the parameters of notebook 09."""

import difflib

import numpy as np
import pandas as pd

from fer_nb.nas import random_search
from fer_nb.nas.progressive import STAGES, progressive_search
from fer_nb.nas.search import search
from fer_nb.nets import genotypes, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.training import checkpoint

# DARTS: Liu, Simonyan and Yang 2019, second order, no limit on skips; P-DARTS: Chen et al. 2019, which mixes too, in
# stages that grow to the cells of the notebook. Both with its cells and channels, else sizes of nets were compared.
SETTINGS = {
    "EmoNAS": {},
    "sample": {"method": "sample", "partial": 1},
    "mixture": {"method": "mixture", "partial": 1},
    "partial": {"method": "mixture", "partial": 4},
    "shared": {"shared": True},
    "noskips": {"max_skips": 0},
    "anyskips": {"max_skips": None},
    "cells3": {"cells": 3},
    "cells8": {"cells": 8},
    "DARTS": {"method": "mixture", "partial": 1, "order": 2, "max_skips": None},
    "PDARTS": {"method": "mixture", "partial": 1},
    "RandomSearch": {},
    "RandomNet": {},
}
SHAPE = ("channels", "cells", "stem_stride")  # of the net, the same in search and evaluation
RANDOM = (*SHAPE, "nodes", "max_skips", "batch_size", "precision")


def check(names):
    """Raise ValueError for a name that is not in SETTINGS, and for a RandomSearch with no EmoNAS before it."""
    for name in names:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, n=1) or SETTINGS
            raise ValueError(f"unknown search {name!r}: did you mean {', '.join(near)}?")
    if "RandomSearch" in names and "EmoNAS" not in names[: list(names).index("RandomSearch")]:
        raise ValueError("RandomSearch costs what EmoNAS costs: name EmoNAS before it")


def find(name, faces, folder, given, seed, seconds=0.0, provenance=None):
    """Search for a net on the train side of ``faces`` and keep its genotype as ``<folder>/<name>-seed<seed>.json``.

    Args:
        name: of SETTINGS. RandomNet is the first genotype that the seed draws, not the best of several.
        folder: pathlib.Path; checkpoints stand beside the file, and an interrupted search goes on.
        given: options of ``search`` by name, and candidate_epochs, of each candidate of RandomSearch.
        seconds: of RandomSearch: what the search that it is held against has taken.
        provenance: dict for the file's reader: the data, their checksums, the commit.

    Returns:
        (Genotype, history, row): history of the search, None of RandomNet; row, a dict, is its row in ``search.csv``.

    Raises what ``search`` raises; ``check`` refuses other names before anything is searched.
    """
    options = {key: value for key, value in given.items() if key != "candidate_epochs"} | SETTINGS[name]
    own = folder / f"{name}-seed{seed}"
    if name == "RandomNet":
        rng = np.random.default_rng([1_000_000, seed])
        genotype, history = genotypes.random(rng, options["nodes"], options["max_skips"]), None
    elif name == "RandomSearch":
        fixed = {key: options[key] for key in RANDOM} | {"epochs": given["candidate_epochs"], "seed": seed}
        genotype, history = random_search.random_search(faces, own, seconds=seconds, **fixed)
    elif name == "PDARTS":
        genotype, history = progressive_search(faces, own, **progressive(options), seed=seed)
    else:
        genotype, history = search(faces, own, seed=seed, **options)
    shape = {key: options[key] for key in SHAPE}
    row = describe(name, seed, genotype, history, SearchedNet(genotype, len(faces.classes), **shape))
    about = shape | {"search": name, "seed": seed, "options": options} | (provenance or {})
    genotypes.save(folder / f"{own.name}.json", genotype, about)
    return genotype, history, row


def clear(folder):
    """Delete what an interrupted search would go on from: once all are done, the next ones start anew.

    Else a search that runs again because its code or its data have changed would find itself finished.
    """
    for left in (checkpoint.path(folder), random_search.path(folder)):
        for file in folder.rglob(left.name):
            file.unlink()


def progressive(options):
    """``options`` for ``progressive_search``: three stages that grow to ``cells``, half of the epochs each.

    Of the alphas' warm-up 10 of 25 epochs as in the paper, where there is more than one.
    """
    cells, epochs = options["cells"], max(1, options["epochs"] // 2)
    stages = tuple((max(1, cells - 2 + i), *rest) for i, (_, *rest) in enumerate(STAGES))
    left = {key: value for key, value in options.items() if key not in ("cells", "skip_dropout")}
    return left | {"stages": stages, "epochs": epochs, "warmup": 2 * epochs // 5}


def describe(name, seed, genotype, history, net):
    """The row of a search in ``search.csv``.

    net, seed; of the search its seconds, rounds (epochs or candidates) and the accuracy (percent) at its end on the
    half that chose; of the found net the skips in its normal cell, parameters and macs.
    """
    counts = models.count(net)[["parameters", "macs"]].sum()
    row = {"net": name, "seed": seed, "seconds": 0.0, "rounds": 0, "accuracy": float("nan")}
    if history is not None:
        chosen = history["accuracy"].max() if name == "RandomSearch" else history["alpha_accuracy"].iloc[-1]
        row |= {"seconds": history["seconds"].sum(), "rounds": len(history), "accuracy": chosen}
    return row | {"skips": genotypes.skips(genotype.normal), **counts.astype(int).to_dict()}


def table(rows):
    """The rows of ``find`` as a DataFrame, ``search.csv``, with ``seconds`` of a round beside them."""
    found = pd.DataFrame(rows)
    found.insert(4, "seconds_a_round", (found["seconds"] / found["rounds"]).where(found["rounds"] > 0))
    return found


def sentence(found):
    """What ``table`` says of skips and of how far the seeds agree, in words."""
    searched = found[found["rounds"] > 0]
    most = found.loc[found["skips"].idxmax()]
    words = [f"Of {len(found)} nets the normal cell has at most {most['skips']} skips ({most['net']})"]
    words += [f"parameters reach from {found['parameters'].min():,} to {found['parameters'].max():,}"]
    words += [f"the searches took {searched['seconds'].sum():.0f} seconds in all"] if len(searched) else []
    return "; ".join(words) + "."
