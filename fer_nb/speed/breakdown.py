"""Where the time of a training step goes, by kind of operation, measured by torch.profiler on the CPU.

The own time of each operation counts for the nearest operation above it that has a kind: what a batch norm computes
around its fused passes counts as batch norm.
"""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile, record_function

from fer_nb.nets import fused_parts, kernels, models
from fer_nb.speed import latency, throughput, timing

CONVOLUTIONS = ("1x1 convolutions", "other convolutions", "depthwise convolutions")
BATCH_NORMS, REST = "batch norms", "rest"
SEPARABLE = "separable convolutions"  # depthwise and 1x1 in one pass, of searched cells
KINDS = tuple(f"{name}, {way}" for name in (*CONVOLUTIONS, SEPARABLE) for way in ("forward", "backward"))
KINDS += (BATCH_NORMS, throughput.OPTIMIZER, throughput.AUGMENTATION, REST)

FUSED = "fused pass: "  # stands before a kernel's name in a profile
KERNELS = {"depthwise": f"{CONVOLUTIONS[2]}, forward", "depthwise_backward": f"{CONVOLUTIONS[2]}, backward"}
for name in fused_parts.SEPARABLE:
    KERNELS |= {name: f"{SEPARABLE}, forward", f"{name}_backward": f"{SEPARABLE}, backward"}
KERNELS |= dict.fromkeys(("moments", "affine", "gradient_sums", "normalised_gradient", "join"), BATCH_NORMS)
KERNELS |= dict.fromkeys(("statistics", "statistics_back"), BATCH_NORMS)
KERNELS |= dict.fromkeys((f"{kind}_pool{way}" for kind in ("max", "avg") for way in ("", "_backward")), REST)

NORMS = [
    *("BatchNorm", "BatchNormBackward", "NormalisedDepthwise", "NormalisedDepthwiseBackward"),  # of kernels.py
    *("aten::batch_norm", "NativeBatchNormBackward0"),  # without a C++ compiler
]
NAMED = {FUSED + name: kind for name, kind in KERNELS.items()} | dict.fromkeys(NORMS, BATCH_NORMS)
NAMED |= {name: name for name in (throughput.OPTIMIZER, throughput.AUGMENTATION)}
NAMED["Optimizer.zero_grad#SGD.zero_grad"] = throughput.OPTIMIZER
# Where the input stands among the arguments; the weight follows it.
INPUT = {"aten::conv2d": 0, "aten::convolution": 0, "aten::convolution_backward": 1}
FALLBACK = re.compile(r"aten::_?(slow_conv|thnn_)")  # ATen's own convolutions, for those that oneDNN does not get


class Step(NamedTuple):
    """One training step of a net. Times in milliseconds; ``times``: by kind of operation, under the profiler."""

    model: str
    number_format: str
    times: dict[str, float]
    unprofiled: float
    fallbacks: dict[str, int]  # calls of ATen's own convolutions, where oneDNN computed none


def kind_of(event: FunctionEvent) -> str | None:
    """One of ``KINDS``, or None for an operation that counts for the one above it."""
    if event.name not in INPUT:
        return NAMED.get(event.name)
    place = INPUT[event.name]
    inputs, weight = event.input_shapes[place : place + 2]
    depthwise = inputs[1] > weight[1]  # groups
    name = CONVOLUTIONS[2] if depthwise else CONVOLUTIONS[0] if weight[2:] == [1, 1] else CONVOLUTIONS[1]
    return f"{name}, {'backward' if place else 'forward'}"


def times(events: Iterable[FunctionEvent]) -> dict[str, float]:
    """Milliseconds by kind: a value for each of ``KINDS``; their sum is the time of ``events``."""
    found = dict.fromkeys(KINDS, 0.0)
    for event in events:
        above, kind = event, kind_of(event)
        while kind is None and (above := above.cpu_parent) is not None:
            kind = kind_of(above)
        found[kind or REST] += event.self_cpu_time_total / 1000
    return found


@contextlib.contextmanager
def named_kernels() -> Iterator[None]:
    """Show the fused passes to the profiler by name. Done from outside: training pays nothing for it."""
    plain = kernels.call

    def call(name, *arguments):
        with record_function(FUSED + name):
            plain(name, *arguments)

    kernels.call = call
    try:
        yield
    finally:
        kernels.call = plain


