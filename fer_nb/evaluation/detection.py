"""How well faces are found and cut out: shares found, errors of the points, and what is left of a net's accuracy."""

import time

import cv2
import numpy as np
import pandas as pd
import skimage.data
from tqdm import tqdm

from fer_nb.data.detection import SIDE, Detector, Face, crop, find
from fer_nb.data.faces import POINTS
from fer_nb.data.faceset import FaceSet
from fer_nb.intervals import change_interval, in_words, wilson
from fer_nb.training.predict import predict

CANVAS = 320  # side in pixels of the backgrounds that faces are put on
TIMES = 3  # how many times a face of 48x48 is enlarged there

# What is done to a face before it is put on a background, one change at a time: degrees that it is turned, times that
# it is enlarged, pixels that it is moved to the right and down from the middle.
CHANGES = {"turned": (0, 10, 20, 30), "enlarged": (1.5, 2, 4, 5), "moved": (20, 40, 80)}


def sample(faces: FaceSet, pictures: int, seed: int = 0) -> FaceSet:
    """So many pictures at random, or all where there are no more."""
    return faces.subset(np.random.default_rng(seed).permutation(len(faces))[:pictures])


def found_table(sets: dict[str, np.ndarray], detectors: dict[str, Detector]) -> pd.DataFrame:
    """How many of the pictures each detector finds a face in.

    Args:
        sets: uint8 (N, H, W) by the name of the set; each picture shows one face.
        detectors: by name.

    Returns:
        DataFrame: data, detector, pictures, found (percent; low and high: 95% Wilson interval), ms (median time of a
        picture in milliseconds).
    """
    rows = []
    for data, images in sets.items():
        for name, detector in detectors.items():
            found, seconds = [], []
            for image in tqdm(images, f"{name} on {data}", mininterval=1):
                start = time.perf_counter()
                found.append(bool(find(image, detector)))
                seconds.append(time.perf_counter() - start)
            share = 100 * float(np.mean(found))
            low, high = wilson(share, len(images))
            row = {"data": data, "detector": name, "pictures": len(images), "found": share, "low": low, "high": high}
            rows.append(row | {"ms": 1000 * float(np.median(seconds))})
    return pd.DataFrame(rows)


def landmark_errors(images: np.ndarray, points: np.ndarray, detectors: dict[str, Detector]) -> pd.DataFrame:
    """How far the points that detectors find are from the known ones, on the pictures where both are there.

    Args:
        images: uint8 (N, H, W); points: float (N, 5, 2), in pixels, in the order of ``faces.POINTS``, NaN where not
            known (``faces.drawn``).
        detectors: by name; those that give no landmarks have no rows.

    Returns:
        DataFrame: detector, point, pictures, pixels (median distance), nme (mean distance in percent of the distance
        between the known eyes). A row per point and one for "all".
    """
    known = np.isfinite(points).all((1, 2))
    rows = []
    for name, detector in detectors.items():
        surest = [find(image, detector)[:1] for image in tqdm(images[known], name, mininterval=1)]
        pairs = [
            (face[0].landmarks, truth)
            for face, truth in zip(surest, points[known], strict=True)
            if face and face[0].landmarks is not None
        ]
        if not pairs:
            continue
        given, truth = np.stack(pairs, axis=1)
        distance = np.linalg.norm(given - truth, axis=2)  # (pictures, 5)
        share = 100 * distance / np.linalg.norm(truth[:, 0] - truth[:, 1], axis=1, keepdims=True)
        columns = dict(zip(POINTS, range(len(POINTS)), strict=True)) | {"all": slice(None)}
        for point, column in columns.items():
            row = {"detector": name, "point": point, "pictures": len(given)}
            pixels, nme = float(np.median(distance[:, column])), float(share[:, column].mean())
            rows.append(row | {"pixels": pixels, "nme": nme})
    return pd.DataFrame(rows, columns=["detector", "point", "pictures", "pixels", "nme"])


