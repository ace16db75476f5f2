"""The test pictures whose maps notebooks 06, 07 and 08 make, and the maps on disk: each is made once."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from fer_nb import paths
from fer_nb.data import cache, datasets
from fer_nb.data.augment import center_crop
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation.measures import sequences
from fer_nb.files import replacing, sha256
from fer_nb.nets import device as devices
from fer_nb.saliency.faithfulness import probabilities
from fer_nb.saliency.maps import Attribution
from fer_nb.study import Run, protocol
from fer_nb.training.weights import trained

SAMPLE, RIGHT, WRONG = "sample", "right", "wrong"


class Subject(NamedTuple):
    """What is explained: a trained net, on the device that is used, and its test split."""

    run: Run
    net: nn.Module
    weights: str  # SHA-256 of the file of its weights
    faces: FaceSet
    device: torch.device


def subject(study: str, data: str, dataset: str, model: str, seed: int) -> Subject:
    """The net of a study's finished run, and the test split.

    Raises FileNotFoundError where the run has not finished, ValueError as ``datasets.load`` does.
    """
    run, device = Run(protocol(study, dataset), dataset, model, seed), devices.select()
    net, _ = trained(run)
    faces = datasets.load(dataset, data).of_split("test")
    return Subject(run, net.to(device), sha256(run.folder / "weights.safetensors"), faces, device)


def predictions(net: nn.Module, faces: FaceSet) -> np.ndarray:
    """The probabilities of each picture's classes, float32 (N, C), by the middle crop."""
    images = torch.as_tensor(faces.images, device=next(net.parameters()).device)
    return probabilities(net, center_crop(images)).cpu().numpy()


@dataclass(frozen=True)
class Sample:
    """M pictures of a test split, some measured and some only shown; a picture may stand in it twice.

    faces: the pictures; places: int (M,), positions in the test split; kind: str (M,), "sample" (drawn at random, the
    expressions in turn: these are measured), "right" and "wrong" (only shown, in figure 4-1); all_probabilities:
    float (N, C), of the whole test split.
    """

    faces: FaceSet
    places: np.ndarray
    kind: np.ndarray
    all_probabilities: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    @property
    def predicted(self) -> np.ndarray:
        """The predicted classes, int64 (M,)."""
        return self.all_probabilities.argmax(axis=1)[self.places]

    @property
    def target(self) -> np.ndarray:
        """The class that the maps explain, int64 (M,): the true one, for "wrong" the predicted one."""
        return np.where(self.kind == WRONG, self.predicted, self.faces.labels)

    @property
    def probability(self) -> np.ndarray:
        """The probability of the target, float (M,)."""
        return self.all_probabilities[self.places, self.target]

    def rows(self, kind: str) -> np.ndarray:
        """Positions of the pictures of one kind."""
        return np.flatnonzero(self.kind == kind)

    def shown_right(self) -> np.ndarray:
        """Positions of one correctly predicted picture per expression that has any, in the order of the classes."""
        right = (self.predicted == self.faces.labels) & (self.kind != WRONG)
        firsts = [np.flatnonzero(right & (self.faces.labels == label)) for label in range(len(self.faces.classes))]
        return np.array([rows[0] for rows in firsts if len(rows)], int)

    def shown_in_words(self, of: tuple[str, ...] = ()) -> str:
        """For which expressions ``shown_right`` has one: "for 5 of 7 expressions (none for Fear, Sad)".

        ``of``: only these expressions; all classes by default.
        """
        of, shown = of or self.faces.classes, self.expressions[self.shown_right()].tolist()
        missing = [name for name in of if name not in shown]
        if not missing:
            return f"for each of {len(of)} expressions"
        return f"for {len(of) - len(missing)} of {len(of)} expressions (none for {', '.join(missing)})"

    def names(self, numbers) -> np.ndarray:
        """Class numbers as names, str."""
        return np.array(self.faces.classes)[numbers]

    @property
    def greys(self) -> np.ndarray:
        """The pictures as the net sees them, float32 (M, 44, 44) in [0, 1]."""
        return center_crop(torch.as_tensor(self.faces.images))[:, 0].numpy()

    @property
    def expressions(self) -> np.ndarray:
        """The labels as names, str (M,)."""
        return self.names(self.faces.labels)

    def inputs(self, device) -> tuple[torch.Tensor, torch.Tensor]:
        """What an attribution takes: middle crops float32 (M, 3, 44, 44) in [0, 1], and the target int64 (M,)."""
        images = torch.as_tensor(self.faces.images, device=device)
        return center_crop(images).contiguous(), torch.as_tensor(self.target, device=device)

    def groups(self, rows: np.ndarray) -> np.ndarray | None:
        """The sequence of each picture, whose frames count as one (CK+), str; None where a picture has none."""
        return sequences(self.faces.subset(rows))


