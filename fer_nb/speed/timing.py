"""How this study measures time and memory: each call timed alone, each case in a fresh process.

A process remembers what it did before (heap, thread pool, caches, largest size), so two cases never share one.
"""

import multiprocessing
import resource
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils import benchmark
from tqdm import tqdm

from fer_nb.nets import device

PRELOADED = ("fer_nb.speed.latency", "onnxruntime", "torchvision")  # imported once, before any measurement


def repeat(call: Callable[[], object], seconds: float, warmup: int = 1, least: int = 2) -> np.ndarray:
    """Time ``call`` again and again, after ``warmup`` calls that do not count.

    The clock of torch.utils.benchmark waits for a GPU. Its Timer is not used: it times quick calls in blocks, and the
    percentiles of a block's mean are not those of a call.

    Args:
        seconds: to go on for, but at least ``least`` calls.

    Returns:
        float64 (calls,), seconds of each call.
    """
    for _ in range(warmup):
        call()
    times = []
    while len(times) < least or sum(times) < seconds:
        start = benchmark.timer()
        call()
        times.append(benchmark.timer() - start)
    return np.array(times)


def spread(rows: pd.DataFrame, keys: list[str], value: str) -> pd.DataFrame:
    """Median (named ``value``), lowest and highest of the column ``value``, a row for each of ``keys`` (the index)."""
    return rows.groupby(keys, sort=False)[value].agg(**{value: "median", "lowest": "min", "highest": "max"})


def in_fresh_processes(function: Callable, cases: Sequence[tuple], what: str, at_once: int = 1) -> list:
    """[function(*case) for case in cases], each in a fresh process, with a progress bar named ``what``.

    The processes fork from a server that has imported the libraries and computed nothing. An error is raised here with
    its own type; ``function`` must be importable, its arguments and result picklable.

    Args:
        at_once: processes side by side; 1 for a measurement.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    with ProcessPoolExecutor(at_once, context, max_tasks_per_child=1) as pool:
        return list(tqdm(pool.map(function, *zip(*cases, strict=True)), total=len(cases), desc=what))


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in units of 2**20 bytes.

    Linux: VmHWM. ``ru_maxrss`` starts with the size of the parent, so it stands in only where there is no /proc (macOS,
    where it is in bytes; elsewhere in units of 1024).
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def machine_peaks() -> dict[str, float]:
    """The machine's measured peak in GFLOP/s by number format: the best of five matrix products on all threads.

    A multiply-add counts as two FLOPs. bfloat16 is left out where the processor only emulates it.
    """
    formats = ("float32", "bfloat16") if device.has_bfloat16(torch.device("cpu")) else ("float32",)
    found = in_fresh_processes(device.matrix_speed, [(getattr(torch, name),) for name in formats], "peak")
    return {name: 1e-9 * speed for name, speed in zip(formats, found, strict=True)}
