"""A trained net that reads faces: calibrated probabilities of ten crops, by PyTorch or ONNX Runtime."""

import hashlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import torch
from safetensors.torch import save

from fer_nb import paths
from fer_nb.data.detection import SIDE, Detector, Face, crop, find
from fer_nb.evaluation.calibration import Calibration, calibrate
from fer_nb.files import sha256
from fer_nb.finished import read_metrics, read_predictions
from fer_nb.imports import modules
from fer_nb.names import suggestion
from fer_nb.nets.export import export, quantize
from fer_nb.recognise.example import drawn_faces
from fer_nb.recognise.pictures import Shot, preview
from fer_nb.study import Run
from fer_nb.training import weights
from fer_nb.training.predict import onnx_net, predict

RUNTIMES = ("torch", "onnx", "int8")
# Pictures whose faces go through the net together. On a CPU more are no faster, and their crops take more memory.
SHOTS = 4
RANGES = 128  # drawn faces that the ranges of int8 are measured on: a fresh clone has no others
RUN = re.compile(r"(?P<dataset>[a-z0-9_]+(-[a-z]+[0-9]+)?)-(?P<model>\w+)-seed(?P<seed>\d+)(-(?P<change>.+))?")


@dataclass(frozen=True)
class Reader:
    """A net that reads faces.

    net: the PyTorch net in eval mode, as the maps of ``fer_nb.saliency`` want it. classes: names in the order of the
    logits. source: a sentence that says which net and which calibration. logits: gives float32 (N, classes) of faces
    uint8 (N, 48, 48), over their ten crops.
    """

    net: torch.nn.Module
    classes: tuple[str, ...]
    calibration: Calibration
    source: str
    logits: Callable[[np.ndarray], torch.Tensor]

    def read(self, crops: np.ndarray) -> np.ndarray:
        """Calibrated probabilities float32 (N, classes) of faces uint8 (N, 48, 48), over their ten crops."""
        if not len(crops):
            return np.empty((0, len(self.classes)), np.float32)
        return (self.logits(crops) / self.calibration.temperature).softmax(1).numpy()


@dataclass(frozen=True)
class Reading:
    """What was read in a shot, whose pixels are made small (``pictures.preview``).

    size: width and height of the picture that the boxes are in. crops: uint8 (N, 48, 48) of its N faces, surest first.
    probabilities: float32 (N, classes).
    """

    shot: Shot
    size: tuple[int, int]
    faces: list[Face]
    crops: np.ndarray
    probabilities: np.ndarray


