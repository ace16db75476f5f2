"""Fused passes for a training step on the CPU (kernels.cpp), compiled at first use where there is a C++ compiler.

A training step of a light net waits on memory: batch norm and ReLU read and write each feature map several times, and
the depthwise convolution reads it again. Here the statistics are taken while the map is written, the ReLU is part of
the pass before or after it, and what is cheap to compute again is not stored.
"""

import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from fer_nb import files, machine, paths

SOURCE = Path(__file__).with_suffix(".cpp")
FLAGS = ["-std=c++17", "-O3", "-march=native", "-fopenmp", "-shared", "-fPIC"]
LANES = 16  # most channels computed at a time (kernels.cpp takes fewer on older processors)
TYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16"}
NUMBERS = {int: ctypes.c_int64, float: ctypes.c_double}


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None where there is no C++ compiler or it fails; a failure is said in one warning.

    The environment variable CXX may name the compiler, with arguments: ``CXX="g++ -O2"``.
    """
    found = shutil.which("c++") or shutil.which("g++")
    compiler = os.environ.get("CXX") or (found and shlex.quote(found))
    if not compiler:
        return None
    digest = hashlib.sha256(" ".join([SOURCE.read_text(), compiler, *FLAGS]).encode()).hexdigest()[:12]
    file = paths.RUNS / "cache" / f"kernels-{digest}-{machine.processor_key()}.so"  # machines may share a checkout
    try:
        if not _is_whole(file):
            if file.exists():
                print(f"{file}: damaged, compiled again", file=sys.stderr)
            with files.replacing(file) as partial:
                command = [*shlex.split(compiler), *FLAGS, str(SOURCE), "-o", str(partial)]
                subprocess.run(command, capture_output=True, check=True, text=True)
                with partial.open("ab") as compiled:  # which loading ignores
                    compiled.write(bytes.fromhex(files.sha256(partial)))
        return ctypes.CDLL(str(file))
    except (subprocess.CalledProcessError, OSError, ValueError) as error:  # ValueError: a quote that is not closed
        reason = ((getattr(error, "stderr", "") or "").strip() or str(error)).splitlines()[0]
        remedy = "training goes on without the fused passes, more slowly; name a C++ compiler that works in CXX"
        warnings.warn(f"{compiler}: {reason}: {remedy}", stacklevel=2)
        return None


def _is_whole(file: Path) -> bool:
    """Whether a library is there and ends in the SHA-256 of what stands before: a changed byte can crash a process."""
    content = file.read_bytes() if file.exists() else b""
    return len(content) > 32 and hashlib.sha256(content[:-32]).digest() == content[-32:]


def call(name: str, like: torch.Tensor, *arguments) -> None:
    """Call a kernel in the number format of ``like``: tensors go by address (None: 0), numbers as int64 or double.

    Raises TypeError for maps in another format than ``TYPES``, and for weights that are not float32.
    """
    wrong = [a.dtype for a in arguments if isinstance(a, nn.Parameter) and a.dtype != torch.float32]
    wrong += [like.dtype] if like.dtype not in TYPES else []
    if wrong:
        raise TypeError(
            f"the fused passes take maps in {' or '.join(TYPES.values())}, and weights in float32, not {wrong[0]}: "
            "leave the net in float32"
        )
    function = getattr(library(), f"{name}_{TYPES[like.dtype]}")
    given = [
        NUMBERS[type(a)](a) if type(a) in NUMBERS else a if a is None else ctypes.c_void_p(a.data_ptr())
        for a in arguments
    ]
    function(*given, torch.get_num_threads())


def channels_last(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def rows(x: torch.Tensor) -> tuple[int, int]:
    """Pixels and channels of the map ``x`` (N, C, H, W)."""
    return x.numel() // x.shape[1], x.shape[1]


def sums(count: int, x: torch.Tensor) -> torch.Tensor:
    return torch.zeros(count, x.shape[1], dtype=torch.float64)


class Statistics:
    """A batch norm in training, from the sums over a map of ``count`` pixels: its affine map and its gradients.

    ``totals``: float64 [2][C], the sums of x and of its squares. The running statistics of ``layer`` are updated.
    Raises ValueError for fewer than two pixels.
    """

    def __init__(self, layer: nn.BatchNorm2d, totals: torch.Tensor, count: int):
        if count < 2:
            raise ValueError(
                f"a batch norm learns from more than 1 value per channel, not {count}: take larger batches"
            )
        self.count, self.known = count, torch.empty_like(totals)
        out = totals.new_empty(4, *totals.shape[1:], dtype=torch.float32)
        call("statistics", out, totals, count, totals.shape[1], layer.weight, layer.bias, layer.eps, self.known, out)
        self.scale, self.shift, mean, variance = out.unbind()
        if layer.track_running_stats:
            layer.num_batches_tracked.add_(1)
            # Without a momentum they are the means over all batches.
            momentum = 1 / layer.num_batches_tracked.item() if layer.momentum is None else layer.momentum
            layer.running_mean.lerp_(mean, momentum)
            layer.running_var.lerp_(variance, momentum)

    def back(self, totals: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Gradients of weight and bias (C,), and the coefficients [3][C] of the gradient at the map."""
        of_weight, of_bias = torch.empty_like(self.scale), torch.empty_like(self.scale)
        k = self.scale.new_empty(3, len(self.scale))
        call("statistics_back", k, totals, self.count, len(k[0]), self.known, self.scale, of_weight, of_bias, k)
        return of_weight, of_bias, k


