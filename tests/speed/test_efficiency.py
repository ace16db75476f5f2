"""Tables from made-up measurements: every expected number is worked out by hand."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fer_nb import paths
from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import thesis
from fer_nb.intervals import wilson
from fer_nb.nets import by_name, models
from fer_nb.speed import efficiency, latency, plots
from fer_nb.study import Run
from fer_nb.training import weights

NETS = ["ResNet18", "lightResNetl", "mobilenet_v2"]


@pytest.fixture
def measured():
    table = pd.DataFrame({"model": NETS * 2, "runtime": ["PyTorch"] * 3 + ["ONNX Runtime"] * 3})
    table["latency_ms"] = [20.0, 10, 4, 15, 4.5, 0.6]
    table["p10_ms"], table["p90_ms"] = table["latency_ms"] * 0.9, table["latency_ms"] * 1.2
    table["pictures_per_second"] = [50.0, 100, 500, 60, 180, 900]
    return table.assign(memory_mb=[100, 40, 30, 120, 50, 35], batch_memory_mb=[300, 400, 60, 310, 410, 70])


@pytest.fixture
def sizes():
    costs = {"parameters": [10, 2, 1], "macs": [1000.0, 300, 10], "safetensors_mb": [40.0, 8, 4]}
    return pd.DataFrame({"model": NETS, **costs, "onnx_mb": [39.0, 7, 3]})


def test_ratios_are_to_resnet18_in_the_same_runtime(measured):
    table = efficiency.inference_table(measured)
    assert table["latency_ratio"].tolist() == pytest.approx([1, 0.5, 0.2, 1, 0.3, 0.04])
    assert table["throughput_ratio"].tolist() == pytest.approx([1, 2, 10, 1, 3, 15])
    words = efficiency.inference_words(table)
    assert "lightResNetl takes **30%** of ResNet18's time for one picture in ONNX Runtime (4.5 ms)" in words
    assert words.endswith("At most a third of its time for one picture in ONNX Runtime: lightResNetl.")
    alone = efficiency.inference_table(measured[measured["model"] == "mobilenet_v2"])
    assert alone["latency_ratio"].isna().all()
    assert efficiency.inference_words(alone) == "No light net was measured."


def test_the_share_of_the_peak_counts_three_passes_of_two_flops_in_the_runs_own_number_format():
    table = pd.DataFrame({"model": "ResNet18", "variant": ["a", "b"], "number_format": ["float32", "bfloat16"]})
    table = table.assign(ratio=[1, 5.0], pictures_per_second=[2.0, 10])
    shared = efficiency.training_share(table, {"float32": 100, "bfloat16": 200})
    assert list(shared)[:5] == ["model", "variant", "ratio", "float32_share", "bfloat16_share"]
    gmacs = models.count(models.build("ResNet18"))["macs"].sum() / 1e9
    assert shared["float32_share"].tolist() == pytest.approx([12 * gmacs, np.nan], nan_ok=True)
    assert shared["bfloat16_share"].tolist() == pytest.approx([np.nan, 30 * gmacs], nan_ok=True)
    slow = efficiency.training_share(table, {"float32": 12 * gmacs, "bfloat16": 20 * gmacs})
    assert (
        slow["float32_share"][0] == pytest.approx(100) and slow["bfloat16_share"].isna().all()
    )  # 150% of a peak is none
    assert efficiency.training_words(slow).endswith("ResNet18 **5.0** times as fast.")
    words = efficiency.training_words(shared)
    assert (
        f"ResNet18 **5.0** times as fast ({30 * gmacs:.0f}% of the bfloat16 peak)" in words and "float32" not in words
    )


def test_a_net_is_light_where_its_time_falls_with_its_macs(measured, sizes):
    table = efficiency.light_table(sizes, measured).set_index("model")
    assert table["macs_ratio"].tolist() == [1, 0.3, 0.01] and table["parameters_ratio"].tolist() == [1, 0.2, 0.1]
    assert table["onnx_latency_ratio"].tolist() == pytest.approx([1, 0.3, 0.04])
    assert table["pytorch_latency_ratio"].tolist() == pytest.approx([1, 0.5, 0.2])
    assert table["gmacs_per_second"].tolist() == pytest.approx([1000 / 15, 300 / 4.5, 10 / 0.6])
    in_pytorch, in_onnx = efficiency.light_words(table.reset_index()).split("\n\n")
    assert in_pytorch.endswith("than of its MACs: lightResNetl, mobilenet_v2.")
    assert in_onnx.endswith("than of its MACs: mobilenet_v2.") and "with MACs is 1.00, with parameters 1.00" in in_onnx


def test_memory_stands_beside_size(measured, sizes):
    table = efficiency.size_table(sizes, measured).set_index("model").loc["lightResNetl"]
    assert table["pytorch_memory_mb"] == 40 and table["onnx_runtime_batch_memory_mb"] == 410 and table["onnx_mb"] == 7


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A finished run of a net with random weights, and its faces."""
    for name in ("RUNS", "PARAMS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (tmp_path / "params/tiny").mkdir(parents=True)
    (tmp_path / "params/tiny/04_training.yaml").touch()
    rng = np.random.default_rng(0)
    split, none = np.repeat(["train", "test"], [4, 6]), np.full(10, "")
    images = rng.integers(0, 256, (10, 48, 48), dtype=np.uint8)
    faces = FaceSet(images, rng.integers(0, 2, 10), ("Angry", "Happy"), split, none, none, np.arange(10))
    monkeypatch.setattr(datasets, "load", lambda name, data: faces)
    run = Run("tiny", "ferm", "lightResNetl", 0)
    run.folder.mkdir(parents=True)
    weights.save_weights(run.folder / "weights.safetensors", by_name.build(run, 2), faces.classes)
    labels = np.array(faces.classes)[faces.of_split("test").labels]
    table = pd.DataFrame({"split": "test", "row": range(6), "label": labels, "predicted": labels})
    table.assign(Angry=0.5, Happy=0.5).to_csv(run.folder / "predictions.csv", index=False)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run) | {"selection": "valid"}))
    return run


