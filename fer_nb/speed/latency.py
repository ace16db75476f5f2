"""What nets cost that only predict: time, memory and size, in PyTorch and in ONNX Runtime, on the CPU.

Each measurement has a fresh process of its own: heap, thread pool and caches remember what ran before. Weights are
random, as no cost depends on them. Input is (N, 3, 44, 44) for every net, torchvision's too.

PyTorch computes in the form that was the fastest of those tried: evaluation and inference mode, float32, channels
last, batch norms folded, a heap that keeps its buffers. ONNX Runtime computes the files of ``nets.export`` with all
its graph optimisations, which are its default.
"""

import multiprocessing
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import safetensors.torch
import torch
from tqdm import tqdm

from fer_nb.data import augment
from fer_nb.nets import device, export, models
from fer_nb.training import predict

RUNTIMES = ("PyTorch", "ONNX Runtime")

# Of torchvision: Sandler et al. 2018; Howard et al. 2019; Tan and Le 2019. Made for 224x224, run at our 44x44.
OTHERS = ("mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")


def build(name):
    """A net of ``models.NAMES`` or ``OTHERS`` with seven classes and random weights; ValueError for another name."""
    torch.manual_seed(0)
    if name in models.NAMES:
        return models.build(name)
    if name not in OTHERS:
        raise ValueError(f"unknown net {name!r}: choose of {', '.join((*models.NAMES, *OTHERS))}")
    from torchvision.models import get_model

    return get_model(name, weights=None, num_classes=7)


def in_fresh_processes(function, cases, what):
    """[function(*case) for case in cases], one after the other, each in a fresh process, with progress.

    They fork from a server that has imported the libraries and computed nothing.
    """
    with ProcessPoolExecutor(1, server(), max_tasks_per_child=1) as pool:
        return list(tqdm(pool.map(function, *zip(*cases, strict=True)), total=len(cases), desc=what))


def server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "onnxruntime", "torchvision"])
    return context


def peak():
    """The machine's measured peak: GFLOP/s of a float32 and a bfloat16 matrix product, the best of five.

    Returns:
        {"float32": GFLOP/s, "bfloat16": GFLOP/s}, two FLOPs a multiply-add, with as many threads as PyTorch takes.
    """
    names = ("float32", "bfloat16")
    found = in_fresh_processes(device.matrix_speed, [(getattr(torch, name),) for name in names], "peak")
    return dict(zip(names, (1e-9 * value for value in found), strict=True))


def export_nets(names, folder):
    """Write ``folder/NAME.onnx`` of each net of ``build`` and return the files by name."""
    files = {name: Path(folder) / f"{name}.onnx" for name in names}
    with ProcessPoolExecutor(2, server()) as pool:
        list(tqdm(pool.map(export_net, names, files.values()), total=len(names), desc="ONNX export"))
    return files


def export_net(name, file):
    export.export(build(name), file)


def measure(runtime, net, batch_size, threads, seconds):
    """Time and memory of one batch, in this process, after two batches to warm up.

    Args:
        runtime: one of ``RUNTIMES``.
        net: a name for ``build`` (PyTorch), or the path of an ONNX file.
        batch_size: pictures at a time.
        threads: of the processor.
        seconds: to go on for, but at least two batches.

    Returns:
        {"median", "p10", "p90": milliseconds a batch, "memory_mb": by how much the process's largest resident memory
        has grown: weights, activations, buffers, and the library's code and caches touched on the way}.

    Raises:
        ValueError: unknown runtime or net, no ONNX file.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"unknown runtime {runtime!r}: choose one of {', '.join(RUNTIMES)}")
    torch.set_num_threads(threads)
    before = peak_memory_mb()
    layout = torch.contiguous_format
    if runtime == "PyTorch":
        device.keep_heap()
        layout = torch.channels_last
        call = export.fold(build(net)).to(memory_format=layout)
    else:
        call = predict.onnx_net(net)
    pictures = torch.rand(batch_size, 3, augment.CROP, augment.CROP).contiguous(memory_format=layout)
    times = []
    with torch.inference_mode():
        while len(times) < 4 or sum(times[2:]) < seconds:
            start = time.perf_counter()
            call(pictures)
            times.append(time.perf_counter() - start)
    quantiles = (1000 * pd.Series(times[2:])).quantile([0.1, 0.5, 0.9])
    return {**dict(zip(("p10", "median", "p90"), quantiles, strict=True)), "memory_mb": peak_memory_mb() - before}


def peak_memory_mb():
    """The largest resident memory of this process so far.

    Linux's getrusage counts what the parent process had before the exec, so /proc is asked where there is one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def compare(nets, batch_size, seconds, repeats=1):
    """``measure`` of each net in each runtime: one picture on one thread, and batches on all; medians of the repeats.

    Args:
        nets: name -> ONNX file (``export_nets``); a net that ``build`` does not know is measured in ONNX Runtime alone.
        batch_size, seconds: see ``measure``.
        repeats: of each measurement, in turn.

    Returns:
        DataFrame: model, runtime, latency_ms, p10_ms, p90_ms (one picture, one thread), pictures_per_second (batches,
        as many threads as PyTorch takes), memory_mb (one picture), batch_memory_mb.
    """
    known = (*models.NAMES, *OTHERS)
    sizes = ((1, 1), (batch_size, torch.get_num_threads()))
    keys = [
        (name, runtime, *size)
        for _ in range(repeats)
        for name in nets
        for runtime in RUNTIMES
        for size in sizes
        if runtime != "PyTorch" or name in known
    ]
    cases = [(runtime, name if runtime == "PyTorch" else nets[name], *size, seconds) for name, runtime, *size in keys]
    found = pd.DataFrame(in_fresh_processes(measure, cases, "inference"))
    found[["model", "runtime", "batch", "threads"]] = keys
    groups = found.groupby(["model", "runtime", "batch"], sort=False)[["median", "p10", "p90", "memory_mb"]].median()
    one, many = groups.xs(1, level="batch"), groups.xs(batch_size, level="batch")
    table = one.rename(columns={"median": "latency_ms", "p10": "p10_ms", "p90": "p90_ms"})
    table.insert(3, "pictures_per_second", 1000 * batch_size / many["median"])
    return table.assign(batch_memory_mb=many["memory_mb"]).reset_index()


def sizes(files):
    """Parameters, MACs of one picture, and size on disk of each net of ``build`` (files: ``export_nets``).

    Returns:
        DataFrame: model, parameters, macs (millions), safetensors_mb (float32), onnx_mb; 1 MB is 1e6 bytes.
    """
    table = pd.DataFrame([{"model": name} | size(build(name), file) for name, file in files.items()])
    return table.assign(macs=table["macs"] / 1e6)


def size(net, file):
    """Parameters, macs of one picture, safetensors_mb (float32) and onnx_mb (of ``file``) of a net, as a dict."""
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "macs": int(models.count(net, augment.CROP)["macs"].sum()),
        "safetensors_mb": len(safetensors.torch.save(net.state_dict())) / 1e6,
        "onnx_mb": file.stat().st_size / 1e6,
    }
