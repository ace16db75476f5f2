"""Where and how a net computes: device, number format, memory format, heap. Chosen here, once, for the whole study.

What each choice is worth on this machine is measured side by side in notebooks/11_efficiency.ipynb.
"""

import ctypes
import functools
import platform
import re
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from fer_nb import files, machine, paths
from fer_nb.names import counted, refuse_unknown
from fer_nb.nets import fused

PRECISIONS = ("auto", "float32", "bfloat16")


def select() -> torch.device:
    """The device that training and prediction use: the first GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def number_format(precision: str = "auto", device: torch.device | None = None) -> torch.dtype:
    """torch.bfloat16 or torch.float32 for ``precision``: "auto" takes the one in which the device multiplies faster.

    Raises ValueError for another word, and for "bfloat16" where the device cannot compute convolutions in it.
    """
    refuse_unknown("precision", [precision], PRECISIONS)
    device = device or select()
    if precision == "bfloat16" and not has_bfloat16(device):
        raise ValueError(
            f"precision bfloat16: {describe(device)} has no convolutions in it (AVX-512 is needed): choose float32"
        )
    if precision != "auto":
        return getattr(torch, precision)
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if has_bfloat16(device) and bfloat16_is_faster() else torch.float32


def has_bfloat16(device: torch.device | None = None) -> bool:
    """Whether convolutions can be computed in bfloat16 there: on every GPU, and where oneDNN can on the CPU.

    oneDNN needs AVX-512 on x86 processors; it raises a RuntimeError on those that have AVX2 alone.
    """
    device = device or select()
    return device.type == "cuda" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


@functools.cache
def bfloat16_is_faster() -> bool:
    """Whether this processor multiplies matrices in bfloat16 at least 1.2 times as fast as in float32.

    That the processor has instructions for it says little: with AVX512-BF16 it takes from half to twice the time of
    float32. The first measurement is kept in runs/cache, so that a resumed training run computes in the same format. A
    damaged one is made again; one line on stderr says so.
    """
    file = paths.RUNS / "cache" / f"bfloat16-{machine.processor_key()}.txt"
    if file.exists():
        content = file.read_bytes()
        if re.fullmatch(rb"[0-9]{1,3}\.[0-9]{3}\n", content):
            return float(content) > 1.2
        print(f"{file}: damaged, measured again", file=sys.stderr)
    ratio = f"{matrix_speed(torch.bfloat16) / matrix_speed(torch.float32):.3f}"
    with files.replacing(file) as partial:
        partial.write_text(f"{ratio}\n")
    return float(ratio) > 1.2


def matrix_speed(dtype: torch.dtype, size: int = 1536, repeats: int = 5) -> float:
    """FLOP per second of the fastest of ``repeats`` products of two size x size matrices on the CPU."""
    a = torch.ones(size, size, dtype=dtype)
    times = []
    for _ in range(repeats + 1):  # the first warms up
        start = time.perf_counter()
        a @ a
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times[1:])


def autocast(device: torch.device, dtype: torch.dtype) -> torch.autocast:
    """Context in which a net computes in ``dtype``; its weights stay float32."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


def keep_heap() -> bool:
    """Make glibc keep large buffers instead of returning each to the kernel; True where that worked.

    The page faults of touching fresh memory at every layer cost up to half of a training step on the CPU. The memory
    stays with the process: its size follows the largest step so far.
    """
    if platform.system() != "Linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3  # malloc.h
    largest = 2**31 - 1
    settings = {m_mmap_threshold: largest, m_trim_threshold: largest, m_top_pad: 64 << 20}
    return all(mallopt(name, value) == 1 for name, value in settings.items())


class Float32BackwardConvolution(torch.autograd.Function):
    """A bfloat16 convolution whose gradients are computed in float32.

    oneDNN's bfloat16 backward of a depthwise convolution with stride 2 is several times slower than its float32 one.
    """

    @staticmethod
    def forward(context, x, weight, bias, stride, padding, groups):
        context.save_for_backward(x, weight)
        context.geometry = stride, padding, groups
        return F.conv2d(x, weight, bias, stride, padding, 1, groups)

    @staticmethod
    def backward(context, gradient):
        x, weight = context.saved_tensors
        stride, padding, groups = context.geometry
        bias_sizes = [weight.shape[0]] if context.needs_input_grad[2] else None
        wanted = [context.needs_input_grad[0], context.needs_input_grad[1], bias_sizes is not None]
        gradients = torch.ops.aten.convolution_backward(
            *(tensor.float() for tensor in (gradient, x, weight)),
            bias_sizes,
            stride,
            padding,
            (1, 1),
            False,
            (0, 0),
            groups,
            wanted,
        )
        return *(g if g is None else g.to(x.dtype) for g in gradients), None, None, None


class DepthwiseConv2d(nn.Conv2d):
    """nn.Conv2d with the same parameters and outputs that takes its gradients in float32."""

    def forward(self, x):
        if not torch.is_autocast_enabled("cpu"):
            return super().forward(x)
        dtype = torch.get_autocast_dtype("cpu")
        bias = None if self.bias is None else self.bias.to(dtype)
        arguments = (x.to(dtype), self.weight.to(dtype), bias)
        return Float32BackwardConvolution.apply(*arguments, self.stride, self.padding, self.groups)


def slow_backward(layer: nn.Module) -> bool:
    """Whether ``layer`` is a depthwise convolution with stride 2, whose gradients are taken in float32 (see above)."""
    return isinstance(layer, nn.Conv2d) and layer.groups > 1 and layer.stride == (2, 2) and layer.dilation == (1, 1)


def float32_depthwise(model: nn.Module) -> None:
    """Take the gradients of the stride-2 depthwise convolutions of ``model`` in float32."""
    for layer in model.modules():
        if type(layer) is nn.Conv2d and slow_backward(layer):
            layer.__class__ = DepthwiseConv2d


def prepare(model: nn.Module, device: torch.device) -> nn.Module:
    """Put ``model`` on ``device`` in the layout that is fast there and return it; what it computes stays the same."""
    if device.type == "cpu":
        float32_depthwise(model)
        fused.fuse(model)
    return model.to(device, memory_format=torch.channels_last)


def describe(device: torch.device | None = None) -> str:
    """One line for the reader: what computes, and with how many threads."""
    device = device or select()
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{machine.processor()}, {counted(torch.get_num_threads(), 'thread')}"