def choose(faces: FaceSet, probabilities: np.ndarray, pictures: int, wrong: int = 7, seed: int = 0) -> Sample:
    """Pictures to measure, at random and the expressions in turn; and, only to be shown, right and wrong predictions.

    Each expression that has a right prediction gets one, from the measured pictures where they hold one.

    Args:
        faces: the test split. probabilities: float (N, C) of each of its pictures.
        pictures: how many to measure, at most. wrong: how many wrong predictions to show, at most: one of each
            expression that has any, then a second one, ...

    Raises:
        ValueError: no pictures are asked for, or the split is empty.
    """
    if pictures < 1 or not len(faces):
        raise ValueError(f"pictures is {pictures}, the test split has {len(faces)}: take at least one")
    probabilities = np.asarray(probabilities)
    right = probabilities.argmax(axis=1) == faces.labels
    measured = in_turn(faces.labels, seed)[:pictures]
    to_show = in_turn(faces.labels, seed, right)
    _, firsts = np.unique(faces.labels[to_show], return_index=True)
    has_one = set(faces.labels[measured[right[measured]]].tolist())
    besides = np.array([i for i in to_show[firsts] if faces.labels[i] not in has_one], int)
    mistaken = in_turn(faces.labels, seed, ~right)[:wrong]
    places = np.concatenate([measured, besides, mistaken])
    kind = np.repeat([SAMPLE, RIGHT, WRONG], [len(measured), len(besides), len(mistaken)])
    return Sample(faces.subset(places), places, kind, probabilities)


def in_turn(labels: np.ndarray, seed: int, among: np.ndarray | None = None) -> np.ndarray:
    """Positions in random order, but the labels in turn: a first one of each, then a second one of each, ...

    ``among``: bool (N,), which positions to take; None for all.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order if among is None else order[among[order]]
    turn = np.empty(len(labels), int)
    for label in set(labels.tolist()):
        mine = order[labels[order] == label]
        turn[mine] = np.arange(len(mine))
    return order[np.lexsort((labels[order], turn[order]))]


def tested_in_words(pictures: int, split: int) -> str:
    """What the first ``pictures`` of ``in_turn`` are of a test split of ``split``: all, or as many of each class."""
    if pictures >= split:
        return f"all {split} test pictures"
    return f"{pictures} of {split} test pictures, the expressions in turn, so the accuracy is not that of the split"


def maps_file(run: Run, method: str) -> Path:
    """Where the maps of ``method`` ("mp", "score-cam") of a run's net are kept."""
    return paths.RUNS / run.study / "saliency" / f"{run.name}-{method}.npz"


def save_maps(path: Path, weights: str, sample: Sample, settings: dict, **arrays) -> None:
    """Keep maps and what belongs to them: ``arrays`` (M, ...), the settings of the method, the sample.

    ``weights``: of ``Subject``.
    """
    kept = {name: np.asarray(torch.as_tensor(value).cpu()) for name, value in arrays.items()}
    known: dict[str, Any] = {"places": sample.places, "kind": sample.kind, "rows": sample.faces.rows}
    known |= {"probabilities": sample.all_probabilities, "weights": weights}
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **known, settings=json.dumps(settings), **kept)


def load_maps(path: Path, weights: str, faces: FaceSet) -> tuple[Sample, dict, dict[str, torch.Tensor]]:
    """What ``save_maps`` kept: the sample, the settings, the other arrays as tensors on the CPU.

    ``weights``: of ``Subject``. ``faces``: the test split that ``choose`` took.

    Raises FileNotFoundError where there is no such file, ValueError where it is of another net or other pictures.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no maps are kept: run 06_mp_analysis first, then 07_score_cam_analysis")
    remedy = "run 06_mp_analysis and 07_score_cam_analysis again"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kept = dict(arrays)
        places, rows, probabilities, kind = (kept.pop(name) for name in ("places", "rows", "probabilities", "kind"))
        settings, explained = json.loads(kept.pop("settings").item()), kept.pop("weights").item()
        same = len(probabilities) == len(faces) and np.array_equal(faces.rows[places], rows)
    except (*cache.DAMAGED, IndexError, TypeError) as error:
        raise ValueError(f"{path}: damaged ({error}): {remedy}") from error
    if explained != weights:
        raise ValueError(f"{path}: the maps are of another net: {remedy}")
    if not same:
        raise ValueError(f"{path}: the maps are of other pictures: {remedy}")
    short = [name for name, values in (("kind", kind), *kept.items()) if values.shape[:1] != places.shape]
    broken = [name for name, values in kept.items() if values.dtype.kind == "f" and not np.isfinite(values).all()]
    if short or broken:
        what = f"{short[0]} is not of {len(places)} pictures" if short else f"{broken[0]} is not finite"
        raise ValueError(f"{path}: damaged, {what}: {remedy}")
    sample = Sample(faces.subset(places), places, kind, probabilities)
    return sample, settings, {name: torch.from_numpy(value) for name, value in kept.items()}


class Remembered:
    """An attribution that makes the map of each picture and target only once.

    ``known``: inputs (M, 3, 44, 44), target (M,) and maps (M, 1, 44, 44) that are made already.
    """

    def __init__(self, attribution: Attribution, known: tuple | None = None):
        self.attribution, self.maps = attribution, {}
        if known is not None:
            self._keep(*known)

    def __call__(self, inputs, target):
        """The maps (N, 1, 44, 44) on the CPU."""
        missing = [i for i, key in enumerate(self._keys(inputs, target)) if key not in self.maps]
        if missing:
            self._keep(inputs[missing], target[missing], self.attribution(inputs[missing], target[missing]))
        return torch.stack([self.maps[key] for key in self._keys(inputs, target)])

    def _keep(self, inputs, target, maps):
        self.maps |= dict(zip(self._keys(inputs, target), maps.cpu(), strict=True))

    def _keys(self, inputs, target):
        pictures = inputs.float().cpu().numpy()
        return [(one.tobytes(), number) for one, number in zip(pictures, target.tolist(), strict=True)]
