"""The best of genotypes drawn at random, without which the result of a search means nothing (Li and Talwalkar 2019)."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from fer_nb import files
from fer_nb.nas.search import halves
from fer_nb.nets import by_name, genotypes
from fer_nb.training import checkpoint, train
from fer_nb.training.protocol import Protocol


def random_search(
    faces,
    folder,
    *,
    candidates=0,
    seconds=0.0,
    epochs=5,
    batch_size=64,
    channels=16,
    cells=5,
    nodes=4,
    lr=0.025,
    momentum=0.9,
    weight_decay=3e-4,
    max_skips=2,
    stem_stride=1,
    precision="float32",
    seed=0,
):
    """Draw genotypes, train each briefly on the weights half of ``search``, keep the best on its alpha half.

    Args:
        faces: FaceSet with a train side; its other sides are not seen.
        folder: where the candidates' results go; the search goes on from those that are there.
        candidates: how many are drawn; 0 for as many as ``seconds`` allow.
        seconds: of training, the cost of the search that this is held against; a candidate begun is trained to its
            end. 0 for no limit.
        epochs, batch_size, lr, momentum, weight_decay: of each training by ``train.fit``, with a cosine schedule.
        channels, cells, stem_stride: see ``SearchedNet``; nodes, max_skips: see ``genotypes.random``.
        seed: seeds halves, genotypes, initial weights, batch order and augmentation.

    Returns:
        (Genotype, candidates). candidates: DataFrame, one row each: candidate, accuracy (percent, alpha half, after
        the last epoch), parameters, skips (normal cell), seconds. attrs["genotypes"]: theirs, in this order.

    Raises:
        ValueError: neither candidates nor seconds; a train side that cannot be halved; results of other parameters.
        FloatingPointError, MemoryError, OSError: as ``train.fit``.
    """
    settings = {k: v for k, v in locals().items() if k not in ("faces", "folder", "precision", "candidates", "seconds")}
    if candidates < 1 and not seconds > 0:
        raise ValueError(f"candidates = {candidates}, seconds = {seconds}: give the number of candidates or the time")
    halved = in_halves(faces.of_split("train"), seed)
    data = checkpoint.digest(halved.images.tobytes(), halved.labels.tobytes(), "".join(halved.split).encode())
    rows = load(folder, settings | {"data": data})
    training = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "momentum": momentum}
    training |= {"weight_decay": weight_decay, "precision": precision, "seed": seed, "crops": 1}
    protocol = Protocol(**training, schedule="cosine")
    drawn = [draw(seed, i, nodes, max_skips) for i in range(len(rows))]
    while (not candidates or len(rows) < candidates) and (not seconds or sum(r["seconds"] for r in rows) < seconds):
        index = len(rows)
        drawn.append(draw(seed, index, nodes, max_skips))
        torch.manual_seed(seed)
        described = by_name.searched(drawn[-1], channels, cells, stem_stride)
        net = by_name.build_described({"model": "candidate", "classes": len(faces.classes)} | described)
        own = folder / f"candidate-{index}"
        history = train.fit(net, halved, own, protocol)
        parameters = sum(p.numel() for p in net.parameters())
        found = {"accuracy": history["valid_accuracy"].iloc[-1], "parameters": parameters}
        found |= {"skips": genotypes.skips(drawn[-1].normal), "seconds": history["seconds"].sum()}
        rows.append({"candidate": index, **found})
        save(folder, settings | {"data": data}, rows)
        checkpoint.path(own).unlink(missing_ok=True)
    rows, drawn = (rows[:candidates], drawn[:candidates]) if candidates else (rows, drawn)
    table = pd.DataFrame(rows)
    table.attrs["genotypes"] = drawn
    return drawn[int(table["accuracy"].idxmax())], table


def draw(seed, index, nodes, max_skips):
    return genotypes.random(np.random.default_rng([seed, index]), nodes, max_skips)


def in_halves(part, seed):
    """``part`` with its weights half as the train side and its alpha half as the valid side: see ``search.halves``."""
    split = np.full(len(part), "train")
    split[halves(part, seed)[1]] = "valid"
    return replace(part, split=split)


def path(folder):
    return folder / "candidates.json"


def save(folder, settings, rows):
    with files.replacing(path(folder)) as partial:
        partial.write_text(json.dumps({"settings": settings, "candidates": rows}, indent=1) + "\n", encoding="utf-8")


def load(folder, settings):
    """The candidates that are done; ValueError where they are of other parameters."""
    if not path(folder).exists():
        return []
    saved = json.loads(path(folder).read_text(encoding="utf-8"))
    checkpoint.refuse_other_settings(path(folder), saved["settings"], settings)
    return saved["candidates"]
