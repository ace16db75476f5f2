"""Values that mean nothing: arrays given to nets, parameters, YAML texts."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from attack.attempts import Attempt
from planted import layers, random_net
from torch import nn

from fer_nb import parameters
from fer_nb.nas.settings import SearchSettings
from fer_nb.nets import export
from fer_nb.saliency.mp import MeaningfulPerturbation
from fer_nb.saliency.score_cam import ScoreCAM
from fer_nb.training import predict
from fer_nb.training.protocol import Protocol

PICTURES = ("pictures are",)


def arrays(rng, folder: Path) -> Iterator[Attempt]:
    net = random_net(0)
    grey = rng.integers(0, 256, (8, 48, 48), dtype=np.uint8)
    truth = predict.predict(net, grey, precision="float32")
    file = export.export(net, folder / "net.onnx")
    wrong = {
        "floats in [0, 1]": (grey / 255).astype(np.float32),
        "doubles": grey.astype(float),
        "bool": grey > 127,
        "int64": grey.astype(np.int64),
        "int8": grey.astype(np.int8),
        "uint16": grey.astype(np.uint16),
        "224x224": np.zeros((8, 224, 224), np.uint8),
        "44x44": grey[:, 2:46, 2:46],
        "one picture": grey[0],
        "colour behind": np.repeat(grey[..., None], 3, 3),
        "colour before": np.repeat(grey[:, None], 3, 1),
        "one channel": grey[:, None],
        "none": grey[:0],
        "an empty list": [],
        "None": None,
        "a name": "face.png",
        "a number": 3,
        "of two sizes": [grey[0], grey[0, :40]],
        "objects": np.array([{}] * 3, object),
        "a tensor of floats": torch.from_numpy(grey).float(),
        "a tensor of one": torch.from_numpy(grey[0]),
        "flat": grey.reshape(8, -1),
    }
    good = {
        "reversed": (grey[::-1][::-1], truth),
        "backwards": (grey[::-1], truth.flip(0)),
        "a tensor": (torch.from_numpy(grey), truth),
        "a list": (list(grey), truth),
        "one of many": (grey[:1], truth[:1]),
        "read-only": (np.frombuffer(grey.tobytes(), np.uint8).reshape(grey.shape), truth),
        "Fortran order": (np.asfortranarray(grey), truth),
    }
    ways = {
        "predict": lambda images: predict.predict(net, images, precision="float32"),
        "predict, ONNX": lambda images: predict.predict(file, images),
        "logits_of": lambda images: predict.logits_of(net, images, 10),
        "logits_of, 1 crop": lambda images: predict.logits_of(net, images, 1),
        "quantize": lambda images: export.quantize(file, folder / "int8.onnx", images),
    }
    for way, take in ways.items():
        for name, images in wrong.items():
            yield Attempt(way, name, partial(take, images), PICTURES)
    for name, (images, wanted) in good.items():
        for way in ("predict", "predict, ONNX"):
            yield Attempt(
                way, name, partial(ways[way], images), (), lambda f, w=wanted: torch.allclose(f, w, atol=1e-4)
            )
    for crops in (0, 5, -1, "10", None, 1.0, True):
        yield Attempt("predict", f"crops {crops!r}", partial(predict.predict, net, grey, crops), ("crops",))
    for name, content in {"empty": b"", "text": b"<html>", "cut": file.read_bytes()[:300]}.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(content)
        yield Attempt("predict, ONNX", f"file {name}", partial(predict.predict, path, grey), (path.name,))
        yield Attempt("quantize", f"file {name}", partial(export.quantize, path, folder / "q.onnx", grey), (path.name,))
    missing = folder / "none.onnx"
    yield Attempt("predict, ONNX", "no file", partial(predict.predict, missing, grey), ("none.onnx",))
    yield Attempt("quantize", "no file", partial(export.quantize, missing, folder / "q.onnx", grey), ("none.onnx",))
    for name, wrapped in {"DataParallel": nn.DataParallel(net), "compiled": torch.compile(net)}.items():
        take = partial(predict.predict, wrapped, grey, precision="float32")
        yield Attempt("predict", f"a {name} net", take, (), lambda found: torch.allclose(found, truth, atol=1e-4))
    write = partial(export.export, nn.DataParallel(net), folder / "wrapped.onnx")
    yield Attempt("export", "a DataParallel net", write, (), lambda path: path.read_bytes() == file.read_bytes())


def maps(rng, folder: Path) -> Iterator[Attempt]:
    net = random_net(0)
    inputs = torch.from_numpy(rng.random((2, 3, 44, 44), np.float32))
    methods = {
        "Score-CAM": lambda net: ScoreCAM(net, progress=False),
        "MP": lambda net: MeaningfulPerturbation(net, iterations=2, progress=False),
    }
    for method, make in methods.items():
        made = make(net)
        truth = made.attribute(inputs, 1)
        for name, target in {
            "None": None, "a class name": "Happy", "a float": 1.0, "too large": 3, "negative": -1, "huge": 10**30,
            "three": torch.tensor([0, 1, 2]), "bool": True, "a list of names": ["a", "b"],
            "a table": torch.zeros(2, 2).long(),
        }.items():  # fmt: skip
            yield Attempt(method, f"target {name}", partial(made.attribute, inputs, target), ("target",))
        for name, given in {
            "None": None, "an array": inputs.numpy(), "uint8": (inputs * 255).byte(), "0 to 255": inputs * 255,
            "a little above 1": inputs.clone().fill_(1 + 1e-6), "normalised": inputs * 2 - 1,
            "NaN": inputs * float("nan"),
            "48x48": torch.rand(2, 3, 48, 48), "grey": inputs[:, :1], "one picture": inputs[0], "none": inputs[:0],
            "infinite": inputs / 0,
        }.items():  # fmt: skip
            yield Attempt(method, f"inputs {name}", partial(made.attribute, given, 1), ("inputs", "input"))
        wrapped = make(nn.DataParallel(net).eval())

        def right(found, truth=truth):
            return torch.allclose(found, truth, atol=1e-4)

        yield Attempt(method, "a DataParallel net", partial(wrapped.attribute, inputs, 1), (), right)
        yield Attempt(method, "a compiled net", partial(make(torch.compile(net)).attribute, inputs, 1), (), right)
        yield Attempt(method, "within no_grad", partial(torch.no_grad()(made.attribute), inputs, 1), (), right)
        yield Attempt(method, "a net in training", partial(make, layers().train()), ("training",))
        yield Attempt(method, "no convolution", partial(make, nn.Linear(2, 2)), ("convolution",))


def settings(rng, folder: Path) -> Iterator[Attempt]:
    nan, inf, huge = float("nan"), float("inf"), 10**400
    wrong = {
        "epochs": (0, -1, 1.5, "3", None, True, nan),
        "batch_size": (0, 1, -4, 2.5, None),
        "lr": (0, -1, nan, inf, huge, "0.1", None),
        "momentum": (1, 2, -0.1, nan),
        "weight_decay": (-1, 2, inf, nan),
        "decay_every": (0, -1, 1.5),
        "decay_start": (-1, 0.5),
        "decay_factor": (0, 2, nan),
        "clip_value": (-1, nan, inf),
        "rotation": (inf, 1e9, -1, nan),
        "brightness": (2, -1, nan),
        "contrast": (2, -1, nan),
        "crops": (0, 5, "10", None),
        "precision": ("float16", "", None),
        "heap": (1, None, "yes"),
        "seed": (-1, 10**20, 10**30, 0.5, None),
        "schedule": ("steps", "", None),
        "warmup": (-1, 3, nan),
        "smoothing": (1, -0.1, nan),
        "mixup": (-1, nan, inf),
        "erasing": (2, -1),
        "ema": (1, -1, nan),
        "teacher_weight": (2, -1),
        "temperature": (0, -1, inf),
        "sizes": ([[24]], [[24, 1]], [[1, 2]], [[24, "2"]], [[96, 2]], [24, 2]),
        "minutes": (-1, nan),
    }
    for name, values in wrong.items():
        for value in values:
            given = {"epochs": 2, "batch_size": 8} | {name: value}
            yield Attempt("protocol", f"{name} {str(value)[:20]}", partial(Protocol, **given), (name,))
    searching = {
        "epochs": (0, -1, nan),
        "batch_size": (1, 0),
        "lr": (-1, nan),
        "momentum": (2, -1),
        "weight_decay": (-1, nan),
        "seed": (-1, 10**30),
        "order": (3, 0),
        "tau": ((0, 1), (-1, 1)),
        "max_skips": (-1,),
        "skip_dropout": (1, -0.5),
        "stop": ("never",),
        "warmup": (50, -1),
        "precision": ("float16",),
        "method": ("darts",),
        "partial": (3, 0),
        "cells": (0, -1),
        "channels": (0, -1),
        "nodes": (0,),
        "stem_stride": (3, 0),
        "candidate_epochs": (0,),
    }
    for name, values in searching.items():
        for value in values:
            named = (name, "cell", "channel", "node")
            yield Attempt("search", f"{name} {str(value)[:20]}", partial(SearchSettings, **{name: value}), named)


def yaml_texts(rng, folder: Path) -> Iterator[Attempt]:
    known = {"study": "a", "epochs": 3, "lr": 0.1, "datasets": ["ckplus"], "seeds": [0], "votes": [], "heap": True}

    def attempt(name, text, right=None):
        path = folder / f"{name}.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Attempt("parameters", name, partial(parameters.read_checked, path, known), (path.name,), right)

    aliases = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for name, text in {
        "a misspelt key": "epoch: 3", "a key twice": "epochs: 3\nepochs: 4", "a tab": "epochs: 3\n\tlr: 1",
        "text for a number": "epochs: three", "a number for a list": "seeds: 0", "an empty value": "epochs:",
        "a list for text": "study: [a]", "a number for text": "study: 1", "a date for text": "study: 2024-05-01",
        "no date": "study: 2024-99-01", "a value twice": "seeds: [0, 0]", "texts for numbers": "seeds: [a]",
        "numbers for texts": "datasets: [1]", "a number for bool": "heap: 1", "yes for bool": "heap: yes",
        "brackets": "seeds: " + "[" * 5000, "closed brackets": "seeds: " + "[" * 5000 + "]" * 5000, "aliases": aliases,
        "a tag": "epochs: !!python/object/apply:os.getcwd []", "a list": "- 1", "a text": "hello", "no YAML": "a: b: c",
        "a float for an int": "epochs: 3.5", "binary": b"\x00\x01\x02", "Latin-1": "study: é".encode("latin-1"),
        "two documents": "epochs: 3\n---\nepochs: 4", "an anchor alone": "epochs: *x", "a mapping": "epochs: {a: 1}",
        "a long value": "epochs: " + "x" * 8000, "keys of numbers": "1: 2", "an open quote": "study: 'a",
        "a key of a list": "? [a]\n: 3", "null": "epochs: null", "a set": "seeds: !!set {0}",
    }.items():  # fmt: skip
        yield attempt(name, text)
    for name, text, wanted in (
        ("empty", "", {}),
        ("a comment", "# none", {}),
        ("an int for a float", "lr: 1", {"lr": 1}),
        ("a mark", "\ufeffepochs: 4", {"epochs": 4}),
        ("CRLF", "epochs: 4\r\nlr: 0.2\r\n", {"epochs": 4, "lr": 0.2}),
    ):
        yield attempt(name, text, wanted.__eq__)
    for words in (["epochs"], ["=3"], ["epochs=3", "epochs=4"], ["epochs=[1"], ["epochs=" + "[" * 3000], ["a=b: c: d"]):
        yield Attempt(
            "parameters", f"{words[0][:12]} as a word", partial(parameters.read_overrides, words), (words[0][:6],)
        )


KINDS = (arrays, maps, settings, yaml_texts)
