"""Progressive search: the net grows from stage to stage while its edges lose operations (Chen et al. 2019, P-DARTS)."""

import itertools

import pandas as pd

from fer_nb.nas.discretise import KINDS, on_every_edge
from fer_nb.nas.search import search
from fer_nb.nets.operations import OPERATIONS

# (cells, operations an edge keeps afterwards, dropout on skips at the start); the last stage ends in the genotype.
# Of the paper are cells, operations and the dropout on CIFAR-10; it starts with 8 operations, ours are 7.
STAGES = ((5, 5, 0.0), (11, 3, 0.4), (17, 1, 0.7))


def progressive_search(faces, folder, *, stages=STAGES, nodes=4, operations=OPERATIONS, **options):
    """``search`` in stages, each with new weights and alphas, on the operations that the one before has kept.

    Args:
        faces, folder: as for ``search``; each stage has its checkpoint in a folder of its own.
        stages: (cells, operations kept on an edge, skip dropout) each; the last keeps 1.
        nodes, operations: as for ``search``.
        options: the other options of ``search``; the paper has method "mixture", epochs 25, warmup 10, alpha_lr 6e-4.

    Returns:
        (Genotype, history): as ``search``, with a column "stage" (from 1); history.attrs: "alphas" and "operations",
        a list each with those of each stage.

    Raises:
        ValueError: stages that do not keep fewer and fewer operations down to 1; else as ``search``.
    """
    counts = [len(operations), *(kept for _, kept, _ in stages)]
    if counts[-1] != 1 or any(a <= b for a, b in itertools.pairwise(counts)):
        raise ValueError(f"operations an edge {counts}: let each stage keep fewer than it has, and the last one 1")
    names, tables = on_every_edge(operations, nodes), []
    alphas, searched = [], []
    for i, (cells, kept, skip_dropout) in enumerate(stages):
        own = {"cells": cells, "nodes": nodes, "operations": names, "skip_dropout": skip_dropout}
        genotype, history = search(faces, folder / f"stage-{i + 1}", **own, **options)
        alphas.append(history.attrs.pop("alphas"))
        searched.append(names)
        history.attrs.clear()  # pandas cannot join tables whose attributes hold arrays
        tables.append(history.assign(stage=i + 1))
        if kept > 1:
            names = {kind: keep(alphas[-1][kind][-1], names[kind], kept) for kind in KINDS}
    table = pd.concat(tables, ignore_index=True)
    table.attrs |= {"alphas": alphas, "operations": searched}
    return genotype, table


def keep(probabilities, names, count):
    """For each edge the ``count`` most probable of its operations, in their order; the first of equals."""
    best = [sorted(sorted(range(len(row)), key=lambda i, row=row: -row[i])[:count]) for row in probabilities]
    return tuple(tuple(own[i] for i in positions) for own, positions in zip(names, best, strict=True))
