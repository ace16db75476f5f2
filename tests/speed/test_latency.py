import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fer_nb.nets import models
from fer_nb.speed import latency, timing


@pytest.mark.parametrize("name", latency.OTHERS)
def test_macs_of_torchvisions_nets_agree_with_torch(name):
    model = latency.build(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert model(torch.zeros(1, 3, 44, 44)).shape == (1, 7)
    counts = models.count(model)
    assert 2 * counts["macs"].sum() == counter.get_total_flops()
    assert counts["parameters"].sum() == sum(p.numel() for p in model.parameters())


def test_a_net_is_measured_in_both_runtimes(tmp_path):
    name = "mobilenet_v3_small"
    files = latency.export_nets([name], tmp_path)
    table = latency.compare(files, batch_size=2, seconds=0)
    assert list(table["model"]) == [name, name] and list(table["runtime"]) == list(latency.RUNTIMES)
    assert (table["p10_ms"] <= table["latency_ms"]).all() and (table["latency_ms"] <= table["p90_ms"]).all()
    assert (table[["p10_ms", "pictures_per_second"]] > 0).all(axis=None)
    assert (table[["memory_mb", "batch_memory_mb"]] > 6).all(axis=None)  # its weights alone
    sizes = latency.sizes(files).set_index("model").loc[name]
    assert sizes["parameters"] == 1_525_031
    assert sizes["onnx_mb"] == pytest.approx(sizes["safetensors_mb"], rel=0.05)


def test_an_unknown_file_is_measured_in_onnx_runtime_alone_and_medians_are_given(monkeypatch):
    medians = iter([4.0, 9, 6, 7, 5, 8])

    def found(function, cases, what):
        assert cases == [("ONNX Runtime", "file", 1, 1, 0), ("ONNX Runtime", "file", 1, torch.get_num_threads(), 0)] * 3
        return [{"median": next(medians), "p10": 1.0, "p90": 9.0, "memory_mb": 5.0} for _ in cases]

    monkeypatch.setattr(timing, "in_fresh_processes", found)
    (row,) = latency.compare({"int8": "file"}, batch_size=1, seconds=0, repeats=3).to_dict("records")
    assert row["latency_ms"] == 5 and row["pictures_per_second"] == 125 and row["runtime"] == "ONNX Runtime"


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match="unknown runtime 'TensorRT': choose one of PyTorch, ONNX Runtime"):
        latency.measure("TensorRT", "VGG19", 1, 1, 0)
