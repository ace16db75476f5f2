"""The seven operations that a cell is put together from: DARTS's eight without ``none`` (Liu, Simonyan and Yang 2019).

Each takes float (N, C, H, W) and gives (N, C, H, W) at stride 1, (N, C, ceil(H/2), ceil(W/2)) at stride 2.
"""

import torch
from torch import nn
from torch.nn import functional as F

from fer_nb.names import refuse_unknown

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)


class ReLUConvBN(nn.Module):
    """ReLU - 1x1 convolution - BN: (N, inputs, H, W) to (N, outputs, H, W).

    ``affine``: whether the batch norm has a factor and a shift; DARTS leaves them out in the search, where they could
    undo the weights of the operations.
    """

    def __init__(self, inputs, outputs, affine=True):
        super().__init__()
        conv = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.layers = nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs, affine=affine))

    def forward(self, x):
        return self.layers(x)


class FactorizedReduce(nn.Module):
    """Halves the resolution by two 1x1 convolutions of stride 2, one of which is moved by a pixel: ReLU - both - BN.

    The stride is taken by slicing: a 1x1 convolution of stride 2 with fewer than 8 outputs, channels last and with two
    threads, writes past its memory in the backward pass of torch 2.15.

    (N, inputs, H, W) to (N, outputs, ceil(H/2), ceil(W/2)). An odd map gets a row or column of zeros, without which
    the two halves would differ in size. Raises ValueError where ``outputs`` is odd.
    """

    def __init__(self, inputs, outputs, affine=True):
        super().__init__()
        if outputs % 2:
            raise ValueError(f"a factorised reduction to {outputs} channels: choose an even number of channels")
        self.first = nn.Conv2d(inputs, outputs // 2, 1, bias=False)
        self.second = nn.Conv2d(inputs, outputs // 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs, affine=affine)

    def forward(self, x):
        x = F.relu(x)
        even, odd = x[:, :, ::2, ::2], x[:, :, 1::2, 1::2]
        height, width = x.shape[2] % 2, x.shape[3] % 2
        if height or width:
            odd = F.pad(odd, (0, width, 0, height))
        return self.norm(torch.cat([self.first(even), self.second(odd)], dim=1))


def depthwise_separable(channels, kernel, stride, affine, dilation=1):
    """ReLU - depthwise kernel x kernel - 1x1 - BN, as a list of layers."""
    padding = dilation * (kernel // 2)
    return [
        nn.ReLU(),
        nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
        nn.BatchNorm2d(channels, affine=affine),
    ]


def build(name, channels, stride, affine=True):
    """One operation, as DARTS builds it in its search.

    A pool is followed by BN; a skip at stride 2 is ``FactorizedReduce``; sep is twice ReLU - depthwise - 1x1 - BN, the
    stride in the first; dil is once, with dilation 2.

    Args:
        name: one of ``OPERATIONS``.
        channels: width C of input and output.
        stride: 1, or 2 in a reduction cell.
        affine: whether batch norms have a factor and a shift.

    Raises:
        ValueError: unknown ``name``; an odd number of channels for a skip at stride 2.
    """
    refuse_unknown("operation", [name], OPERATIONS)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels, affine)
    if name == "max_pool_3x3":
        return nn.Sequential(nn.MaxPool2d(3, stride, padding=1), nn.BatchNorm2d(channels, affine=affine))
    if name == "avg_pool_3x3":
        pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        return nn.Sequential(pool, nn.BatchNorm2d(channels, affine=affine))
    kernel = int(name[-1])
    if name.startswith("dil"):
        return nn.Sequential(*depthwise_separable(channels, kernel, stride, affine, dilation=2))
    first, second = (depthwise_separable(channels, kernel, s, affine) for s in (stride, 1))
    return nn.Sequential(*first, *second)
