"""Find a net's genotype by a named search and save it; the table of what the searches of a study found."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split

from fer_nb.data.faceset import FaceSet
from fer_nb.names import counted
from fer_nb.nas.progressive import STAGES, progressive_search
from fer_nb.nas.random_search import affordable, candidates_path, random_search
from fer_nb.nas.search import search
from fer_nb.nas.settings import SearchSettings
from fer_nb.nets import device, genotypes, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.genotypes import Genotype
from fer_nb.study import random_names
from fer_nb.training import checkpoint

SHAPE = ("channels", "cells", "stem_stride")  # of the net in its search, and after it unless its name has a size
GPU_FLOPS = 11.34e12  # float32 peak of a GeForce GTX 1080 Ti (its maker's number), on which DARTS searched
METHODS = {"sample": "one operation an edge, drawn at each step", "mixture": "all operations of an edge, weighted"}
SIZE, DRAWS = 0.1, 1000  # by what share a random net may be larger or smaller than the found one; genotypes tried


def described(asked: dict) -> str:
    """A line (Markdown) a search: its method, the share of the channels that it works on, its epochs.

    ``asked``: from ``settings.named_searches``.
    """
    lines = {}
    for (name, _), settings in asked.items():
        share = f"one in {settings.partial} channels" if settings.partial > 1 else "all channels"
        length = counted(settings.epochs, "epoch")
        if name == "PDARTS":
            length = f"{len(STAGES)} stages of {counted(settings.epochs // 2, 'epoch')}"
        lines[name] = f"{METHODS[settings.method]}, on {share}; {length}"
        if name == "RandomSearch":
            trained = counted(settings.candidate_epochs, "epoch")
            lines[name] = f"the best of random genotypes, each trained for {trained}, in as many steps as the search"
        if name == "RandomNet":
            lines[name] = "one random genotype, not trained"
    return "\n".join(f"- {name}: {line}" for name, line in lines.items())


def find_genotype(
    name: str,
    faces: FaceSet,
    folder: Path,
    settings: SearchSettings,
    epochs: int = 0,
    provenance: dict | None = None,
) -> tuple[Genotype, pd.DataFrame | None, dict]:
    """Search on the train split of ``faces`` and save the genotype as ``<folder>/<name>-seed<seed>.json``.

    The file also has the strengths that the genotype was chosen by (``supernet_scores``).

    Args:
        name: of ``settings.SEARCHES``. RandomNet is the first genotype that the seed draws, not the best of several.
        folder: the checkpoints stand beside the file; an interrupted search goes on from them.
        settings: of this search (``settings.named_searches``).
        epochs: for RandomSearch: those of the search beside it, which has as many steps (``affordable``).
        provenance: for the reader of the file: the data, their checksums, the commit.

    Returns:
        (Genotype, history, row): history of the search, None for RandomNet; row, a dict, is its row in ``search.csv``.

    Raises what ``search`` raises.
    """
    own = folder / f"{name}-seed{settings.seed}"
    if name == "RandomNet":
        rng = np.random.default_rng([1_000_000, settings.seed])
        genotype, history = genotypes.random(rng, settings.nodes, settings.max_skips), None
    elif name == "RandomSearch":
        genotype, history = random_search(faces, own, settings, candidates=affordable(settings, epochs))
    else:
        genotype, history = (progressive_search if name == "PDARTS" else search)(faces, own, settings)
    about = _about(name, settings, provenance)
    if history is not None and "strengths" in history.attrs:
        found = history.attrs["strengths"]
        about["strengths"] = {kind: [[float(f"{x:.4g}") for x in row] for row in found[kind]] for kind in found}
    genotypes.save(folder / f"{own.name}.json", genotype, about)
    net = SearchedNet(genotype, len(faces.classes), **{key: getattr(settings, key) for key in SHAPE})
    row = search_row(name, settings.seed, genotype, history, net)
    return genotype, history, row | {"pictures": 0 if history is None else int((faces.split == "train").sum())}


def _about(name: str, settings: SearchSettings, provenance: dict | None) -> dict:
    shape = {key: getattr(settings, key) for key in SHAPE}
    return shape | {"search": name, "seed": settings.seed, "options": asdict(settings)} | (provenance or {})


def random_genotypes(
    count: int, parameters: int, classes: int, folder: Path, settings: SearchSettings, provenance: dict | None = None
) -> pd.DataFrame:
    """Draw ``count`` genotypes of nets as large as a found one; save each as ``<folder>/Random<k>-seed<seed>.json``.

    Args:
        parameters: of the found net; those of the nets drawn differ by at most ``SIZE`` of it.
        classes: of the data set, for the size of the last layer.
        settings: of the search that found it, whose channels, cells, stem_stride, nodes, max_skips and seed are taken.

    Returns:
        DataFrame, a row each: net, seed, skips (normal cell), parameters, macs.

    Raises ValueError where ``DRAWS`` genotypes have not one of the size.
    """
    rows, shape = [], {key: getattr(settings, key) for key in SHAPE}
    for k, name in enumerate(random_names(count), 1):
        rng = np.random.default_rng([2_000_000, settings.seed, k])  # no candidate's of random_search, nor RandomNet's
        for _ in range(DRAWS):
            genotype = genotypes.random(rng, settings.nodes, settings.max_skips)
            with torch.device("meta"):  # its size alone: nothing is initialised
                net = SearchedNet(genotype, classes, **shape)
            if abs(sum(p.numel() for p in net.parameters()) / parameters - 1) <= SIZE:
                break
        else:
            raise ValueError(
                f"of {DRAWS} random genotypes none has {parameters:,} parameters, {SIZE:.0%} more or less: "
                "allow more skips, or search for a net of an ordinary size"
            )
        genotypes.save(folder / f"{name}-seed{settings.seed}.json", genotype, _about(name, settings, provenance))
        rows.append(search_row(name, settings.seed, genotype, None, SearchedNet(genotype, classes, **shape)))
    return pd.DataFrame(rows, columns=["net", "seed", "skips", "parameters", "macs"])


def subset(faces: FaceSet, pictures: int, seed: int) -> FaceSet:
    """``faces`` with ``pictures`` of its train split, each class in its share, drawn from ``seed``; 0 for all.

    The other splits stay. Raises ValueError for a subset larger than the train split, or smaller than its classes.
    """
    train = np.flatnonzero(faces.split == "train")
    if pictures > len(train):
        raise ValueError(f"pictures is {pictures}, the train split has {len(train)}: choose fewer, or 0 for all")
    if pictures in (0, len(train)):
        return faces
    if pictures < len(faces.classes):
        raise ValueError(f"pictures is {pictures}: choose at least one for each of {len(faces.classes)} classes, or 0")
    if len(train) - pictures < len(faces.classes):  # too few are left out to draw them by class
        kept = np.random.default_rng(seed).choice(train, pictures, replace=False)
    else:
        kept, _ = train_test_split(train, train_size=pictures, stratify=faces.labels[train], random_state=seed)
    return faces.subset(np.sort(np.concatenate([kept, np.flatnonzero(faces.split != "train")])))


def clear_checkpoints(folder: Path) -> None:
    """Delete what an interrupted search goes on from, once all are done, so that the next run searches anew.

    Otherwise a search whose code or data have changed would take itself for finished.
    """
    for left in (checkpoint.path(folder), candidates_path(folder)):
        for file in folder.rglob(left.name):
            file.unlink()


def search_row(name: str, seed: int, genotype: Genotype, history: pd.DataFrame | None, net: SearchedNet) -> dict:
    """The row of a search in ``search.csv``.

    net, seed; of the search its seconds, rounds (epochs or candidates) and its last accuracy (percent) on the alpha
    half, of RandomSearch that of the best candidate; of the net the skips in its normal cell, parameters and macs.
    """
    counts = models.count(net)[["parameters", "macs"]].sum()
    row = {"net": name, "seed": seed, "seconds": 0.0, "rounds": 0, "accuracy": float("nan")}
    if history is not None:
        chosen = history["accuracy"].max() if name == "RandomSearch" else history["alpha_accuracy"].iloc[-1]
        row |= {"seconds": history["seconds"].sum(), "rounds": len(history), "accuracy": chosen}
    return row | {"skips": genotypes.skips(genotype.normal), **counts.astype(int).to_dict()}


def gpu_equivalent() -> float:
    """How much of a day on DARTS's GPU a day on this device is worth: on a CPU its float32 peak over that GPU's.

    So both are taken to use the same share of their peak. On a GPU it is 1, a day of that GPU.
    """
    return 1.0 if device.select().type != "cpu" else device.matrix_speed(torch.float32) / GPU_FLOPS


def search_table(rows: list[dict], equivalent: float) -> pd.DataFrame:
    """The rows of ``find_genotype``, ``search.csv``, with ``seconds_a_round`` and ``gpu_days`` beside ``seconds``.

    ``equivalent``: from ``gpu_equivalent``.
    """
    found = pd.DataFrame(rows)
    found.insert(4, "seconds_a_round", (found["seconds"] / found["rounds"]).where(found["rounds"] > 0))
    found.insert(5, "gpu_days", found["seconds"] / 86_400 * equivalent)
    return found


def search_sentence(found: pd.DataFrame) -> str:
    """What ``search_table`` says about skips, sizes and time."""
    searched = found[found["rounds"] > 0]
    most = found.loc[found["skips"].idxmax()]
    words = [f"The normal cells of {len(found)} nets have at most {most['skips']} skips ({most['net']})"]
    words += [f"the nets have {found['parameters'].min():,} to {found['parameters'].max():,} parameters"]
    words += [f"the searches took {searched['seconds'].sum():.0f} seconds in all"] if len(searched) else []
    return "; ".join(words) + "."
