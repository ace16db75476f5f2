"""The net of the search: on every edge of its cells all operations, weighted by the architecture parameters alpha.

Two ways to weigh them:

- ``mixture``: the sum of all, weighted by softmax(alpha): DARTS (Liu, Simonyan and Yang 2019, equation 2).
- ``sample``: one operation an edge, drawn by Gumbel-softmax with the straight-through gradient: GDAS (Dong and Yang
  2019, equations 3 to 6). Only what was drawn is computed.

With either, the operations may take the first channels alone and the rest pass by; channels are then shuffled and edges
weighted: PC-DARTS (Xu et al. 2020, equations 2 and 3). What passes by keeps its meaning from draw to draw, so a
sampled net learns in a few epochs what it otherwise does not.

Batch norms have no affine and take the batch's own statistics: the net is never used after the search.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from fer_nb.names import refuse_unknown
from fer_nb.nas.discretise import KINDS, discretise, edge_count, on_every_edge
from fer_nb.nas.mixing import Source, sliced, weighted_sum
from fer_nb.nets import operations as ops
from fer_nb.nets.cells import reductions

METHODS = ("sample", "mixture")
LEAST_CELLS = 3


class Mixing(NamedTuple):
    """How the edges of one kind of cell are mixed in one pass.

    chosen: for each edge the positions of the operations that are computed; weights: (edges, chosen of an edge);
    values: the same as lists of floats; passing, passing_values: (edges, 1), of the channels that pass by, or None.
    """

    chosen: list
    weights: torch.Tensor
    values: list
    passing: torch.Tensor | None
    passing_values: list | None


class SuperCell(nn.Module):
    """(N, before2, ...) and (N, before, H, W) to (N, nodes x channels, H, W), or half of H and W in a reduction cell.

    ``names``: for each edge the names of its operations; ``partial``: 1 / share of the channels that are mixed.
    """

    def __init__(self, names, nodes, before2, before, channels, reduction, reduced_before, partial):
        super().__init__()
        fit = ops.FactorizedReduce if reduced_before else ops.ReLUConvBN
        self.fit2, self.fit = fit(before2, channels, affine=False), ops.ReLUConvBN(before, channels, affine=False)
        self.kind, self.nodes, self.partial = KINDS[reduction], nodes, partial
        self.fused = False  # set by ``fused.fuse``
        self.halve = nn.MaxPool2d(2, 2, ceil_mode=True) if reduction else nn.Identity()
        sources = [source for node in range(nodes) for source in range(node + 2)]
        self.edges = nn.ModuleList(
            nn.ModuleList(
                ops.build(name, channels // partial, 2 if reduction and source < 2 else 1, affine=False)
                for name in names[edge]
            )
            for edge, source in enumerate(sources)
        )

    def forward(self, before2, before, mixing, skip_dropout=0.0):
        fits = ((self.fit2, before2), (self.fit, before))
        states, start = [Source(x, fused=self.fused).through(fit) for fit, x in fits], 0
        sources = [Source(state, self.partial, self.fused) for state in states]
        for node in range(self.nodes):
            stop, maps = start + node + 2, []
            for edge, source in zip(range(start, stop), sources, strict=True):
                for position in mixing.chosen[edge]:
                    maps.append(self.output(self.edges[edge][position], source, skip_dropout))
            state = weighted_sum(mixing.weights[start:stop], mixing.values[start:stop], maps)
            if self.partial > 1:
                rest = [source.passing(self.halve) if i < 2 else source.rest for i, source in enumerate(sources)]
                rest = weighted_sum(mixing.passing[start:stop], mixing.passing_values[start:stop], rest)
                # as every edge, so their sum is shuffled: neighbours come from different groups
                state = torch.cat([state, rest], 1).unflatten(1, (self.partial, -1)).transpose(1, 2).flatten(1, 2)
            states.append(state)
            sources.append(Source(state, self.partial, self.fused))
            start = stop
        return torch.cat(states[2:], dim=1)

    def output(self, operation, source, skip_dropout):
        if skip_dropout and isinstance(operation, nn.Identity):
            return F.dropout(source.x, skip_dropout, self.training)
        return source.through(operation)


class Supernet(nn.Module):
    """float (N, 3, H, W) in [0, 1] to logits (N, num_classes); the cells are stacked as in ``cells.SearchedNet``.

    Args:
        num_classes: width of the last layer.
        channels: of a node in the first cells; doubled at each reduction cell.
        cells, nodes: how many cells, and nodes in each.
        method: "sample" or "mixture".
        partial: one in so many channels goes through the operations; 1 for all of them.
        stem_stride: 2 halves the resolution before the first cell.
        shared: all cells of a kind share the kernels of their operations; a narrower cell takes the leading channels
            of the widest one's.
        operations: names to choose from on every edge; or {"normal", "reduce"} -> for each edge its own names, as
            many on each.

    Attributes:
        alphas: ParameterDict: "normal", "reduce" (edges, operations) and, where ``partial`` is above 1, "normal_edges",
            "reduce_edges" (edges,); drawn near 0.
        tau: temperature of the draw, method "sample".
        skip_dropout: share of the values behind a skip that are dropped in training (Chen et al. 2019, section 3.3).

    Raises:
        ValueError: unknown method or operation; fewer than 1 node or 3 cells; channels that cannot be split; lists of
            operations that are not one an edge or not equally long.
    """

    def __init__(
        self,
        num_classes,
        channels=16,
        cells=5,
        nodes=4,
        method="sample",
        partial=1,
        stem_stride=1,
        shared=False,
        operations=ops.OPERATIONS,
    ):
        super().__init__()
        check_supernet(method, partial, nodes, channels, cells, stem_stride)
        self.method, self.nodes, self.partial = method, nodes, partial
        self.operations = on_every_edge(operations, nodes)
        self.tau, self.skip_dropout, self.noise = 1.0, 0.0, None
        stem, reducing = 3 * channels, reductions(cells)
        self.stem = nn.Sequential(nn.Conv2d(3, stem, 3, stem_stride, padding=1, bias=False), nn.BatchNorm2d(stem))
        self.cells, before2, before = nn.ModuleList(), stem, stem
        for i in range(cells):
            channels *= 2 if i in reducing else 1
            names, places = self.operations[KINDS[i in reducing]], (i in reducing, i - 1 in reducing)
            self.cells.append(SuperCell(names, nodes, before2, before, channels, *places, partial))
            before2, before = before, nodes * channels
        self.classifier = nn.Linear(before, num_classes)
        shapes = {kind: (edge_count(nodes), len(names[0])) for kind, names in self.operations.items()}
        shapes |= {f"{kind}_edges": (edge_count(nodes),) for kind in KINDS if partial > 1}
        self.alphas = nn.ParameterDict({name: 1e-3 * torch.randn(shape) for name, shape in shapes.items()})
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None
        if shared:
            self.share()

    def share(self):
        for kind in KINDS:
            cells = [cell for cell in self.cells if cell.kind == kind]
            for cell in cells[:-1]:  # the last one is the widest
                sliced(cell.edges, cells[-1].edges)

    def weights(self):
        """The parameters other than the alphas."""
        return [value for name, value in self.named_parameters() if not name.startswith("alphas.")]

    def probabilities(self):
        """{"normal", "reduce"} -> softmax of the alphas over the operations, (edges, operations)."""
        return {kind: self.alphas[kind].softmax(1) for kind in KINDS}

    def strengths(self):
        """What the cells are chosen by: ``probabilities``, times the edges' weights where some channels pass by."""
        found = self.probabilities()
        if self.partial > 1:
            return {kind: weights[:, None] * found[kind] for kind, weights in self.edge_weights().items()}
        return found

    def edge_weights(self):
        """{"normal", "reduce"} -> (edges,): softmax over the edges that lead to the same node (PC-DARTS)."""
        counts = [node + 2 for node in range(self.nodes)]
        parts = {kind: self.alphas[f"{kind}_edges"].split(counts) for kind in KINDS}
        return {kind: torch.cat([part.softmax(0) for part in split]) for kind, split in parts.items()}

    def genotype(self, max_skips=2):
        """The Genotype that the alphas stand for now: see ``discretise``. ``max_skips``: None for no limit."""
        return discretise(self.strengths(), self.operations, self.nodes, max_skips)

    def draw(self, generator):
        """Draw the operations of the passes to come, method "sample"; before it they are the most probable ones."""
        if self.method == "sample":
            drawn = {kind: torch.empty_like(self.alphas[kind], requires_grad=False) for kind in KINDS}
            for value in drawn.values():
                value.exponential_(generator=generator).clamp_(min=1e-20).log_().neg_()  # Gumbel(0, 1)
            self.noise = drawn

    def mixing(self, kind):
        """The Mixing of the cells of that kind, with gradients to those alphas that want them."""
        alpha = self.alphas[kind]
        if self.method == "sample":
            noisy = alpha.log_softmax(1) + (0 if self.noise is None else self.noise[kind])
            p = (noisy / self.tau).softmax(1)
            best = p.detach().argmax(1, keepdim=True)
            p = p.gather(1, best)
            chosen, weights = best.tolist(), 1 - p.detach() + p
        else:
            weights = alpha.softmax(1)
            chosen = [range(weights.shape[1])] * len(weights)
        if self.partial > 1:
            passing = self.edge_weights()[kind][:, None]
            weights = weights * passing
            return Mixing(chosen, weights, weights.tolist(), passing, passing.tolist())
        values = [[1.0]] * len(weights) if self.method == "sample" else weights.tolist()  # 1 costs no product
        return Mixing(chosen, weights, values, None, None)

    def forward(self, x):
        mixing = {kind: self.mixing(kind) for kind in KINDS}
        before2 = before = self.stem(x)
        for cell in self.cells:
            before2, before = before, cell(before2, before, mixing[cell.kind], self.skip_dropout)
        return self.classifier(before.mean((2, 3)))


def check_supernet(method: str, partial: int, nodes: int, channels: int, cells: int, stem_stride: int) -> None:
    """Raise ValueError where the arguments of ``Supernet`` make no net."""
    refuse_unknown("method", [method], METHODS)
    if nodes < 1:
        raise ValueError(f"nodes = {nodes}: choose at least 1")
    if cells < LEAST_CELLS:
        raise ValueError(f"cells = {cells}: choose at least {LEAST_CELLS}, fewer are all reduction cells")
    if partial < 1 or channels < 1 or channels % (2 * partial):  # a factorised reduction wants an even number
        multiple = 2 * max(1, partial)
        raise ValueError(f"channels = {channels} and partial = {partial}: choose channels a multiple of {multiple}")
    if stem_stride not in (1, 2):
        raise ValueError(f"stem_stride = {stem_stride}: choose 1 or 2")
