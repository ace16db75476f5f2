"""The best of genotypes drawn at random, which any search has to beat (Li and Talwalkar 2019)."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from fer_nb.data.faceset import FaceSet
from fer_nb.nas.search import halves
from fer_nb.nas.settings import SearchSettings
from fer_nb.nets import by_name, genotypes
from fer_nb.nets.genotypes import Genotype
from fer_nb.training import checkpoint, train
from fer_nb.training.protocol import Protocol


def random_search(
    faces: FaceSet, folder: Path, settings: SearchSettings, *, candidates: int
) -> tuple[Genotype, pd.DataFrame]:
    """Draw genotypes, train each briefly on the weights half of ``search``, keep the best on its alpha half.

    Args:
        faces: FaceSet with a train split; its other splits are not read.
        folder: where the candidates' results go; the search goes on from those that are there.
        settings: candidate_epochs, batch_size, lr, momentum and weight_decay of each training by ``train.fit``, with a
            cosine schedule; channels, cells and stem_stride of the nets; nodes and max_skips of the draw; seed.
        candidates: how many are drawn (``affordable``).

    Returns:
        (Genotype, candidates). candidates: DataFrame, one row each: candidate, accuracy (percent, alpha half, after
        the last epoch), parameters, skips (normal cell), seconds. attrs["genotypes"]: theirs, in this order.

    Raises:
        ValueError: no candidates; a train split that cannot be halved; results that are damaged or of other settings.
        FloatingPointError, MemoryError, OSError: as ``train.fit``.
    """
    if candidates < 1:
        raise ValueError(f"candidates is {candidates}: choose at least 1")
    halved = in_halves(faces.of_split("train"), settings.seed)
    data = checkpoint.digest(halved.images.data, halved.labels.tobytes(), "".join(halved.split).encode())
    described = settings.learned() | {"candidate_epochs": settings.candidate_epochs, "data": data}
    rows = _read_candidates(folder, described)
    for index in range(len(rows), candidates):
        own = folder / f"candidate-{index}"
        rows.append({"candidate": index, **train_candidate(draw(settings, index), halved, own, settings)})
        checkpoint.write(candidates_path(folder), {"settings": described, "candidates": rows})
        checkpoint.path(own).unlink(missing_ok=True)
    table = pd.DataFrame(rows[:candidates])
    table.attrs["genotypes"] = drawn = [draw(settings, index) for index in table["candidate"]]
    return drawn[int(table["accuracy"].idxmax())], table


def train_candidate(genotype: Genotype, halved: FaceSet, folder: Path, settings: SearchSettings) -> dict:
    """What a brief training of the net of ``genotype`` gives: accuracy, parameters, skips and seconds."""
    torch.manual_seed(settings.seed)
    shape = settings.channels, settings.cells, settings.stem_stride
    described = {"model": "candidate", "classes": len(halved.classes)} | by_name.searched(genotype, *shape)
    net = by_name.build_described(described)
    training = {key: getattr(settings, key) for key in ("batch_size", "lr", "momentum", "weight_decay")}
    training |= {"epochs": settings.candidate_epochs, "precision": settings.precision, "seed": settings.seed}
    history = train.fit(net, halved, folder, Protocol(**training, crops=1, schedule="cosine"))
    parameters = sum(p.numel() for p in net.parameters())
    found = {"accuracy": float(history["valid_accuracy"].iloc[-1]), "parameters": parameters}
    return found | {"skips": genotypes.skips(genotype.normal), "seconds": float(history["seconds"].sum())}


def affordable(settings: SearchSettings, epochs: int) -> int:
    """How many candidates take as many steps as ``epochs`` epochs of ``search`` with these settings, rounded up.

    Counted are passes forward and back on a batch, not seconds, which the load of the machine changes. Each on either
    half counts as a step of a candidate: so it is by method "sample", whose supernet computes one operation an edge;
    one by "mixture" computes all of them and takes longer. The alpha step of order 2 is four passes.
    """
    learning = max(epochs - settings.warmup, 0)  # epochs in which a step of the alphas goes with each of the weights
    taken = epochs + learning * (4 if settings.order == 2 else 1)  # in epochs of the weights half, as a candidate's are
    return math.ceil(taken / settings.candidate_epochs)


def draw(settings: SearchSettings, index: int) -> Genotype:
    """The genotype of candidate ``index`` (from 0)."""
    rng = np.random.default_rng([settings.seed, index])
    return genotypes.random(rng, settings.nodes, settings.max_skips)


def in_halves(part: FaceSet, seed: int) -> FaceSet:
    """``part`` with its weights half as the train split and its alpha half as the valid split (``search.halves``)."""
    split = np.full(len(part), "train")
    split[halves(part, seed)[1]] = "valid"
    return replace(part, split=split)


def candidates_path(folder: Path) -> Path:
    """The file of the candidates that are done."""
    return folder / "candidates.pt"


def _read_candidates(folder, described):
    file = candidates_path(folder)
    if not file.exists():
        return []
    saved = checkpoint.read(file)
    checkpoint.refuse_other_settings(file, saved.get("settings"), described)
    if not isinstance(saved.get("candidates"), list):
        raise ValueError(f"{file}: no candidates in it: {checkpoint.REMEDY}")
    return saved["candidates"]
