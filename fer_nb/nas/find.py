"""Find a net's genotype by a named search and save it; the table of what the searches of a study found."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb.data.faceset import FaceSet
from fer_nb.nas.progressive import progressive_search
from fer_nb.nas.random_search import affordable, candidates_path, random_search
from fer_nb.nas.search import search
from fer_nb.nas.settings import SearchSettings
from fer_nb.nets import genotypes, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.genotypes import Genotype
from fer_nb.training import checkpoint

SHAPE = ("channels", "cells", "stem_stride")  # of the net, the same in search and evaluation


def find_genotype(
    name: str,
    faces: FaceSet,
    folder: Path,
    settings: SearchSettings,
    epochs: int = 0,
    provenance: dict | None = None,
) -> tuple[Genotype, pd.DataFrame | None, dict]:
    """Search on the train split of ``faces`` and save the genotype as ``<folder>/<name>-seed<seed>.json``.

    Args:
        name: of ``settings.SEARCHES``. RandomNet is the first genotype that the seed draws, not the best of several.
        folder: the checkpoints stand beside the file; an interrupted search goes on from them.
        settings: of this search (``settings.named_searches``).
        epochs: for RandomSearch: those of the search that it is compared with, as it costs as much (``affordable``).
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
    shape = {key: getattr(settings, key) for key in SHAPE}
    about = shape | {"search": name, "seed": settings.seed, "options": asdict(settings)} | (provenance or {})
    genotypes.save(folder / f"{own.name}.json", genotype, about)
    net = SearchedNet(genotype, len(faces.classes), **shape)
    return genotype, history, search_row(name, settings.seed, genotype, history, net)


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


def search_table(rows: list[dict]) -> pd.DataFrame:
    """The rows of ``find_genotype``, ``search.csv``, with ``seconds_a_round`` beside ``seconds``."""
    found = pd.DataFrame(rows)
    found.insert(4, "seconds_a_round", (found["seconds"] / found["rounds"]).where(found["rounds"] > 0))
    return found


def search_sentence(found: pd.DataFrame) -> str:
    """What ``search_table`` says about skips, sizes and time."""
    searched = found[found["rounds"] > 0]
    most = found.loc[found["skips"].idxmax()]
    words = [f"The normal cells of {len(found)} nets have at most {most['skips']} skips ({most['net']})"]
    words += [f"the nets have {found['parameters'].min():,} to {found['parameters'].max():,} parameters"]
    words += [f"the searches took {searched['seconds'].sum():.0f} seconds in all"] if len(searched) else []
    return "; ".join(words) + "."
