"""The operations of a searched cell as passes of kernels.py, forward and backward: separable convolutions and pools.

An operation of a few channels on a small map is over before it is worth a pass over memory for each of ReLU, depthwise
convolution, 1x1 convolution and batch norm. Here they are one pass each way, and the affine of a batch norm goes into
whatever reads its map.

Maps are matrices (pixels, channels), a row for each pixel of each picture, or slices of the columns of such a matrix.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import nn

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
    """``x`` (N, C, H, W), which is copied unless the channels of a pixel lie side by side."""
    n, channels, height, width = x.shape
    values = x.permute(0, 2, 3, 1).reshape(-1, channels)
    if values.stride(1) != 1:  # of a single picture, or of an expanded gradient, the reshape is a view
        values = values.contiguous()
    return Map(values, n, height, width)


def as_tensor(x: Map) -> torch.Tensor:
    return x.values.unflatten(0, x.size).permute(0, 3, 1, 2)


class Part(ABC):
    """What ends in a batch norm, in one training step.

    Attributes:
        parameters, gradients: of this part, in the same order.
        x, z: the maps before it and before the batch norm.
        statistics: of the batch norm.
    """

    def __init__(self, name: str, stride: int, norm: nn.BatchNorm2d, weights: list[torch.Tensor]):
        self.name, self.stride, self.norm = name, stride, norm
        self.parameters = weights + ([norm.weight, norm.bias] if norm.affine else [])

    def forward(self, x: Map, before: Statistics | None) -> None:
        """Compute ``z`` and ``statistics``. ``before``: the batch norm behind ``x``, not yet applied; None for none."""
        self.x, self.before, self.z = x, before, x.new(self.norm.num_features, self.stride)
        self.statistics = Statistics(self.norm, self.compute(), len(self.z.values))

    @abstractmethod
    def compute(self) -> torch.Tensor:
        """Write ``z``; float64 [2][C], the sums of its values and of their squares."""

    @abstractmethod
    def compute_back(self, gradient: Map, k: torch.Tensor, into: Map) -> tuple[list[torch.Tensor | None], torch.Tensor]:
        """``backward`` without the batch norm, whose coefficients are ``k``; with the gradients of its weights.

        A weight that wants no gradient has None: half of a search's steps are of the alphas alone.
        """

    def backward(self, gradient: Map, totals: torch.Tensor, into: Map) -> torch.Tensor:
        """Take the gradient behind the batch norm to that at ``x`` (at the output of ``before``), added to ``into``.

        ``totals``: float64 [2][C], sums of the gradient and of its product with z. Returns the same of ``into`` and x.
        """
        of_weight, of_bias, k = self.statistics.back(totals)
        found, totals = self.compute_back(gradient, k, into)
        self.gradients = found + ([of_weight, of_bias] if self.norm.affine else [])
        into.written = True
        return totals


class Convolution(Part):
    """ReLU - depthwise - 1x1 - BN, or ReLU - 1x1 - BN, or a factorised reduction."""

    def __init__(self, depthwise: nn.Conv2d | None, pointwise: list[nn.Conv2d], norm: nn.BatchNorm2d):
        weights = [conv.weight.contiguous() for conv in pointwise]
        # Two 1x1 convolutions are those of a factorised reduction: on every other pixel, the second one moved by one.
        name, stride = SEPARABLE[0], len(pointwise)
        self.taps = torch.ones(pointwise[0].in_channels)
        if depthwise:
            name, stride = f"separable_{depthwise.kernel_size[0]}_{depthwise.dilation[0]}", depthwise.stride[0]
            self.taps = depthwise.weight.contiguous()
        super().__init__(name, stride, norm, [self.taps, *weights] if depthwise else weights)
        self.depthwise, self.weights, self.outputs = depthwise, weights, pointwise[0].out_channels

    def compute(self) -> torch.Tensor:
        totals = []
        for offset, weight in enumerate(self.weights):
            found = torch.zeros(2, self.outputs, dtype=torch.float64)
            given = (*self.inputs(weight), *self.half(self.z, offset).memory, *self.geometry(offset, weight), found)
            kernels.call(self.name, self.z.values, *given)
            totals.append(found)
        return totals[0] if len(totals) == 1 else torch.cat(totals, 1)

    def compute_back(self, gradient: Map, k: torch.Tensor, into: Map) -> tuple[list[torch.Tensor | None], torch.Tensor]:
        of_taps, *gradients = (torch.empty_like(w) if w.requires_grad else None for w in (self.taps, *self.weights))
        totals = kernels.sums(2, self.x.values)
        for offset, weight in enumerate(self.weights):
            z, g = self.half(self.z, offset), self.half(gradient, offset)
            own = k[:, offset * self.outputs :][:, : self.outputs].contiguous()
            given = (*self.inputs(weight), *z.memory, *g.memory, own, *into.memory, int(into.written))
            found = of_taps, gradients[offset], totals
            kernels.call(f"{self.name}_backward", into.values, *given, *self.geometry(offset, weight), *found)
            into.written = True
        return [of_taps, *gradients] if self.depthwise else gradients, totals

    def half(self, x: Map, offset: int) -> Map:
        """What belongs to one of the 1x1 convolutions in a map behind them."""
        return x if len(self.weights) == 1 else x.columns(offset * self.outputs, (offset + 1) * self.outputs)

    def inputs(self, weight: torch.Tensor):
        before = (self.before.scale, self.before.shift) if self.before else (None, None)
        return *self.x.memory, *before, self.taps, weight

    def geometry(self, offset: int, weight: torch.Tensor):
        return *self.x.size, self.stride, offset, weight.shape[1], self.outputs


class Pool(Part):
    """A 3x3 pool and its batch norm."""

    def __init__(self, pool: nn.MaxPool2d | nn.AvgPool2d, norm: nn.BatchNorm2d):
        super().__init__("max_pool" if isinstance(pool, nn.MaxPool2d) else "avg_pool", pool.stride, norm, [])

    def compute(self) -> torch.Tensor:
        totals = kernels.sums(2, self.z.values)
        kernels.call(self.name, self.z.values, *self.x.memory, self.z.values, *self.geometry(), totals)
        return totals

    def compute_back(self, gradient: Map, k: torch.Tensor, into: Map) -> tuple[list[torch.Tensor | None], torch.Tensor]:
        given = (*self.x.memory, self.z.values, *gradient.memory, k, *into.memory, int(into.written))
        kernels.call(f"{self.name}_backward", into.values, *given, *self.geometry())
        return [], k  # nothing stands before a pool that would want the sums

    def geometry(self):
        return *self.x.size, self.stride, self.norm.num_features


def parts_of(operation: nn.Module) -> list[Part]:
    """The passes of an operation of operations.py; none of a skip."""
    if isinstance(operation, nn.Identity):
        return []
    if isinstance(operation, FactorizedReduce):
        return [Convolution(None, [operation.first, operation.second], operation.norm)]
    layers = list(operation.layers if isinstance(operation, ReLUConvBN) else operation)
    if not isinstance(layers[0], nn.ReLU):
        return [Pool(*layers)]
    found: list[Part] = []
    while layers:
        _, *convs, norm = layers[: 3 if len(layers) == 3 else 4]
        found.append(Convolution(convs[0] if len(convs) == 2 else None, convs[-1:], norm))
        layers = layers[len(convs) + 2 :]
    return found
