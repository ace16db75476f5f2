"""A net of cells that a genotype describes, trained from scratch (Liu, Simonyan and Yang 2019, section 2.1).

The cells are stacked as in the search: all keep the resolution but those at a third and two thirds of the depth,
which halve it and double the width. Unlike DARTS's own evaluation, the number of cells is that of the search (Verma
et al. 2023) unless the net's name gives another (``study.sized``: EmoNAS_16x6 has 6, its search had 5), a pool is
followed by BN as in the search, and there is neither auxiliary head nor dropped path.
"""

import torch
from torch import nn

from fer_nb.nets import fused_cells, genotypes
from fer_nb.nets.operations import FactorizedReduce, ReLUConvBN, build


def reductions(cells):
    """Positions (from 0) of the reduction cells: cells // 3 and 2 cells // 3; of a single cell it is the only one.

    Raises ValueError for fewer than 1 cell.
    """
    if cells < 1:
        raise ValueError(f"cells = {cells}: choose at least 1")
    return tuple(sorted({cells // 3, 2 * cells // 3}))


class Cell(nn.Module):
    """(N, previous2, ...) and (N, previous, H, W) to (N, outputs, H, W), or half of H and W in a reduction cell.

    Args:
        genotype: Genotype, of which the normal or the reduction cell is built.
        previous2: channels of c_{k-2}, which has twice the resolution where ``reduced_before``.
        previous: channels of c_{k-1}.
        channels: of each node; the output has that many for each node that goes into it.
        reduction: whether this is a reduction cell.
        reduced_before: whether the cell before is one.

    Attributes:
        fused: whether it trains by the passes of fused_cells.py, on the CPU (``fused.fuse``).
    """

    def __init__(self, genotype, previous2, previous, channels, reduction, reduced_before):
        super().__init__()
        edges, concat = genotype[2:] if reduction else genotype[:2]
        fit = FactorizedReduce if reduced_before else ReLUConvBN
        self.fit2, self.fit = fit(previous2, channels), ReLUConvBN(previous, channels)
        strides = [2 if reduction and source < 2 else 1 for _, source in edges]
        named = zip(edges, strides, strict=True)
        self.operations = nn.ModuleList(build(name, channels, stride) for (name, _), stride in named)
        self.sources, self.concat = [source for _, source in edges], list(concat)
        self.outputs, self.fused = channels * len(concat), False

    def forward(self, before2, before):
        if self.fused and all(layer.training for layer in self.modules()):  # a frozen batch norm is the plain one
            return fused_cells.train(self, before2, before)
        states = [self.fit2(before2), self.fit(before)]
        for i in range(0, len(self.sources), 2):  # two edges a node
            first, second = (self.operations[k](states[self.sources[k]]) for k in (i, i + 1))
            states.append(first + second)
        return torch.cat([states[node] for node in self.concat], dim=1)


class SearchedNet(nn.Module):
    """float (N, 3, H, W) in [0, 1] to logits (N, num_classes); H = W = 44 here, any size goes.

    3x3 convolution and BN to 3 x channels, the cells, global average pool, dropout, fc. Initialised as torch does it.

    Args:
        genotype: Genotype.
        num_classes: width of the last layer.
        channels: of a node in the first cells; doubled at each reduction cell. Even.
        cells: how many, the reduction cells at a third and two thirds among them.
        stem_stride: 2 halves the resolution before the first cell.

    Raises:
        ValueError: as ``genotypes.check``; ``channels`` odd, or no cells, or ``stem_stride`` neither 1 nor 2.
    """

    def __init__(self, genotype, num_classes, channels=16, cells=5, stem_stride=1):
        super().__init__()
        genotypes.check(genotype)
        if channels < 2 or channels % 2:
            raise ValueError(f"channels = {channels}: choose an even number")
        if stem_stride not in (1, 2):
            raise ValueError(f"stem_stride = {stem_stride}: choose 1 or 2")
        stem = 3 * channels
        conv = nn.Conv2d(3, stem, 3, stem_stride, padding=1, bias=False)
        self.stem = nn.Sequential(conv, nn.BatchNorm2d(stem))
        self.cells, reducing = nn.ModuleList(), reductions(cells)
        previous2 = previous = stem
        for position in range(cells):
            reduction, reduced_before = position in reducing, position - 1 in reducing
            channels *= 2 if reduction else 1
            self.cells.append(Cell(genotype, previous2, previous, channels, reduction, reduced_before))
            previous2, previous = previous, self.cells[-1].outputs
        self.pool, self.flatten, self.dropout = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5)
        self.fc = nn.Linear(previous, num_classes)

    def forward(self, x):
        before2 = before = self.stem(x)
        for cell in self.cells:
            before2, before = before, cell(before2, before)
        return self.fc(self.dropout(self.flatten(self.pool(before))))