def placed(image: np.ndarray, background: np.ndarray, turned=0.0, enlarged=float(TIMES), moved=0.0) -> np.ndarray:
    """A picture on a background, its middle on the background's: uint8, the background's size.

    Args:
        image: uint8 (48, 48); background: uint8 (H, W).
        turned: degrees, anticlockwise; enlarged: times; moved: pixels to the right and down.
    """
    middle = (np.array(background.shape[::-1]) - 1) / 2 + moved
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2,) * 2, turned, enlarged)
    matrix[:, 2] += middle - (SIDE - 1) / 2
    size = background.shape[::-1]
    large = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.full_like(image, 255), matrix, size, flags=cv2.INTER_NEAREST)
    return np.where(inside > 0, large, background)


def on_backgrounds(images: np.ndarray, **change: float) -> np.ndarray:
    """Pictures uint8 (N, 48, 48) on textures in turn (brick, grass, gravel): uint8 (N, 320, 320); see ``placed``."""
    textures = [getattr(skimage.data, name)()[:CANVAS, :CANVAS] for name in ("brick", "grass", "gravel")]
    return np.stack([placed(image, textures[i % len(textures)], **change) for i, image in enumerate(images)])


def accuracy_curve(
    net, faces: FaceSet, detectors: dict[str, Detector], changes: dict = CHANGES, crops: int = 1
) -> pd.DataFrame:
    """What a net reads from faces that were put on a background, found there and cut out again.

    The backgrounds are textures, so a crop that reaches over a face's edge shows bricks or grass where a photograph
    goes on with hair and neck: a harder test than photographs.

    Args:
        net: as for ``predict.predict``; its classes are those of ``faces``.
        changes: by kind (arguments of ``placed``) the amounts to try.
        crops: of each face, 1 or 10 (``predict.predict``).

    Returns:
        DataFrame: change, amount, detector, aligned, pictures, found (percent), accuracy (percent right, a face that
        is not found counts as wrong), original (percent, of the pictures as they were), difference (points) with its
        95% interval low and high (``intervals.change_interval``), difference_found: of the pictures found alone.
        Detectors without landmarks have no rows with ``aligned``.
    """

    def right(images: np.ndarray) -> np.ndarray:
        return predict(net, images, crops).argmax(1).numpy() == faces.labels

    before = right(faces.images)
    rows = []
    for change, amount in [(change, amount) for change, amounts in changes.items() for amount in amounts]:
        pictures = on_backgrounds(faces.images, **{change: amount})
        for name, detector in detectors.items():
            progress = tqdm(pictures, f"{name}, {change} {amount}", mininterval=1)
            surest = [next(iter(find(picture, detector)), None) for picture in progress]
            found = np.array([face is not None for face in surest])
            gives_points = any(face is not None and face.landmarks is not None for face in surest)
            for align in (False, True) if gives_points else (False,):
                after = right(_cut(pictures, surest, align)) & found
                changes_of = 100.0 * (after.astype(int) - before)
                difference, low, high, _ = change_interval(changes_of)
                row = {"change": change, "amount": amount, "detector": name, "aligned": align, "pictures": len(faces)}
                row |= {"found": 100 * found.mean(), "accuracy": 100 * after.mean(), "original": 100 * before.mean()}
                row |= {"difference": difference, "low": low, "high": high}
                rows.append(row | {"difference_found": changes_of[found].mean() if found.any() else np.nan})
    return pd.DataFrame(rows)


def words(table: pd.DataFrame) -> str:
    """The accuracy of each way to find and cut faces beside that of the original crops, with its interval.

    ``table``: of ``accuracy_curve`` for one change of one amount.
    """
    first = table.iloc[0]
    ways = [
        f"{row.detector}{', aligned,' * row.aligned} {row.accuracy:.1f}%"
        f" ({in_words(row.difference, row.low, row.high, signed=True)} points; it finds {row.found:.1f}% of the faces)"
        for row in table.itertuples()
    ]
    return (
        f"Of {first['pictures']:,} test pictures the net reads {first['original']:.1f}% right as they are. Found and"
        f" cut out again: {'; '.join(ways)}."
    )


def _cut(pictures: np.ndarray, faces: list[Face | None], align: bool) -> np.ndarray:
    """The crop of each picture's face, uint8 (N, 48, 48), black where there is none."""
    black = np.zeros((SIDE, SIDE), np.uint8)
    pairs = zip(pictures, faces, strict=True)
    return np.stack([black if face is None else crop(picture, face, align) for picture, face in pairs])