class BatchNorm(torch.autograd.Function):
    """Batch norm in training, followed by a ReLU or by the addition of a residual, if asked."""

    @staticmethod
    def forward(context, x, weight, bias, residual, layer, relu):
        x = channels_last(x)
        totals, out = sums(2, x), torch.empty_like(x)
        call("moments", x, x, *rows(x), totals)
        statistics = Statistics(layer, totals, rows(x)[0])
        residual = residual if residual is None else channels_last(residual.to(x.dtype))
        call("affine", x, x, statistics.scale, statistics.shift, residual, int(relu), out, *rows(x))
        context.save_for_backward(x)
        context.statistics, context.relu = statistics, relu
        return out

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        (x,), statistics, relu = context.saved_tensors, context.statistics, int(context.relu)
        g = channels_last(gradient)
        totals, out = sums(2, x), torch.empty_like(x)
        call("gradient_sums", x, x, g, x.shape[1], statistics.scale, statistics.shift, relu, *rows(x), totals)
        of_weight, of_bias, k = statistics.back(totals)
        call("normalised_gradient", x, x, g, statistics.scale, statistics.shift, k, relu, out, *rows(x))
        return out, of_weight, of_bias, gradient if context.needs_input_grad[3] else None, None, None


class NormalisedDepthwise(torch.autograd.Function):
    """BN - ReLU - 3x3 depthwise - BN - ReLU in training: the middle of an inverted residual block (figure 3-4)."""

    @staticmethod
    def forward(context, e, weight1, bias1, weight, bias, weight2, bias2, norm1, norm2, stride):
        e = channels_last(e)
        n, channels, height, width = e.shape
        totals = sums(2, e)
        call("moments", e, e, *rows(e), totals)
        first = Statistics(norm1, totals, rows(e)[0])
        shape = (n, channels, (height - 1) // stride + 1, (width - 1) // stride + 1)
        d = torch.empty(shape, dtype=e.dtype, memory_format=torch.channels_last)
        taps, totals = weight.detach().to(e.dtype).float().flatten(1).T.contiguous(), sums(2, e)
        geometry = (n, height, width, channels, stride)
        call("depthwise", e, e, first.scale, first.shift, taps, bias.detach(), d, *geometry, totals)
        second, out = Statistics(norm2, totals, rows(d)[0]), torch.empty_like(d)
        call("affine", e, d, second.scale, second.shift, None, 1, out, *rows(d))
        context.save_for_backward(e, d, taps)
        context.first, context.second, context.geometry = first, second, geometry
        return out

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        (e, d, taps), first, second = context.saved_tensors, context.first, context.second
        g, totals, out = channels_last(gradient), sums(2, d), torch.empty_like(e)
        call("gradient_sums", e, d, g, d.shape[1], second.scale, second.shift, 1, *rows(d), totals)
        of_weight2, of_bias2, k = second.back(totals)
        totals = sums(12, e)
        behind = (d, g, second.scale, second.shift, k, out)
        call("depthwise_backward", e, e, first.scale, first.shift, taps, *behind, *context.geometry, totals)
        of_weight1, of_bias1, k = first.back(totals)
        call("normalised_gradient", e, e, out, first.scale, first.shift, k, 0, out, *rows(e))
        of_weight = totals[3:].T.float().view(-1, 1, 3, 3)
        return out, of_weight1, of_bias1, of_weight, totals[2].float(), of_weight2, of_bias2, None, None, None


def batch_norm(
    layer: nn.BatchNorm2d, x: torch.Tensor, relu: bool = False, residual: torch.Tensor | None = None
) -> torch.Tensor:
    """``layer`` (in training) of ``x``, then ReLU, or plus ``residual``; (N, C, H, W) as ``x``."""
    return BatchNorm.apply(x, layer.weight, layer.bias, residual, layer, relu)


def normalised_depthwise(
    e: torch.Tensor, norm1: nn.BatchNorm2d, conv: nn.Conv2d, norm2: nn.BatchNorm2d
) -> torch.Tensor:
    """ReLU(norm2(conv(ReLU(norm1(e))))) in training; ``conv``: depthwise, 3x3, stride 1 or 2, padding 1, with bias."""
    parameters = (norm1.weight, norm1.bias, conv.weight, conv.bias, norm2.weight, norm2.bias)
    return NormalisedDepthwise.apply(e, *parameters, norm1, norm2, conv.stride[0])
