"""What makes a mixed operation quick and leaves it as it is: shared ReLUs and pools, one pass for the weighted sum."""

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from fer_nb.nets import fused_cells

SHARED = (nn.ReLU, nn.MaxPool2d, nn.AvgPool2d)


class Source:
    """A state of a cell and what several edges take of it, each computed once.

    Args:
        state: float (N, C, H, W).
        partial: the operations get the first C // partial channels, ``x``.
        fused: whether they train by the passes of fused_cells.py.
    """

    def __init__(self, state, partial=1, fused=False):
        self.x, self.rest, self.known, self.fused = state, None, {}, fused
        if partial > 1:
            self.x, self.rest = state.tensor_split([state.shape[1] // partial], dim=1)
            self.x = self.x.contiguous(memory_format=torch.channels_last)

    def through(self, operation):
        """``operation(x)``; a ReLU or pool that it begins with is shared with all that begin with the same."""
        if self.fused:
            return fused_cells.operate(operation, self.x)
        if not isinstance(operation, nn.Sequential) or not isinstance(operation[0], SHARED):
            return operation(self.x)
        first, *others = operation
        x = self.once(first, self.x)
        for layer in others:
            x = layer(x)
        return x

    def passing(self, halve):
        """The channels that pass by, through ``halve``."""
        return self.once(halve, self.rest)

    def once(self, layer, x):
        key = type(layer), getattr(layer, "kernel_size", None), getattr(layer, "stride", None)
        if key not in self.known:
            self.known[key] = layer(x)
        return self.known[key]


class WeightedSum(torch.autograd.Function):
    """Sum of maps times weights. Each map is read once on the way there and once on the way back."""

    @staticmethod
    def forward(context, weights, values, *maps):
        context.values, context.of_weights = values, context.needs_input_grad[0]
        context.save_for_backward(*(maps if context.of_weights else ()))
        total = maps[0] * values[0]
        for value, x in zip(values[1:], maps[1:], strict=True):
            total.add_(x, alpha=value)
        return total

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        of_weights = None
        if context.of_weights:
            flat = pixels(gradient)
            of_weights = torch.stack([torch.dot(flat, pixels(x)) for x in context.saved_tensors])
        wanted = context.needs_input_grad[2:]
        pairs = zip(context.values, wanted, strict=True)
        return of_weights, None, *(scaled(gradient, value) if want else None for value, want in pairs)


def scaled(gradient, value):
    return gradient if value == 1 else gradient * value


def pixels(x):
    """The map as a vector; no copy where it is laid out channels last."""
    return x.permute(0, 2, 3, 1).flatten()


def weighted_sum(weights, values, maps):
    """Sum over k of weight k x maps[k], with gradients to the weights and the maps.

    Args:
        weights: (edges, operations), K values, with gradient or without.
        values: the same as lists of floats, so that no GPU is waited for here.
        maps: K tensors (N, C, H, W), laid out channels last where it is to be quick.
    """
    return WeightedSum.apply(weights.flatten().to(maps[0].dtype), [value for row in values for value in row], *maps)


class SlicedConv2d(nn.Conv2d):
    """A convolution without weights of its own: the leading channels of a wider one's, in the list ``wider``."""

    @property
    def weight(self):
        outputs, inputs, _, _ = self.shape
        return self.wider[0].weight[:outputs, :inputs]


def sliced(module, wider):
    """Let every convolution of ``module`` take its weights from the one at the same place in ``wider``."""
    pairs = zip(module.modules(), wider.modules(), strict=True)
    for conv, source in [pair for pair in pairs if isinstance(pair[0], nn.Conv2d)]:
        conv.shape, conv.wider = conv.weight.shape, [source]  # in a list: no module of this one
        del conv.weight
        conv.__class__ = SlicedConv2d
