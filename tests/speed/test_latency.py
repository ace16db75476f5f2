from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fer_nb import paths, study
from fer_nb.nets import export, genotypes, known, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.speed import latency, timing


@pytest.mark.parametrize("name", [*known.COMPARED, "MobileNetV2"])
def test_macs_of_torchvisions_nets_agree_with_torch(name):
    model = latency.build(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        assert model(torch.zeros(1, 3, 44, 44)).shape == (1, 7)
    counts = models.count(model)
    assert 2 * counts["macs"].sum() == counter.get_total_flops()
    assert counts["parameters"].sum() == sum(p.numel() for p in model.parameters())


def test_a_searched_net_is_that_of_its_kept_genotype(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", tmp_path)
    drawn = genotypes.random(np.random.default_rng(0), 2)
    about = {"channels": 8, "cells": 3, "stem_stride": 2}
    genotypes.save(study.kept_genotype("EmoNAS"), drawn, about)
    for name, size in {"EmoNAS": {}, "EmoNAS_4x2": {"channels": 4, "cells": 2}}.items():
        own = SearchedNet(drawn, 7, **about | size)
        assert latency.size(latency.build(name), Path(__file__)) == latency.size(own, Path(__file__))
    with pytest.raises(ValueError, match="unknown net 'partial': choose one of VGG19"):
        latency.build("partial")


def test_a_batch_is_measured_in_both_runtimes(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 11, 11), nn.ReLU(), nn.Flatten(), nn.Linear(256, 4096), nn.Linear(4096, 7))
    file = export.export(net, tmp_path / "net.onnx")
    cases = [("PyTorch", "mobilenet_v3_small", 2, 1, 0), ("ONNX Runtime", file, 2, 1, 0)]
    sizes = latency.size(net, file)
    assert sizes["parameters"] == 364 * 16 + 257 * 4096 + 4097 * 7
    assert sizes["macs"] == 363 * 256 + 256 * 4096 + 4096 * 7  # 16 maps of 4x4
    assert sizes["onnx_mb"] == pytest.approx(sizes["safetensors_mb"], rel=0.05)
    for found in timing.in_fresh_processes(latency.measure, cases, "inference"):
        assert 0 < found["p10"] <= found["median"] <= found["p90"]
        assert found["memory_mb"] > 4  # the weights alone


def test_each_known_net_is_measured_in_both_runtimes(monkeypatch):
    def found(function, cases, what):
        assert [case[:2] for case in cases] == [("PyTorch", "VGG19")] * 2 + [("ONNX Runtime", "file")] * 2
        return [{"median": 4.0, "p10": 1.0, "p90": 9.0, "memory_mb": float(case[2])} for case in cases]

    monkeypatch.setattr(timing, "in_fresh_processes", found)
    table = latency.compare({"VGG19": "file"}, batch_size=8, seconds=0)
    assert list(table["model"]) == ["VGG19"] * 2 and list(table["runtime"]) == list(latency.RUNTIMES)
    assert list(table["pictures_per_second"]) == [2000] * 2
    assert table[["memory_mb", "batch_memory_mb"]].to_numpy().tolist() == [[1, 8]] * 2


def test_medians_are_given_of_the_runtimes_asked_for(monkeypatch):
    medians = iter([4.0, 9, 6, 7, 5, 8])

    def found(function, cases, what):
        assert cases == [("ONNX Runtime", "file", 1, 1, 0), ("ONNX Runtime", "file", 1, torch.get_num_threads(), 0)] * 3
        return [{"median": next(medians), "p10": 1.0, "p90": 9.0, "memory_mb": 5.0} for _ in cases]

    monkeypatch.setattr(timing, "in_fresh_processes", found)
    (row,) = latency.compare({"int8": "file"}, 1, 0, 3, ("ONNX Runtime",)).to_dict("records")
    assert row["latency_ms"] == 5 and row["pictures_per_second"] == 125 and row["runtime"] == "ONNX Runtime"


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match="unknown runtime 'TensorRT': choose one of PyTorch, ONNX Runtime"):
        latency.measure("TensorRT", "VGG19", 1, 1, 0)
