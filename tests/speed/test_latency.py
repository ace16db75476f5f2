import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fer_nb.nets import device, models
from fer_nb.speed import latency


@pytest.mark.parametrize("name", latency.OTHERS)
def test_macs_of_torchvisions_nets_agree_with_torch(name):
    model = latency.build(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert model(torch.zeros(1, 3, 44, 44)).shape == (1, 7)
    counts = models.count(model)
    assert 2 * counts["macs"].sum() == counter.get_total_flops()
    assert counts["parameters"].sum() == sum(p.numel() for p in model.parameters())


def test_a_net_is_measured_in_both_runtimes_and_an_unknown_file_in_one(tmp_path):
    name = "mobilenet_v3_small"
    files = latency.export_nets([name], tmp_path)
    table = latency.compare(files | {"int8": files[name]}, batch_size=2, seconds=0)
    assert list(table["model"]) == [name, name, "int8"] and list(table["runtime"]) == [
        *latency.RUNTIMES,
        "ONNX Runtime",
    ]
    assert (table["p10_ms"] <= table["latency_ms"]).all() and (table["latency_ms"] <= table["p90_ms"]).all()
    assert (table[["p10_ms", "pictures_per_second"]] > 0).all(axis=None)
    assert (table[["memory_mb", "batch_memory_mb"]] > 6).all(axis=None)  # its weights alone
    sizes = latency.sizes(files).set_index("model").loc[name]
    assert sizes["parameters"] == 1_525_031
    assert sizes["onnx_mb"] == pytest.approx(sizes["safetensors_mb"], rel=0.05)


def test_an_error_in_a_measuring_process_is_raised_here():
    with pytest.raises(ValueError, match=r"unknown net 'mobilenet_v4': choose of VGG19, .*efficientnet_b0"):
        latency.in_fresh_processes(latency.build, [("mobilenet_v4",)], "build")
    with pytest.raises(ValueError, match="unknown runtime 'TensorRT': choose one of PyTorch, ONNX Runtime"):
        latency.measure("TensorRT", "VGG19", 1, 1, 0)


def test_the_peak_grows_with_the_time_that_a_product_takes(monkeypatch):
    clock = iter(np.cumsum([0, 9, 0, 4, 0, 2, 0, 4, 0, 4, 0, 4]))  # seconds at start and end; the first warms up
    with monkeypatch.context() as patched:
        patched.setattr(device.time, "perf_counter", lambda: next(clock))
        assert device.matrix_speed(torch.bfloat16, size=100) == pytest.approx(1e6)  # 2e6 FLOP in 2 s
    monkeypatch.setattr(latency, "in_fresh_processes", lambda speed, cases, what: [2e9 * len(case) for case in cases])
    assert latency.peak() == {"float32": 2, "bfloat16": 2}  # GFLOP/s


def test_memory_counts_what_this_process_has_touched():
    # In a process of its own: the largest size so far of this one may lie far above its present size.
    code = (
        "import numpy as np; from fer_nb.speed.latency import peak_memory_mb; before = peak_memory_mb(); "
        "touched = np.ones(256 << 17); print(peak_memory_mb() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 128 < float(done.stdout) < 320  # 256 MB, some of it perhaps free before
