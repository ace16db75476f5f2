"""A cell of a searched net that trains by the passes of kernels.py, forward and backward as one function.

An operation of a few channels on a small map is over before it is worth a pass over memory for each of ReLU, depthwise
convolution, 1x1 convolution and batch norm. Here they are one pass each way, the affine of a batch norm goes into
whatever reads its map, the two edges of a node are added where it is written, and a node is written into its place in
the cell's output: nothing is concatenated. On the way back every edge adds to the gradient of its source.

Maps are matrices (pixels, channels), a row for each pixel of each picture, or slices of the columns of such a matrix.
"""

import math

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from fer_nb.nets import kernels
from fer_nb.nets.kernels import Statistics
from fer_nb.nets.operations import FactorizedReduce, ReLUConvBN

# Names of the passes: kernel size and dilation; the first is that of a 1x1 convolution alone.
SEPARABLE = ("separable_1_1", "separable_3_1", "separable_3_2", "separable_5_1", "separable_5_2")


class Map:
    """``values`` (pixels, channels) of ``pictures`` pictures of height x width.

    ``written``: of a gradient that several edges add to, whether the first has.
    """

    def __init__(self, values: torch.Tensor, pictures: int, height: int, width: int):
        self.values, self.size, self.written = values, (pictures, height, width), False

    @property
    def memory(self):
        """What the passes take: the first value and the distance between two pixels."""
        return self.values, self.values.stride(0)

    def new(self, channels: int, stride: int = 1):
        """A map of ``channels``, of this resolution or half of it, not yet written."""
        size = self.size[0], *((side - 1) // stride + 1 for side in self.size[1:])
        return Map(self.values.new_empty(math.prod(size), channels), *size)

    def columns(self, first: int, last: int):
        return Map(self.values[:, first:last], *self.size)


def like(x: Map) -> Map:
    """A map of the size of ``x``, not yet written."""
    return Map(x.values.new_empty(x.values.shape), *x.size)


def as_map(x: torch.Tensor) -> Map:
    """``x`` (N, C, H, W), which is copied unless it is laid out channels last."""
    n, channels, height, width = x.shape
    return Map(x.permute(0, 2, 3, 1).reshape(-1, channels), n, height, width)


def as_tensor(x: Map) -> torch.Tensor:
    return x.values.unflatten(0, x.size).permute(0, 3, 1, 2)


def affine(norm: nn.BatchNorm2d) -> list[nn.Parameter]:
    return [norm.weight, norm.bias] if norm.affine else []


class Convolution:
    """ReLU - depthwise - 1x1 - BN, or ReLU - 1x1 - BN, or a factorised reduction, in one training step."""

    def __init__(self, depthwise: nn.Conv2d | None, pointwise: list[nn.Conv2d], norm: nn.BatchNorm2d):
        self.depthwise, self.norm = depthwise, norm
        # Two 1x1 convolutions are those of a factorised reduction: on every other pixel, the second one moved by one.
        self.stride = depthwise.stride[0] if depthwise else len(pointwise)
        self.parts = list(enumerate(pointwise))
        self.parameters = [layer.weight for layer in ([depthwise] if depthwise else []) + pointwise] + affine(norm)
        self.name = f"separable_{depthwise.kernel_size[0]}_{depthwise.dilation[0]}" if depthwise else SEPARABLE[0]

    def forward(self, x: Map, before: Statistics | None) -> Map:
        """The map before the batch norm, whose ``statistics`` are kept; ``before``: the batch norm behind ``x``."""
        self.x, self.before = x, before
        self.z, totals = x.new(self.norm.num_features, self.stride), []
        for offset, conv in self.parts:
            z, found = self.part(self.z, offset), torch.zeros(2, conv.out_channels, dtype=torch.float64)
            kernels.call(self.name, x.values, *self.inputs(conv), *z.memory, *self.geometry(offset, conv), found)
            totals.append(found)
        self.statistics = Statistics(self.norm, torch.cat(totals, 1), len(self.z.values))
        return self.z

    def backward(self, gradient: Map, k: torch.Tensor, into: Map, gradients: dict) -> torch.Tensor:
        """Take the gradient at the batch norm's output to that at the input, added to ``into``.

        Args:
            k: from ``Statistics.back``.
            gradients: parameter -> gradient; those of the convolutions are put there.

        Returns:
            float64 [2][inputs], sums of ``into`` and of its product with the input.
        """
        for offset, conv in self.parts:
            taps = self.depthwise.weight if self.depthwise else conv.weight.new_empty(conv.in_channels)
            of_taps, of_weight = torch.empty_like(taps), torch.empty_like(conv.weight)
            z, g, sums = self.part(self.z, offset), self.part(gradient, offset), kernels.sums(2, self.x.values)
            own = k if g is gradient else k[:, offset * conv.out_channels :][:, : conv.out_channels].contiguous()
            given = (*self.inputs(conv), *z.memory, *g.memory, own, *into.memory, int(into.written))
            found = of_taps, of_weight, sums
            kernels.call(f"{self.name}_backward", into.values, *given, *self.geometry(offset, conv), *found)
            gradients[conv.weight], into.written = of_weight, True
            if self.depthwise:
                gradients[self.depthwise.weight] = of_taps
        return sums

    def part(self, x: Map, offset: int) -> Map:
        """What belongs to one of the 1x1 convolutions in a map behind them."""
        if len(self.parts) == 1:
            return x
        size = self.parts[0][1].out_channels
        return x.columns(offset * size, (offset + 1) * size)

    def inputs(self, conv: nn.Conv2d):
        before = (self.before.scale, self.before.shift) if self.before else (None, None)
        taps = self.depthwise.weight if self.depthwise else torch.ones(conv.in_channels)
        return *self.x.memory, *before, taps.detach(), conv.weight.detach()

    def geometry(self, offset: int, conv: nn.Conv2d):
        return *self.x.size, self.stride, offset, conv.in_channels, conv.out_channels


class Pool:
    """A 3x3 pool and its batch norm in one training step; methods as those of ``Convolution``."""

    def __init__(self, pool: nn.MaxPool2d | nn.AvgPool2d, norm: nn.BatchNorm2d):
        self.name = "max_pool" if isinstance(pool, nn.MaxPool2d) else "avg_pool"
        self.stride, self.norm, self.parameters = pool.stride, norm, affine(norm)

    def forward(self, x: Map, before: Statistics | None) -> Map:
        self.x, self.z = x, x.new(self.norm.num_features, self.stride)
        totals = kernels.sums(2, self.z.values)
        kernels.call(self.name, x.values, *x.memory, self.z.values, *self.geometry(), totals)
        self.statistics = Statistics(self.norm, totals, len(self.z.values))
        return self.z

    def backward(self, gradient: Map, k: torch.Tensor, into: Map, gradients: dict) -> None:
        given = (*self.x.memory, self.z.values, *gradient.memory, k, *into.memory, int(into.written))
        kernels.call(f"{self.name}_backward", into.values, *given, *self.geometry())
        into.written = True

    def geometry(self):
        return *self.x.size, self.stride, self.norm.num_features


def parts_of(operation: nn.Module) -> list[Convolution | Pool]:
    """The passes of an operation of operations.py; none of a skip."""
    if isinstance(operation, nn.Identity):
        return []
    if isinstance(operation, FactorizedReduce):
        return [Convolution(None, [operation.first, operation.second], operation.norm)]
    layers = list(operation.layers if isinstance(operation, ReLUConvBN) else operation)
    if not isinstance(layers[0], nn.ReLU):
        return [Pool(*layers)]
    found: list[Convolution | Pool] = []
    while layers:
        _, *convs, norm = layers[: 3 if len(layers) == 3 else 4]
        found.append(Convolution(convs[0] if len(convs) == 2 else None, convs[-1:], norm))
        layers = layers[len(convs) + 2 :]
    return found


class Edge:
    """An operation in one training step."""

    z: Map
    statistics: Statistics | None

    def __init__(self, operation: nn.Module):
        self.parts = parts_of(operation)

    def forward(self, x: Map) -> None:
        """Compute ``z``, the map before the last batch norm, and the ``statistics`` of that: None of a skip."""
        self.z, self.statistics = x, None
        for part in self.parts:
            self.z = part.forward(self.z, self.statistics)
            self.statistics = part.statistics

    def memory(self):
        """What ``join`` takes."""
        norm = (self.statistics.scale, self.statistics.shift) if self.statistics else (None, None)
        return *self.z.memory, *norm

    def backward(self, gradient: Map, into: Map, gradients: dict) -> None:
        """Add to ``into`` the gradient at the input, and to ``gradients`` those of the parameters."""
        if self.statistics is None:
            add = into.values.add_ if into.written else into.values.copy_
            add(gradient.values)
            into.written = True
            return
        z, totals, norm = self.z.values, kernels.sums(2, self.z.values), self.statistics
        kernels.call("gradient_sums", z, z, *gradient.memory, norm.scale, norm.shift, 0, *z.shape, totals)
        for i, part in reversed(list(enumerate(self.parts))):
            of_weight, of_bias, k = part.statistics.back(totals)
            if part.norm.affine:
                gradients |= {part.norm.weight: of_weight, part.norm.bias: of_bias}
            target = like(part.x) if i else into
            totals = part.backward(gradient, k, target, gradients)
            gradient = target


def join(first: Edge, second: Edge | None, into: Map) -> None:
    """Write the sum of the outputs of both edges into a map; of the first alone where there is no second."""
    other = second.memory() if second else (None, 0, None, None)
    rows, channels = into.values.shape
    kernels.call("join", into.values, *first.memory(), *other, *into.memory, rows, channels)


class CellStep:
    """The nodes of a ``cells.Cell`` in one training step."""

    def __init__(self, cell: nn.Module):
        self.fits = [Edge(cell.fit2), Edge(cell.fit)]
        self.edges, self.sources = [Edge(operation) for operation in cell.operations], cell.sources
        self.nodes, self.channels = len(cell.sources) // 2, cell.outputs // len(cell.concat)

    def parameters(self) -> list[nn.Parameter]:
        return [p for edge in (*self.fits, *self.edges) for part in edge.parts for p in part.parameters]

    def forward(self, inputs: list[Map]) -> Map:
        self.states = []
        for fit, x in zip(self.fits, inputs, strict=True):
            fit.forward(x)
            self.states.append(fit.z.new(self.channels))
            join(fit, None, self.states[-1])
        for number in range(self.nodes):
            first, second = both = self.edges[2 * number : 2 * number + 2]
            for edge, source in zip(both, self.sources[2 * number :], strict=False):
                edge.forward(self.states[source])
            if not number:
                output = first.z.new(self.nodes * self.channels)
            self.states.append(self.node(output, number))
            join(first, second, self.states[-1])
        return output

    def node(self, output: Map, number: int) -> Map:
        return output.columns(number * self.channels, (number + 1) * self.channels)

    def backward(self, gradient: Map, gradients: dict) -> list[Map]:
        """The gradients at the inputs; ``gradient``, at the output, is changed."""
        states = [like(state) for state in self.states[:2]]
        states += [self.node(gradient, number) for number in range(self.nodes)]
        for state in states[2:]:
            state.written = True
        for i, edge in reversed(list(enumerate(self.edges))):
            edge.backward(states[2 + i // 2], states[self.sources[i]], gradients)
        found = [like(fit.parts[0].x) for fit in self.fits]
        for fit, state, into in zip(self.fits, states, found, strict=False):
            if not state.written:  # no edge starts there
                state.values.zero_()
            fit.backward(state, into, gradients)
        return found


class CellFunction(torch.autograd.Function):
    """The nodes of a cell in training, side by side."""

    @staticmethod
    def forward(context, before2, before, step, *parameters):
        context.step, context.parameters = step, parameters
        return as_tensor(step.forward([as_map(before2), as_map(before)]))

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        gradients = {}
        g = as_map(gradient)
        g.values = g.values.clone()
        found = context.step.backward(g, gradients)
        return *map(as_tensor, found), None, *(gradients[parameter] for parameter in context.parameters)


def train(cell: nn.Module, before2: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """The output of a ``cells.Cell`` in training; float32 or bfloat16, as ``before2`` and ``before``."""
    step = CellStep(cell)
    output = CellFunction.apply(before2, before, step, *step.parameters())
    if cell.concat == list(range(2, 2 + step.nodes)):
        return output
    nodes = output.split(step.channels, dim=1)
    return torch.cat([nodes[node - 2] for node in cell.concat], dim=1)