def profiled(step: Callable[[], None]) -> list[FunctionEvent]:
    """The operations of one call of ``step``."""
    options = {"activities": [ProfilerActivity.CPU], "record_shapes": True}
    with named_kernels(), profile(**options) as found, record_function("step"):
        step()
    return list(found.events())


def measure(name: str, batch_size: int, seconds: float) -> Step:
    """Profile training steps of net ``name`` in this process, by the fastest variant, which notebook 04 uses.

    The fastest of the profiled steps is kept: the profiler's records lie between the net's buffers on the heap, so the
    steps that meet them first wait for new memory.

    Args:
        seconds: to take steps for without the profiler, at least two; then as many with it, at least four.

    Raises:
        ValueError: unknown net.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's notices would stand in the notebook
    variant = throughput.VARIANTS[-1 if kernels.library() else -2]
    step, dtype = throughput.training_step(name, variant, batch_size)
    plain = timing.repeat(step, seconds)
    found, fallbacks = [], Counter()
    for _ in range(max(4, len(plain))):
        events = profiled(step)
        found.append(times(events))
        fallbacks = Counter(event.name for event in events if FALLBACK.match(event.name))
    fastest = min(found, key=lambda one: sum(one.values()))
    number_format = str(dtype).removeprefix("torch.")
    return Step(name, number_format, fastest, 1000 * float(np.median(plain)), dict(fallbacks))


def compare(names: list[str], batch_size: int, seconds: float) -> list[Step]:
    """``measure`` each net in a fresh process."""
    cases = [(name, batch_size, seconds) for name in names]
    return timing.in_fresh_processes(measure, cases, "parts of a training step")


def convolution_flops(name: str, batch_size: int, fused: bool = True) -> pd.Series:
    """FLOPs of the convolutions of net ``name`` in a training step, by kind; two a multiply-add.

    ``fused``: whether the depthwise and 1x1 convolutions of a searched net's cells are computed in one pass.

    Backward, the gradients of the input and of the weights cost as much as the outputs each; the first layer's input
    takes no gradient.
    """
    layers = models.count(latency.build(name)).query("kernel != ''")
    kernel = layers["kernel"].where(~layers["kernel"].str.endswith("dw"), "depthwise")
    what = kernel.map({"1x1": CONVOLUTIONS[0], "depthwise": CONVOLUTIONS[2]}).fillna(CONVOLUTIONS[1])
    if fused:
        what = what.mask(layers["layer"].str.startswith("cells."), SEPARABLE)
    forward = 2.0 * batch_size * layers["macs"]
    backward = 2 * forward
    backward.iloc[0] = forward.iloc[0]
    parts = {"forward": forward, "backward": backward}
    return pd.concat([part.groupby(what + f", {way}").sum() for way, part in parts.items()])


def table(steps: list[Step], batch_size: int, peaks: dict[str, float]) -> pd.DataFrame:
    """A row per net and kind of operation that it has.

    Args:
        steps: from ``compare``, of steps on ``batch_size`` pictures.
        peaks: from ``timing.machine_peaks``.

    Returns:
        DataFrame: model, kind, milliseconds a step, share (percent), gflops (GFLOP/s of the convolutions) and
        peak_gflops (the machine's in the same number format); the last two NaN for other kinds.
    """
    parts = []
    for step in steps:
        spent = pd.Series(step.times)
        rows = pd.DataFrame({"milliseconds": spent, "share": 100 * spent / spent.sum()})
        fused = spent[f"{SEPARABLE}, forward"] > 0
        rows["gflops"] = convolution_flops(step.model, batch_size, fused) / spent / 1e6
        rows["peak_gflops"] = rows["gflops"].mask(rows["gflops"].notna(), peaks[step.number_format])
        rows = rows[rows["milliseconds"] > 0].rename_axis("kind").reset_index()
        rows.insert(0, "model", step.model)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True)


def words(steps: list[Step]) -> str:
    """The length of each net's step, its largest part, and the convolutions that oneDNN did not compute."""
    said = []
    for step in steps:
        total, largest = sum(step.times.values()), max(step.times, key=step.times.__getitem__)
        said.append(
            f"{step.model}: a step takes {total:.0f} ms under the profiler, {step.unprofiled:.0f} ms without it, in "
            f"{step.number_format}; its largest part is **{largest}** ({100 * step.times[largest] / total:.0f}%)."
        )
    own = [f"{step.model} {name} ({count} calls)" for step in steps for name, count in step.fallbacks.items()]
    return "\n\n".join([*said, f"Convolutions that ATen computed itself, not oneDNN: {', '.join(own) or 'none'}."])
