"""Where the parts of a face are: five points of each picture, found by YuNet or, for drawn faces, known.

YuNet: W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 2023,
through OpenCV. It is made for larger pictures, so pictures of 48x48 are enlarged first.
"""

from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fer_nb import paths
from fer_nb.data import cache
from fer_nb.data.faceset import FaceSet
from fer_nb.data.places import root

# The points of a face, left and right as the viewer sees them.
POINTS = ("eye_left", "eye_right", "nose_tip", "mouth_left", "mouth_right")

# The detectors whose file the data folder holds, in a folder of this name: the detector and its file.
FILES = {"yunet": ("YuNet", "face_detection_yunet_2026may.onnx"), "centerface": ("CenterFace", "centerface.onnx")}

ENLARGE = 4  # of 400 pictures of FER2013's test split YuNet finds 97% at 2 times, 99.5% at 4 and 5, 98% at 7 times
THRESHOLD = 0.6  # least score of a detection


def installed(detector: str = "yunet") -> list[Path]:
    """A detector's file in the data folder, the last by name of ``yunet/*.onnx``; an empty list where there is none."""
    return sorted((paths.DATA / detector).glob("*.onnx"))[-1:]


def detector_file(path: Path | str | None = None, detector: str = "yunet") -> Path:
    """The ONNX file of a detector of ``FILES``: ``path``, or the one that is installed.

    Raises FileNotFoundError where it is missing.
    """
    found = [Path(path)] if path is not None else installed(detector)
    if not found or not found[-1].is_file():
        place = found[-1] if found else paths.DATA / detector
        name, file = FILES[detector]
        raise FileNotFoundError(
            f"{place}: no {name} model here; put {file} there (docs/data.md), or give the path of the file"
        )
    return found[-1]


def yunet(path: Path | str | None = None) -> cv2.FaceDetectorYN:
    """YuNet from its ONNX file (see ``detector_file``); ``setInputSize`` before use.

    Raises FileNotFoundError where the file is missing, ValueError where OpenCV reads no such detector from it.
    """
    file = detector_file(path)
    try:
        detector = cv2.FaceDetectorYN.create(str(file), "", (64, 64), THRESHOLD)
        detector.detect(np.zeros((64, 64, 3), np.uint8))  # another network fails only here
    except cv2.error as error:
        raise ValueError(f"{file}: OpenCV reads no face detector from it; take the one in docs/data.md") from error
    return detector


def points_of(row: np.ndarray) -> np.ndarray:
    """The points float32 (5, 2) of one of YuNet's rows, in the order of ``POINTS``.

    A row: the box (4), the points (10; the person's right side first, which the viewer sees left), the score.
    """
    return row[4:14].reshape(-1, 2)


def detect(images: np.ndarray, model: Path | str | None = None, progress: bool = True) -> np.ndarray:
    """The five points of the surest face in each picture.

    Args:
        images: uint8 (N, H, W), grey.
        model: YuNet's ONNX file (see ``detector_file``).

    Returns:
        float32 (N, 5, 2): x, y in pixels, the middle of a pixel a whole number, in the order of ``POINTS``; NaN where
        no face was found.

    Raises:
        FileNotFoundError: the model is missing. ValueError: it is no detector that OpenCV can read, or the pictures
        are not uint8 (N, H, W).
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"images are {images.dtype} {images.shape}: give grey pictures, uint8 (N, height, width)")
    detector = yunet(model)
    height, width = (ENLARGE * side for side in images.shape[1:])
    detector.setInputSize((width, height))
    points = np.full((len(images), len(POINTS), 2), np.nan, np.float32)
    for image, found in zip(tqdm(images, "detecting faces", mininterval=1, disable=not progress), points, strict=True):
        large = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
        _, faces = detector.detect(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
        if faces is not None:
            found[:] = points_of(faces[faces[:, 14].argmax()])
    return (points + 0.5) / ENLARGE - 0.5


def drawn(faces: FaceSet, name: str, data: str = "synthetic") -> dict[str, np.ndarray] | None:
    """What is known of drawn faces: the arrays of landmarks/*.npz (synthetic.py) for the rows of ``faces``.

    Args:
        name, data: as given to ``datasets.load``.

    Returns:
        dict: points float32 (N, 5, 2) in the order of ``POINTS``, NaN for a non-face; regions uint8 (N, 48, 48),
        positions in drawing.canvas.REGIONS; expressions str (N,), "" for a non-face. None for pictures without such
        a file, which are photographs.

    Raises:
        FileNotFoundError: drawn faces whose file is gone. ValueError: it is of fewer rows than ``faces``.
    """
    folder = root(data) / "landmarks"
    file = folder / ("ckplus.npz" if name.startswith("ckplus") else "fer2013.npz")
    if data == "real" and not folder.is_dir():
        return None
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no landmarks of the drawn faces; remove {folder.parent} to draw them again")
    try:
        with np.load(file) as arrays:
            known = {key: arrays[key] for key in ("landmarks", "names", "regions", "expressions")}
        points = five_points(known["landmarks"], known["names"].tolist())
    except cache.DAMAGED as error:
        raise ValueError(f"{file}: damaged ({error}): remove {folder.parent} to draw the faces again") from error
    if len(faces) and faces.rows.max() >= len(points):
        rows = len(points)
        raise ValueError(f"{file}: {rows} rows, but row {faces.rows.max()} is wanted: these are other faces")
    return {"points": points[faces.rows]} | {key: known[key][faces.rows] for key in ("regions", "expressions")}


def five_points(landmarks: np.ndarray, names: list[str]) -> np.ndarray:
    """The points that YuNet gives, out of the drawn faces' landmarks: (N, 25, 2) to float32 (N, 5, 2).

    An eye's point is the middle of its corners.
    """
    of = {name: landmarks[:, position] for position, name in enumerate(names)}
    eyes = [(of[f"eye_inner_{side}"] + of[f"eye_outer_{side}"]) / 2 for side in ("left", "right")]
    return np.stack([*eyes, of["nose_tip"], of["mouth_left"], of["mouth_right"]], axis=1).astype(np.float32)