def reader(name: str, runtime: str = "torch") -> Reader:
    """The net ``name``: one whose weights are kept (lightResNetl), or STUDY/RUN, a finished run.

    Args:
        runtime: "torch", or ONNX Runtime in float32 ("onnx") or int8 ("int8").

    Raises:
        FileNotFoundError: no such weights. ValueError: an unknown runtime, a run's name of another form, or damaged
        weights or predictions.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"unknown runtime {runtime!r}: {suggestion(runtime, RUNTIMES)}")
    if "/" in name:
        run = named_run(name)
        net, classes = weights.trained(run)
        calibration, words = of_run(run)
    else:
        net, classes = weights.released(name)
        calibration, words = of_kept(weights.released_file(name))
    source = f"Net {name}, {words}."
    return Reader(net, classes, calibration, source, computed(net, classes, runtime))


def named_run(name: str) -> Run:
    """The run that STUDY/RUN names, as ``ferm/ferm-lightResNetl-seed0``. Raises ValueError for another form."""
    study, _, run = name.partition("/")
    match = RUN.fullmatch(run)
    if not match:
        raise ValueError(
            f"net {name!r}: name a run as STUDY/DATASET-NET-seedN, for example ferm/ferm-lightResNetl-seed0"
        )
    return Run(study, match["dataset"], match["model"], int(match["seed"]), match["change"] or "")


def of_run(run: Run) -> tuple[Calibration, str]:
    """The calibration of a finished run, by its own predictions, and what to say of it.

    Raises as ``finished.read_predictions``.
    """
    if read_metrics(run).get("valid_accuracy") is None:  # CK+ has no such split
        return Calibration(), "not calibrated: the run has no validation split"
    return calibrate(read_predictions(run, "valid")), "calibrated on the run's validation split"


def of_kept(file: Path) -> tuple[Calibration, str]:
    """The calibration in the header of kept weights, or by the predictions kept beside them; and what to say of it."""
    facts = weights.about(file)
    if "calibration" in facts:
        return Calibration(**facts["calibration"]), f"calibrated on the validation split of {facts['dataset']}"
    for table in sorted((file.parents[1] / "predictions").glob(f"{facts['run']}.csv*")):
        valid = pd.read_csv(table).query("split == 'valid'").drop(columns="split")
        if len(valid):
            return calibrate(valid), f"calibrated by {table.relative_to(paths.REPORTS)}"
    return Calibration(), "not calibrated: neither the weights nor kept predictions tell a temperature"


def computed(net: torch.nn.Module, classes: tuple[str, ...], runtime: str) -> Callable[[np.ndarray], torch.Tensor]:
    """What gives the logits, float32 (N, classes), of faces uint8 (N, 48, 48)."""
    if runtime == "torch":
        return lambda crops: predict(net, crops)
    scratch = tempfile.TemporaryDirectory(prefix="fer_nb-")  # kept as long as the function is
    file = onnx_file(net, classes, runtime, Path(scratch.name))

    def logits(crops: np.ndarray, _=scratch) -> torch.Tensor:
        return predict(file, crops)

    return logits


def onnx_file(net: torch.nn.Module, classes: tuple[str, ...], runtime: str, scratch: Path) -> Path:
    """A net as an ONNX file in float32 ("onnx") or int8 ("int8").

    It is made once and kept under runs/cache/onnx/, named by the weights and by what made it; where that cannot be
    written, it is made in ``scratch``.
    """
    folder = paths.RUNS / "cache" / "onnx"
    key = hashlib.sha256(save({name: value.contiguous() for name, value in net.state_dict().items()}))
    makers = {file for module in ("nets/export.py", "recognise/example.py") for file in modules(f"fer_nb/{module}")}
    made_by = [sha256(paths.ROOT / file) for file in sorted(makers)] + [torch.__version__, onnxruntime.__version__]
    key.update(" ".join([*made_by, *classes]).encode())
    kept = folder / f"{key.hexdigest()[:16]}-{runtime}.onnx"
    if is_net(kept):
        return kept
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = scratch
    file = folder / kept.name
    if runtime == "onnx":
        return export(net, file)
    return quantize(onnx_file(net, classes, "onnx", scratch), file, drawn_faces(classes, RANGES))


def is_net(file: Path) -> bool:
    """Whether ONNX Runtime reads a net from the file; one that is damaged is named on stderr."""
    if not file.exists():
        return False
    try:
        onnx_net(file)
    except ValueError as error:
        print(f"{error}; it is made anew", file=sys.stderr)
        return False
    return True


def read_shots(shots: Iterable[Shot], detector: Detector, reader: Reader) -> Iterator[Reading]:
    """What is read in each shot, in order; the faces of ``SHOTS`` shots go through the net together."""
    found = _found(shots, detector)
    while group := list(islice(found, SHOTS)):
        crops = np.concatenate([crops for *_, crops in group])
        places = np.cumsum([len(crops) for *_, crops in group])[:-1]
        split = np.split(reader.read(crops), places)
        for (shot, size, faces, of_shot), probabilities in zip(group, split, strict=True):
            yield Reading(shot, size, faces, of_shot, probabilities)


def _found(shots: Iterable[Shot], detector: Detector) -> Iterator[tuple[Shot, tuple[int, int], list[Face], np.ndarray]]:
    """A shot made small, its size, its faces and their crops."""
    for shot in shots:
        if shot.error:
            yield shot, (0, 0), [], np.empty((0, SIDE, SIDE), np.uint8)
            continue
        faces = find(shot.pixels, detector)
        crops = [crop(shot.pixels, face) for face in faces]
        height, width = shot.pixels.shape[:2]
        small = Shot(shot.file, preview(shot.pixels), shot.frame, shot.time)
        yield small, (width, height), faces, np.array(crops, np.uint8).reshape(-1, SIDE, SIDE)
