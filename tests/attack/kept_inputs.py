"""Damaged files that fer_nb itself keeps: caches, checkpoints, weights, finished runs, genotypes, maps, notes."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from attack.attempts import Attempt, flipped, places
from owners import clips
from safetensors.torch import save_file
from torch import nn

from fer_nb import finished, machine, paths
from fer_nb.data import cache, emonas_sets, faces
from fer_nb.data.clips import check, pack, unpack
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.drawing import micro_expressions
from fer_nb.nas import random_search
from fer_nb.nets import by_name, device, genotypes, models
from fer_nb.saliency import sample
from fer_nb.study import Run
from fer_nb.training import checkpoint, finish, predict, weights

NAMES = [f"eye_{side}_{of}" for side in ("inner", "outer") for of in ("left", "right")]
NAMES += ["nose_tip", "mouth_left", "mouth_right"]


def damaged(rng, content: bytes, cuts: int, flips: int) -> Iterator[tuple[str, bytes]]:
    """The content of a file cut off, with a bit flipped, empty, and of another kind."""
    yield from (
        (name, other) for name, other in {"empty": b"", "text": b"<html>log in</html>", "zeros": bytes(500)}.items()
    )
    yield from ((f"cut at {place}", content[:place]) for place in places(rng, len(content) - 1, cuts))
    yield from ((f"flipped at {place}", flipped(content, place)) for place in places(rng, len(content), flips))
    yield "more behind", content + b"more"


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))


def state(model: nn.Module) -> bytes:
    return b"".join(value.numpy().tobytes() for value in model.state_dict().values())


def caches(rng, folder: Path) -> Iterator[Attempt]:
    truth = {
        "images": rng.integers(0, 256, (9, 48, 48), dtype=np.uint8),
        "labels": np.arange(9),
        "split": np.full(9, "train"),
    }

    def parse():
        return {name: value.copy() for name, value in truth.items()}

    def read(name, content):
        def take():
            cache.cached(name, [name], "fer_nb.data.readers.fer2013", parse)
            (file,) = (paths.RUNS / "cache").glob(f"{name}-*.npz")
            content(file)
            return cache.cached(name, [name], "fer_nb.data.readers.fer2013", parse)

        return take

    def right(found):
        return found.keys() == truth.keys() and all(np.array_equal(found[name], truth[name]) for name in truth)

    np.savez(folder / "sound.npz", **truth)
    for number, (name, content) in enumerate(damaged(rng, (folder / "sound.npz").read_bytes(), 6, 12)):
        take = read(f"a{number}", lambda file, content=content: file.write_bytes(content))
        yield Attempt("cache", name, take, ("a",), right)
    for number, (name, change) in enumerate(
        {
            "shorter": lambda arrays: {n: v[:5] if v.ndim else v for n, v in arrays.items()},
            "another type": lambda arrays: arrays | {"images": arrays["images"].astype(float)},
            "an array less": lambda arrays: {"images": arrays["images"]},
            "other labels": lambda arrays: arrays | {"labels": arrays["labels"][::-1]},
            "objects": lambda arrays: arrays | {"labels": np.array([{}] * 9, object)},
            "of other shapes": lambda arrays: arrays | {"images": arrays["images"][:, :40]},
        }.items()
    ):
        take = read(f"b{number}", lambda file, change=change: np.savez(file, **change(dict(np.load(file)))))
        yield Attempt("cache", name, take, ("b",), right)
    take = read("folder", lambda file: (file.unlink(), file.mkdir()))
    yield Attempt("cache", "a folder", take, ("folder",), right)


def clip_files(rng, folder: Path) -> Iterator[Attempt]:
    sound = pack(clips())
    path = folder / "micro.npz"

    def read(write):
        def take():
            write(path)
            original = micro_expressions.path
            micro_expressions.path = lambda condition="micro": path
            try:
                return emonas_sets.load_clips("micro", "synthetic")
            finally:
                micro_expressions.path = original

        return take

    def right(found):
        return all(np.array_equal(*pair) for pair in zip(found.frames, clips().frames, strict=True))

    np.savez(path, **sound)
    for name, content in damaged(rng, path.read_bytes(), 6, 8):
        yield Attempt("clips", name, read(lambda file, c=content: file.write_bytes(c)), ("micro.npz",), right)
    changes = {f"without {name}": {n: v for n, v in sound.items() if n != name} for name in sound}
    changes |= {
        "pixels too few": sound | {"pixels": sound["pixels"][:-1]},
        "pixels too many": sound | {"pixels": np.concatenate([sound["pixels"], sound["pixels"][:2]])},
        "pixels of floats": sound | {"pixels": sound["pixels"] / 255},
        "pixels of another size": sound | {"pixels": sound["pixels"][:, :40]},
        "a count negative": sound | {"counts": sound["counts"] * np.array([-1, 1, 1, 1, 1, 1])},
        "counts of floats": sound | {"counts": sound["counts"].astype(float)},
        "labels too few": sound | {"labels": sound["labels"][:-1]},
        "a label too large": sound | {"labels": sound["labels"] + 1},
        "an apex outside": sound | {"apexes": sound["apexes"] + 9},
        "objects": sound | {"names": np.array([{}] * 6, object)},
    }
    for name, arrays in changes.items():
        yield Attempt("clips", name, read(lambda file, a=arrays: np.savez(file, **a)), ("micro.npz", "clip"), None)
    assert check(unpack(sound))


def checkpoints(rng, folder: Path) -> Iterator[Attempt]:
    settings = {"epochs": 3, "lr": 0.1}
    truth = net()
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.SGD(truth.parameters(), 0.1)
    kept = {"history": [{"epoch": 1, "valid_accuracy": 50.0}], "selected": truth.state_dict()}
    checkpoint.save(folder, settings, kept, {"model": truth, "optimizer": optimizer}, generator)
    content = checkpoint.path(folder).read_bytes()
    saved = checkpoint.read(checkpoint.path(folder))

    def attempt(name, write, right=None, given=settings):
        own = folder / name
        own.mkdir()

        def take():
            write(checkpoint.path(own))
            model = net().apply(lambda layer: layer.reset_parameters() if hasattr(layer, "reset_parameters") else None)
            parts = {"model": model, "optimizer": torch.optim.SGD(model.parameters(), 0.1)}
            found = checkpoint.load(own, given, parts, torch.Generator())
            return model, found

        return Attempt("checkpoint", name, take, ("checkpoint.pt",), right)

    def right(found):
        return state(found[0]) == state(truth) and len(found[1]["history"]) == 1

    yield attempt("whole", lambda file: file.write_bytes(content), right)
    for name, other in damaged(rng, content, 14, 24):
        yield attempt(name, lambda file, c=other: file.write_bytes(c))
    yield attempt("without its digest", lambda file: file.write_bytes(content[32:]))
    yield attempt("of torch.save", lambda file: torch.save(saved, file))
    yield attempt("a pickle", lambda file: torch.save(net(), file))
    yield attempt("a folder", Path.mkdir)
    for key in saved:
        yield attempt(
            f"without {key}", lambda file, k=key: checkpoint.write(file, {n: v for n, v in saved.items() if n != k})
        )
    other = {"too long": kept["history"] * 4, "none": None}
    for name, history in other.items():
        yield attempt(f"history {name}", lambda file, h=history: checkpoint.write(file, saved | {"history": h}))
    for name, changed in {
        "of another net": {"model": nn.Linear(2, 2).state_dict()},
        "no generators": {"generators": []},
        "with generators of floats": {"generators": [torch.zeros(3), torch.zeros(3)]},
        "with an optimizer of another net": {"optimizer": {}},
        "with a list for settings": {"settings": [1]},
        "a list for a net": {"model": [1, 2]},
    }.items():
        yield attempt(name, lambda file, c=changed: checkpoint.write(file, saved | c))
    for key, value in {"lr": 0.2, "epochs": 4}.items():
        changed = settings | {key: value}
        yield attempt(f"other {key}", lambda file: file.write_bytes(content), given=changed)
    candidates = random_search.candidates_path(folder)
    checkpoint.write(candidates, {"settings": {"seed": 0}, "candidates": [{"accuracy": 50.0}]})
    for name, other in damaged(rng, candidates.read_bytes(), 5, 8):
        yield Attempt("candidates", name, partial(_candidates, folder, other), ("candidates.pt",))
    for key in ("settings", "candidates"):
        left = {"settings": {"seed": 0}, "candidates": []}
        del left[key]
        yield Attempt("candidates", f"without {key}", partial(_candidates, folder, left), ("candidates.pt",))


def _candidates(folder: Path, content: bytes | dict):
    file = random_search.candidates_path(folder)
    checkpoint.write(file, content) if isinstance(content, dict) else file.write_bytes(content)
    return random_search._read_candidates(folder, {"seed": 0})


def weight_files(rng, folder: Path) -> Iterator[Attempt]:
    truth = net()
    sound = dict(truth.state_dict())

    def attempt(name, values, right=None):
        path = folder / f"{name}.safetensors"
        if isinstance(values, bytes):
            path.write_bytes(values)
        else:
            save_file(values, path)
        fresh = net().apply(lambda layer: layer.reset_parameters() if hasattr(layer, "reset_parameters") else None)
        return Attempt("weights", name, partial(predict.load_weights, fresh, path), (path.name,), right)

    def right(model):
        return state(model) == state(truth)

    yield attempt("whole", sound, right)
    content = (folder / "whole.safetensors").read_bytes()
    size = 8 + int.from_bytes(content[:8], "little")
    for name, other in damaged(rng, content[:size], 6, 0):
        yield attempt(name, other)
    for place in places(rng, len(content) - size - 1, 6):
        yield attempt(f"cut in the numbers at {place}", content[: size + place])
    for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."):
        yield attempt(f"prefix {prefix}", {prefix + name: value for name, value in sound.items()}, right)
    for name in sound:
        counts = name.endswith("num_batches_tracked")  # old files lack it, and no prediction uses it
        yield attempt(f"without {name}", {n: v for n, v in sound.items() if n != name}, bool if counts else None)
        for word, value in {"NaN": float("nan"), "Inf": float("inf")}.items():
            if sound[name].is_floating_point():
                yield attempt(f"{word} in {name}", sound | {name: torch.full_like(sound[name], value)})
        if sound[name].is_floating_point():
            yield attempt(f"whole numbers in {name}", sound | {name: sound[name].long()})
        yield attempt(f"another shape of {name}", sound | {name: torch.zeros(7, 7)})
    yield attempt("one more", sound | {"more": torch.zeros(2)})
    yield Attempt("weights", "a folder", partial(predict.load_weights, net(), folder), (folder.name,))
    yield Attempt("weights", "missing", partial(predict.load_weights, net(), folder / "none.safetensors"), ("none",))
    yield from released(rng)


def released(rng) -> Iterator[Attempt]:
    """Kept weights: any flipped bit."""
    file = paths.REPORTS / "reference/ferm/weights/lightResNetl-ferm.safetensors"
    file.parent.mkdir(parents=True)
    torch.manual_seed(0)
    kept = models.build("lightResNetl", 7)
    about = {"model": "lightResNetl", "dataset": "ferm", "classes": FER_CLASSES, "valid_accuracy": 80.0}
    about["net"] = {"model": "lightResNetl", "classes": 7, "pool": "global", "block_relu": False}
    half = {name: v.half() if v.is_floating_point() else v for name, v in kept.state_dict().items()}
    save_file(half, file, {"fer_nb": json.dumps(about)})
    weights.kept_sums().write_text(weights.digest_line(file))
    content = file.read_bytes()

    def take(content):
        file.write_bytes(content)
        return weights.released("lightResNetl")[0]

    def right(model):
        return all(torch.equal(v.half(), half[n]) for n, v in model.state_dict().items() if v.is_floating_point())

    yield Attempt("released weights", "whole", partial(take, content), (file.name,), right)
    for place in places(rng, len(content), 12):
        yield Attempt("released weights", f"flipped at {place}", partial(take, flipped(content, place)), (file.name,))
    for place in places(rng, len(content) - 1, 4):
        yield Attempt("released weights", f"cut at {place}", partial(take, content[:place]), (file.name,))


def finished_runs(rng, folder: Path) -> Iterator[Attempt]:
    truth = _finish(Run("tiny", "ferm", "small", 0))
    other = _finish(Run("tiny", "ferm", "small", 1))
    files = {
        name: (truth.folder / name).read_bytes()
        for name in ("metrics.json", "predictions.csv", "history.csv", "weights.safetensors")
    }
    lines = files["predictions.csv"].decode().splitlines()

    def take(name, content, unsealed, read):
        for file, sound in files.items():
            (truth.folder / file).write_bytes(sound)
        if unsealed:
            metrics = {n: v for n, v in json.loads(files["metrics.json"]).items() if n != "files"}
            (truth.folder / "metrics.json").write_text(json.dumps(metrics))
        (truth.folder / name).write_bytes(content)
        return read(truth)

    def right(found):
        return not isinstance(found, pd.DataFrame) or found.equals(_predictions(truth))

    def attempt(name, file, content, read, right=None, unsealed=False):
        return Attempt("finished run", name, partial(take, file, content, unsealed, read), (file,), right)

    readers = {"predictions.csv": finished.read_predictions, "history.csv": finished.read_history}
    readers |= {"weights.safetensors": weights.trained, "metrics.json": finished.read_metrics}
    yield attempt(
        "whole", "predictions.csv", files["predictions.csv"], finished.read_predictions, lambda t: len(t) == 8
    )
    for file, read in readers.items():
        if file != "metrics.json":
            for name, content in damaged(rng, files[file], 4, 5):
                yield attempt(f"{file} {name}", file, content, read)
            yield attempt(f"{file} of another run", file, (other.folder / file).read_bytes(), read)
    for place in places(rng, len(files["metrics.json"]) - 3, 6):
        yield attempt(f"metrics cut at {place}", "metrics.json", files["metrics.json"][:place], finished.read_metrics)
    for name, content in {
        "{}": b"{}",
        "[]": b"[]",
        "null": b"null",
        "empty": b"",
        "UTF-16": "{}".encode("utf-16"),
    }.items():
        yield attempt(f"metrics {name}", "metrics.json", content, finished.read_metrics)
    yield attempt(
        "metrics of another run", "metrics.json", (other.folder / "metrics.json").read_bytes(), finished.read_metrics
    )
    tables = {f"cut after row {count}": lines[: count + 1] for count in range(1, 8)}
    tables |= {f"row {count} twice": [*lines, lines[count]] for count in (1, 4, 8)}
    tables |= {f"row {count} in place of another": [*lines[:-1], lines[count]] for count in (1, 4)}
    tables |= {
        "a misspelt class": [lines[0], lines[1].replace("A", "a"), *lines[2:]],
        "no label": [line.replace("label", "labels") for line in lines],
        "a probability of words": [*lines[:-1], lines[-1].rsplit(",", 1)[0] + ",often"],
        "a probability above 1": [*lines[:-1], lines[-1].rsplit(",", 1)[0] + ",7"],
        "no probability": [*lines[:-1], lines[-1].rsplit(",", 1)[0] + ","],
        "another split": [line.replace("test", "tests") for line in lines],
        "a head alone": lines[:1],
    }
    for name, changed in tables.items():  # of a run before the digests too
        content = ("\n".join(changed) + "\n").encode()
        for unsealed in (False, True):
            words = f"{name}, {'not ' * unsealed}sealed"
            yield attempt(words, "predictions.csv", content, finished.read_predictions, unsealed=unsealed)


def _predictions(run: Run) -> pd.DataFrame:
    table = pd.DataFrame({"split": "test", "row": range(8), "label": list("AABBAABB"), "predicted": list("ABBBAABA")})
    table[["A", "B"]] = np.eye(2)[[0, 1, 1, 1, 0, 0, 1, 0]] * (0.9 - 0.1 * run.seed)
    return table


def _finish(run: Run) -> Run:
    history = pd.DataFrame(
        {"valid_accuracy": [50.0 + run.seed], "test_accuracy": [75.0], "seconds": 1.0, "train_seconds": 1.0}
    )
    history.attrs["train_pictures"] = 4
    torch.manual_seed(run.seed)
    model = models.build("lightResNetl", 2)
    model.description = {"model": "lightResNetl", "classes": 2, "pool": "global", "block_relu": False}
    finish.finish(run, model, history, _predictions(run), {"parameters": {"precision": "float32"}})
    return run


def genotype_files(rng, folder: Path) -> Iterator[Attempt]:
    truth = genotypes.KNOWN["DARTS_V2"]
    about = {"channels": 8, "cells": 3, "stem_stride": 2}
    genotypes.save(folder / "sound.json", truth, about)
    sound = json.loads((folder / "sound.json").read_text())

    def attempt(name, content, right=None):
        path = paths.REPORTS / f"reference/emonas/genotypes/{name}-seed0.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return Attempt(
            "genotype", name, partial(by_name.describe, Run("quick", "ferm", name, 0), 7), (path.name,), right
        )

    yield attempt("whole", sound, lambda found: found["channels"] == 8 and len(found["genotype"]["normal"]) == 8)
    text = (folder / "sound.json").read_bytes()
    for name, content in damaged(rng, text[:-3], 8, 0):
        yield attempt(name.replace(" ", "_"), content)
    for part in ("normal", "reduce"):
        for name, edges in {
            "unknown": [["conv_9x9", 0], *sound["genotype"][part][1:]],
            "later": [["skip_connect", 5], *sound["genotype"][part][1:]],
            "odd": sound["genotype"][part][:-1],
            "none": [],
            "text": "abc",
            "number": 7,
            "triples": [["skip_connect", 0, 1]] * 8,
            "negative": [["skip_connect", -1], *sound["genotype"][part][1:]],
            "half": [["skip_connect", 0.5], *sound["genotype"][part][1:]],
        }.items():
            yield attempt(f"{part}_{name}", {**sound, "genotype": sound["genotype"] | {part: edges}})
        for name, concat in {"none": [], "outside": [9], "twice": [2, 2], "text": "a", "number": 3}.items():
            yield attempt(
                f"{part}_concat_{name}", {**sound, "genotype": sound["genotype"] | {f"{part}_concat": concat}}
            )
    for key in sound["genotype"]:
        yield attempt(f"without_{key}", sound | {"genotype": {n: v for n, v in sound["genotype"].items() if n != key}})
    for key in about:
        yield attempt(f"about_without_{key}", sound | {"about": {n: v for n, v in about.items() if n != key}})
        for name, value in {"text": "8", "none": None, "zero": 0, "negative": -1, "half": 1.5, "true": True}.items():
            yield attempt(f"about_{key}_{name}", sound | {"about": about | {key: value}})
    for name, value in {"list": [1], "none": None, "text": "a"}.items():
        yield attempt(f"about_{name}", sound | {"about": value})
        yield attempt(f"genotype_{name}", sound | {"genotype": value})


def maps_and_notes(rng, folder: Path) -> Iterator[Attempt]:
    count = 6
    pictures = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    none = np.full(count, "")
    of = FaceSet(pictures, np.arange(count) % 7, FER_CLASSES, np.full(count, "test"), none, none, np.arange(count))
    taken = sample.choose(of, np.eye(7)[np.arange(count) % 7], 4)
    path = folder / "maps.npz"
    sample.save_maps(path, "0", taken, {"seed": 0}, maps=torch.rand(len(taken), 1, 44, 44))
    content = path.read_bytes()
    sound = dict(np.load(path))

    def take(content):
        path.write_bytes(content) if isinstance(content, bytes) else np.savez(path, **content)
        return sample.load_maps(path, "0", of)[2]["maps"].numpy()

    def right(found):
        return np.array_equal(found, sound["maps"])

    for name, other in damaged(rng, content, 5, 8):
        yield Attempt("maps", name, partial(take, other), ("maps.npz",), right)
    changes = {f"without {name}": {n: v for n, v in sound.items() if n != name} for name in sound if name != "maps"}
    changes |= {
        "other rows": sound | {"rows": sound["rows"] + 1},
        "places outside": sound | {"places": sound["places"] + 90},
        "maps too few": sound | {"maps": sound["maps"][:-1]},
        "kinds too few": sound | {"kind": sound["kind"][:-1]},
        "NaN": sound | {"maps": sound["maps"] * np.nan},
        "settings": sound | {"settings": np.array("{")},
        "objects": sound | {"kind": np.array([{}] * len(taken), object)},
    }
    for name, arrays in changes.items():
        yield Attempt("maps", name, partial(take, arrays), ("maps.npz",))
    note = paths.RUNS / "cache" / f"bfloat16-{machine.processor_key()}.txt"

    def measure(content):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_bytes(content)
        speed, device.matrix_speed = device.matrix_speed, lambda dtype: 2.0 if dtype == torch.bfloat16 else 1.0
        try:
            return device.bfloat16_is_faster.__wrapped__(), note.read_text()
        finally:
            device.matrix_speed = speed

    for content in (b"", b"x", b"nan\n", b"2", b"1e9\n", b"-3.000\n", b"\xff\xfe", b"0.5000\n", b"2.00"):
        yield Attempt("note", repr(content), partial(measure, content), ("note",), lambda f: f == (True, "2.000\n"))
    landmarks = paths.DATA / "landmarks/fer2013.npz"
    landmarks.parent.mkdir(parents=True)
    known = {
        "landmarks": np.zeros((count, len(NAMES), 2)),
        "names": np.array(NAMES),
        "regions": pictures,
        "expressions": none,
    }
    np.savez(landmarks, **known)

    def draw(content):
        landmarks.write_bytes(content) if isinstance(content, bytes) else np.savez(landmarks, **content)
        return faces.drawn(of, "fer2013", "real")["regions"]

    for name, other in damaged(rng, landmarks.read_bytes(), 4, 0):
        right = partial(np.array_equal, pictures)
        yield Attempt("landmarks", name, partial(draw, other), ("fer2013.npz",), right)
    for name in known:
        left = {n: v for n, v in known.items() if n != name}
        yield Attempt("landmarks", f"without {name}", partial(draw, left), ("fer2013.npz",))


KINDS = (caches, clip_files, checkpoints, weight_files, finished_runs, genotype_files, maps_and_notes)
