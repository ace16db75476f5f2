"""What a net costs that only predicts: time, memory and size, in PyTorch and in ONNX Runtime, on the CPU.

Weights are random, as no cost depends on them. Input is (N, 3, 44, 44) for every net, torchvision's too.

PyTorch runs as everywhere in the study, by ``folding.FastNet``, in float32. ONNX Runtime runs the files of
``nets.export`` with all its graph optimisations, which are its default.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import nn

from fer_nb.data import augment
from fer_nb.names import refuse_unknown
from fer_nb.nets import by_name, export, models
from fer_nb.nets.folding import FastNet
from fer_nb.nets.known import COMPARED, GENOTYPES, NETS, refuse_unbuilt
from fer_nb.speed import timing
from fer_nb.study import Run, kept_genotype, sized
from fer_nb.training import predict

RUNTIMES = ("PyTorch", "ONNX Runtime")
CLASSES = 7


def build(name: str) -> nn.Module:
    """A net of notebook 11 with seven classes and random weights; ValueError for a name of none (``refuse_unbuilt``).

    Of a searched net the first kept genotype is taken: "EmoNAS", "EmoNAS_16x6".
    """
    refuse_unbuilt([name])
    torch.manual_seed(0)
    if name in COMPARED:
        from torchvision.models import get_model

        return get_model(name, weights=None, num_classes=CLASSES)
    of, size = sized(name)
    if name in NETS or of in GENOTYPES:
        return by_name.build(Run("emonas", "ferm", name, 0), CLASSES)
    described = by_name.described_in(kept_genotype(name), size)
    return by_name.build_described({"model": name, "classes": CLASSES} | described)


def export_nets(names: list[str], folder: Path) -> dict[str, Path]:
    """Write ``folder/NAME.onnx`` of each net of ``build`` and return the files by name."""
    files = {name: Path(folder) / f"{name}.onnx" for name in names}
    timing.in_fresh_processes(export_net, list(files.items()), "ONNX export", at_once=2)
    return files


def export_net(name: str, file: Path) -> None:
    """Write the ONNX file of a net of ``build``."""
    export.export(build(name), file)


def measure(runtime: str, net: str | Path, batch_size: int, threads: int, seconds: float) -> dict[str, float]:
    """Time and memory of one batch, in this process, after two batches.

    Args:
        runtime: one of ``RUNTIMES``.
        net: a name for ``build`` (PyTorch), or the path of an ONNX file.
        batch_size: pictures at a time.
        threads: of the processor.
        seconds: to go on for, but at least two batches.

    Returns:
        {"median", "p10", "p90": milliseconds a batch; "memory_mb": growth of the process's largest resident memory:
        weights (in PyTorch the net's own and the copy's), activations, buffers, and the library's code and caches in
        use}.

    Raises:
        ValueError: unknown runtime or net, no ONNX file.
    """
    refuse_unknown("runtime", [runtime], RUNTIMES)
    torch.set_num_threads(threads)
    before = timing.peak_memory_mb()
    call = FastNet(build(str(net)), "float32") if runtime == "PyTorch" else predict.onnx_net(net)
    pictures = torch.rand(batch_size, 3, augment.CROP, augment.CROP)
    with torch.inference_mode():
        times = timing.repeat(lambda: call(pictures), seconds, warmup=2)
    found = dict(zip(("p10", "median", "p90"), 1000 * np.quantile(times, [0.1, 0.5, 0.9]), strict=True))
    return found | {"memory_mb": timing.peak_memory_mb() - before}


def compare(
    nets: dict[str, Path],
    batch_size: int,
    seconds: float,
    repeats: int = 1,
    runtimes: tuple[str, ...] = RUNTIMES,
) -> pd.DataFrame:
    """``measure`` each net in each runtime: one picture on one thread, and batches on all threads.

    Args:
        nets: name -> ONNX file (``export_nets``); PyTorch builds the net anew by its name (``build``).
        batch_size, seconds: see ``measure``.
        repeats: of each measurement, in turn; medians are given.
        runtimes: those measured.

    Returns:
        DataFrame: model, runtime, latency_ms, p10_ms, p90_ms (one picture, one thread), pictures_per_second (batches,
        as many threads as PyTorch takes), memory_mb (one picture), batch_memory_mb.
    """
    sizes = {"one": (1, 1), "many": (batch_size, torch.get_num_threads())}  # pictures, threads
    keys = [(name, runtime, size) for name in nets for runtime in runtimes for size in sizes] * repeats
    cases = [
        (runtime, name if runtime == "PyTorch" else nets[name], *sizes[size], seconds) for name, runtime, size in keys
    ]
    found = pd.DataFrame(timing.in_fresh_processes(measure, cases, "inference"))
    found[["model", "runtime", "size"]] = keys
    groups = found.groupby(["model", "runtime", "size"], sort=False)[["median", "p10", "p90", "memory_mb"]].median()
    one, many = groups.xs("one", level="size"), groups.xs("many", level="size")
    table = one.rename(columns={"median": "latency_ms", "p10": "p10_ms", "p90": "p90_ms"})
    table.insert(3, "pictures_per_second", 1000 * batch_size / many["median"])
    return table.assign(batch_memory_mb=many["memory_mb"]).reset_index()


def sizes(files: dict[str, Path]) -> pd.DataFrame:
    """Parameters, MACs of one picture, and size on disk of each net of ``build`` (files: ``export_nets``).

    Returns:
        DataFrame: model, parameters, macs (millions), safetensors_mb (float32), onnx_mb; 1 MB is 1e6 bytes.
    """
    table = pd.DataFrame([{"model": name} | size(build(name), file) for name, file in files.items()])
    return table.assign(macs=table["macs"] / 1e6)


def size(net: nn.Module, file: Path) -> dict[str, float]:
    """Parameters, macs of one picture, safetensors_mb (float32) and onnx_mb (of ``file``) of a net."""
    return {
        "parameters": sum(p.numel() for p in net.parameters()),
        "macs": int(models.count(net, augment.CROP)["macs"].sum()),
        "safetensors_mb": len(safetensors.torch.save(net.state_dict())) / 1e6,
        "onnx_mb": file.stat().st_size / 1e6,
    }