def test_int8_is_scored_on_the_test_split_beside_float32(run, tmp_path, monkeypatch):
    def compared(files, batch_size, seconds, repeats, runtimes):
        assert list(files) == ["float32", "int8"] and runtimes == ("ONNX Runtime",)
        return pd.DataFrame({"model": list(files), "latency_ms": [4, 1.0], "pictures_per_second": [100, 300.0]})

    torch.manual_seed(0)
    small = nn.Sequential(nn.Conv2d(3, 16, 11, 11), nn.ReLU(), nn.Flatten(), nn.Linear(256, 1024), nn.Linear(1024, 2))
    monkeypatch.setattr(efficiency.weights, "trained", lambda run: (small.eval(), None))
    monkeypatch.setattr(latency, "compare", compared)
    table = efficiency.int8_table([run], "real", tmp_path / "onnx", 2, 1, 2, 0)
    row = table.iloc[0]
    assert row["pictures"] == 6 and row["latency_ratio"] == 0.25 and row["throughput_ratio"] == 3
    assert row["difference"] == row["int8_accuracy"] - row["accuracy"]
    assert row["low"] < row["difference"] < row["high"]
    assert row["size_ratio"] == pytest.approx(row["int8_mb"] / row["onnx_mb"]) and row["size_ratio"] < 0.3
    assert "6 pictures), takes 25% of the time" in efficiency.int8_words(table)


def test_accuracies_stand_at_the_latency_of_their_net(run, measured, sizes):
    table = efficiency.accuracy_and_latency([run, Run("tiny", "ferm", "lightResNetl", 0, "mixup")], measured, "real")
    assert table["dataset"].unique().tolist() == ["FERm"]
    rows = table.set_index("model")
    assert set(rows.index) == {"ResNet18", "lightResNetl"}  # no time of VGG19 was taken
    assert rows.loc["lightResNetl", ["latency_ms", "accuracy"]].tolist() == [4.5, 100]
    assert np.isnan(rows.loc["ResNet18", "accuracy"])
    assert rows.loc["ResNet18", "thesis_accuracy"] == thesis.TABLE_3_10["ResNet18"]
    assert efficiency.accuracy_and_latency([], measured, "real").empty
    assert len(plots.accuracy_over_latency(table).axes) == 1
    light = efficiency.light_table(sizes, measured)
    assert len(plots.lightness(light).axes) == len(plots.latencies(measured).axes) == 1


def test_kept_accuracies_stand_beside_those_of_the_study(run, measured):
    folder = paths.REPORTS / "reference/old/predictions"
    folder.mkdir(parents=True)
    for seed, right in enumerate([3, 2]):
        rows = [("test", "Happy", "Happy")] * right + [("test", "Happy", "Sad")] * (4 - right)
        table = pd.DataFrame([*rows, ("valid", "Happy", "Sad")], columns=["split", "label", "predicted"])
        table["row"] = range(5)
        for name in ("mobilenet_v2", "lightResNetl", "VGG19"):
            table.to_csv(folder / f"ferm-{name}-seed{seed}.csv", index=False)
    rows = efficiency.accuracy_and_latency([run], measured, "real", ["older", "old"]).set_index("model")
    low, high = wilson(62.5, 4)  # of four pictures, five answers of eight right
    assert rows.loc["mobilenet_v2", ["study", "accuracy", "low", "high"]].tolist() == ["old", 62.5, low, high]
    assert rows.loc["lightResNetl", ["study", "accuracy"]].tolist() == ["", 100]  # its own goes first
    assert "VGG19" not in rows.index  # no time was taken


def test_the_first_seed_of_each_net_on_the_most_important_data_set_is_taken():
    runs = [Run("s", dataset, "VGG19", seed) for dataset in ("ckplus-fold1", "ferm") for seed in (1, 2)]
    changed = Run("s", "ferm", "lightResNetl", 1, "mixup")
    assert efficiency.first_runs([changed, *runs]) == [Run("s", "ferm", "VGG19", 1)]
    assert efficiency.first_runs(runs[:2]) == [Run("s", "ckplus-fold1", "VGG19", 1)] and efficiency.first_runs([]) == []


def test_the_maps_that_are_timed_are_a_light_nets_of_the_test_split(run, monkeypatch):
    net, name, inputs, labels = efficiency.pictures_to_explain([Run("tiny", "ferm", "VGG19", 0), run], "real", 4)
    assert name == "lightResNetl" and not net.training and inputs.shape == (4, 3, 44, 44) and labels.shape == (4,)
    assert inputs.min() >= 0 and inputs.max() <= 1 and inputs.max() > 0.5
    others = [Run("tiny", "ferm", "VGG19", 0)]
    assert efficiency.pictures_to_explain(others, "real", 4) is None  # nor is one kept
    monkeypatch.setattr(weights, "kept_nets", lambda: ["lightResNetl"])
    monkeypatch.setattr(weights, "released", lambda name: weights.trained(run))
    assert efficiency.pictures_to_explain(others, "real", 4)[1] == "lightResNetl"
    assert efficiency.pictures_to_explain(others, "synthetic", 4) is None
