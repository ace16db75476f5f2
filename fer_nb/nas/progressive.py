"""Progressive search: the net grows from stage to stage while its edges lose operations (Chen et al. 2019, P-DARTS)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb.data.faceset import FaceSet
from fer_nb.nas.discretise import KINDS, on_every_edge
from fer_nb.nas.search import search
from fer_nb.nas.settings import SearchSettings
from fer_nb.nas.supernet import LEAST_CELLS
from fer_nb.nets.genotypes import Genotype

# Of each stage: operations that an edge keeps afterwards, dropout on skips at the start; the last ends in the genotype.
# The paper's on CIFAR-10, whose 5, 11 and 17 cells grow as ours do by one; it starts with 8 operations, ours are 7.
STAGES = ((5, 0.0), (3, 0.4), (1, 0.7))


def progressive_search(faces: FaceSet, folder: Path, settings: SearchSettings) -> tuple[Genotype, pd.DataFrame]:
    """``search`` in three stages, each with new weights and alphas, on the operations that the one before has kept.

    The stages grow to ``settings.cells`` by one cell each and take half of ``settings.epochs`` each, of which the
    alphas' warm-up is 10 of 25 as in the paper.

    Two things are otherwise in the authors' code (train_search.py in github.com/chenxin061/pdarts): the alphas'
    gradient is clipped to a norm of 5, as the weights' is; and the dropout on skips, which here falls in equal steps
    to 0 over a stage, falls so in the warm-up alone, after which it starts anew and falls by exp(-0.2) an epoch.

    Args:
        faces, folder: as for ``search``; each stage has its checkpoint in a folder of its own.
        settings: of which ``warmup`` and ``skip_dropout`` are ignored; the paper has method "mixture", alpha_lr 6e-4.

    Returns:
        (Genotype, history): as ``search``, with a column "stage" (from 1); history.attrs: "alphas" and "operations",
        a list each with those of each stage.

    Raises what ``search`` raises.
    """
    names, epochs = on_every_edge(settings.operations, settings.nodes), max(1, settings.epochs // 2)
    tables, alphas, searched = [], [], []
    for stage, (kept, skip_dropout) in enumerate(STAGES, 1):
        cells = max(LEAST_CELLS, settings.cells - len(STAGES) + stage)
        changes = {"cells": cells, "operations": names, "skip_dropout": skip_dropout}
        own = replace(settings, epochs=epochs, warmup=2 * epochs // 5, **changes)
        genotype, history = search(faces, folder / f"stage-{stage}", own)
        alphas.append(history.attrs.pop("alphas"))
        searched.append(names)
        history.attrs.clear()  # pandas cannot join tables whose attributes hold arrays
        tables.append(history.assign(stage=stage))
        if kept > 1:
            names = {kind: keep(alphas[-1][kind][-1], names[kind], kept) for kind in KINDS}
    table = pd.concat(tables, ignore_index=True)
    table.attrs |= {"alphas": alphas, "operations": searched}
    return genotype, table


def keep(probabilities, names, count: int) -> tuple[tuple[str, ...], ...]:
    """For each edge the ``count`` most probable of its operations, in their order; the first of equals."""
    best = [sorted(np.argsort(-np.asarray(row), kind="stable")[:count]) for row in probabilities]
    return tuple(tuple(own[i] for i in positions) for own, positions in zip(names, best, strict=True))
