"""A cell of a searched net that trains by the passes of kernels.py, forward and backward as one function.

Its operations are those of fused_parts.py. The two edges of a node are added where it is written, and a node is written
into its place in the cell's output: nothing is concatenated. On the way back every edge adds to the gradient of its
source.
"""

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from fer_nb.nets import kernels
from fer_nb.nets.fused_parts import Map, as_map, as_tensor, like, parts_of
from fer_nb.nets.kernels import Statistics


class Edge:
    """An operation in one training step."""

    z: Map
    statistics: Statistics | None

    def __init__(self, operation: nn.Module):
        self.parts = parts_of(operation)

    def parameters(self) -> list[torch.Tensor]:
        return [parameter for part in self.parts for parameter in part.parameters]

    def gradients(self) -> list[torch.Tensor | None]:
        return [gradient for part in self.parts for gradient in part.gradients]

    def forward(self, x: Map) -> None:
        """Compute ``z``, the map before the last batch norm, and the ``statistics`` of that: None of a skip."""
        self.z, self.statistics = x, None
        for part in self.parts:
            part.forward(self.z, self.statistics)
            self.z, self.statistics = part.z, part.statistics

    def memory(self):
        """What ``join`` takes."""
        norm = (self.statistics.scale, self.statistics.shift) if self.statistics else (None, None)
        return *self.z.memory, *norm

    def backward(self, gradient: Map, into: Map) -> None:
        """Add the gradient at the input to ``into``; those of the parameters are then ``gradients()``."""
        if self.statistics is None:
            add = into.values.add_ if into.written else into.values.copy_
            add(gradient.values)
            into.written = True
            return
        z, totals, norm = self.z.values, kernels.sums(2, self.z.values), self.statistics
        kernels.call("gradient_sums", z, z, *gradient.memory, norm.scale, norm.shift, 0, *z.shape, totals)
        for i, part in reversed(list(enumerate(self.parts))):
            target = like(part.x) if i else into
            totals = part.backward(gradient, totals, target)
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

    def parameters(self) -> list[torch.Tensor]:
        return [parameter for edge in (*self.fits, *self.edges) for parameter in edge.parameters()]

    def gradients(self) -> list[torch.Tensor | None]:
        return [gradient for edge in (*self.fits, *self.edges) for gradient in edge.gradients()]

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

    def backward(self, gradient: Map) -> list[Map]:
        """The gradients at the inputs; ``gradient``, at the output, is changed."""
        states = [like(state) for state in self.states[:2]]
        states += [self.node(gradient, number) for number in range(self.nodes)]
        for state in states[2:]:
            state.written = True
        for i, edge in reversed(list(enumerate(self.edges))):
            edge.backward(states[2 + i // 2], states[self.sources[i]])
        found = [like(fit.parts[0].x) for fit in self.fits]
        for fit, state, into in zip(self.fits, states, found, strict=False):
            if not state.written:  # no edge starts there
                state.values.zero_()
            fit.backward(state, into)
        return found


class CellFunction(torch.autograd.Function):
    """The nodes of a cell in training, side by side."""

    @staticmethod
    def forward(context, before2, before, step, *parameters):
        context.step = step
        return as_tensor(step.forward([as_map(before2), as_map(before)]))

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        g = as_map(gradient)
        g.values = g.values.clone()
        return *map(as_tensor, context.step.backward(g)), None, *context.step.gradients()


class EdgeFunction(torch.autograd.Function):
    """The output of an operation in training."""

    @staticmethod
    def forward(context, x, edge, *parameters):
        context.edge = edge
        edge.forward(as_map(x))
        output = edge.z.new(edge.z.values.shape[1])
        join(edge, None, output)
        return as_tensor(output)

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        edge = context.edge
        into = like(edge.parts[0].x)
        edge.backward(as_map(gradient), into)
        return as_tensor(into), None, *edge.gradients()


def operate(operation: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The output of an operation of operations.py in training, in a cell of the search; formats as in ``train``."""
    edge = Edge(operation)
    return EdgeFunction.apply(x, edge, *edge.parameters()) if edge.parts else x


def train(cell: nn.Module, before2: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """The output of a ``cells.Cell`` in training, as the plain cell computes it up to rounding.

    ``before2``, ``before``: float32 or bfloat16 (N, C, H, W). Weights stay float32, sums and products are float32's;
    but where the processor multiplies bfloat16 (AVX512-BF16), the 1x1 convolutions of bfloat16 maps multiply those.
    """
    step = CellStep(cell)
    output = CellFunction.apply(before2, before, step, *step.parameters())
    if cell.concat == list(range(2, 2 + step.nodes)):
        return output
    nodes = output.split(step.channels, dim=1)
    return torch.cat([nodes[node - 2] for node in cell.concat], dim=1)
