"""Faces in a picture of any size: where they are, and each cut out as FER2013 shows a face.

    found = detector("haar")                # built once
    for face in find(picture, found):       # surest first
        crop(picture, face)                 # uint8 (48, 48), what the nets take

Haar: P. Viola, M. Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", CVPR 2001; its file comes
with OpenCV. YuNet: see faces.py. CenterFace: Y. Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as
Point", Scientific Programming 2020.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from skimage.transform import SimilarityTransform

from fer_nb import paths
from fer_nb.data import faces
from fer_nb.names import suggestion

SIDE = 48  # of a crop, pixels

# A picture is brought to a longer side between these before a detector sees it, in pixels. Below the first, faces are
# too small for the detectors (see faces.ENLARGE). Above the second, time is spent on faces that are not seen better: in
# a picture of 1280x720, a face that fills a crop of 48x48 is still 24 pixels wide.
SMALLEST, LARGEST = 192, 640

NARROWEST = 64  # pixels that a side has at least: at 32 and below, OpenCV's YuNet gives faces that it made up

# Where FER2013 has the five points of a face (faces.POINTS), x and y in pixels of its 48x48 pictures.
TEMPLATE = np.array([(15, 17), (32, 17), (23.5, 28), (17.5, 38), (29.5, 38)], np.float32)

THRESHOLD = 0.35  # least score of CenterFace, as in its authors' demo
OVERLAP = 0.3  # of two boxes of CenterFace with a larger intersection over union, the less sure one goes


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    box: x, y, width and height in pixels, x and y those of its upper left corner (0, 0 is the picture's). landmarks:
    float32 (5, 2), x and y in pixels in the order of ``faces.POINTS``, the middle of a pixel a whole number; None where
    the detector gives none. score: how sure the detector is, in its own measure.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray | None
    score: float


Detector = Callable[[np.ndarray], list[Face]]  # takes uint8 (H, W, 3), RGB


def detector(name: str, path: Path | str | None = None) -> Detector:
    """One of ``DETECTORS``, to be built once and given to ``find``.

    Args:
        path: the detector's file. Without it "haar" takes OpenCV's, the others the last by name of the data folder's
            ``yunet/*.onnx`` or ``centerface/*.onnx``.

    Raises:
        FileNotFoundError: the file is missing. ValueError: it holds no such detector, or the name is unknown.
    """
    if name not in DETECTORS:
        raise ValueError(f"unknown detector {name!r}: {suggestion(name.lower(), DETECTORS)}")
    return _BUILDERS[name](path)


def find(picture: np.ndarray, detector: Detector) -> list[Face]:
    """The faces in a picture, surest first.

    Args:
        picture: uint8 (H, W), grey, or (H, W, 3), RGB.
        detector: of ``detector``.

    Raises:
        ValueError: the picture is none of these.
    """
    _check(picture)
    height, width = picture.shape[:2]
    scale = np.clip(max(height, width), SMALLEST, LARGEST) / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    added = [max(NARROWEST - side, 0) for side in size]
    resized = cv2.copyMakeBorder(resized, 0, added[1], 0, added[0], cv2.BORDER_REPLICATE)
    found = detector(cv2.cvtColor(resized, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else resized)
    factors = np.array([width, height]) / size
    return sorted((_scaled(face, factors) for face in found), key=lambda face: face.score, reverse=True)


def crop(picture: np.ndarray, face: Face, align: bool = True) -> np.ndarray:
    """A face as FER2013 shows it: uint8 (48, 48), grey. What lies outside the picture continues its edge.

    Args:
        picture: as given to ``find``.
        align: turn and scale the face so that its landmarks lie as near as can be to ``TEMPLATE``; without, or where
            it has none, its box decides.
    """
    _check(picture)
    grey = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    if align and face.landmarks is not None:
        to_crop = SimilarityTransform.from_estimate(face.landmarks, TEMPLATE).params
    else:
        to_crop = _frame(face)
    # Warped at a whole multiple of the crop's size that loses no pixel of the picture, then averaged: an area-correct
    # reduction, where a bilinear warp alone would skip pixels.
    times = max(1, int(np.ceil(1 / np.sqrt(np.linalg.det(to_crop[:2, :2])) - 1e-6)))
    to_large = np.array([[times, 0, (times - 1) / 2], [0, times, (times - 1) / 2], [0, 0, 1]]) @ to_crop
    side = times * SIDE
    large = cv2.warpAffine(grey, to_large[:2], (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _check(picture: np.ndarray) -> None:
    right = picture.dtype == np.uint8 and (picture.ndim == 2 or picture.ndim == 3 and picture.shape[2] == 3)
    if not right or not picture.size:
        raise ValueError(f"the picture is {picture.dtype} {picture.shape}: give uint8 (height, width) or (.., .., 3)")


def _scaled(face: Face, factors: np.ndarray) -> Face:
    """``face`` in a picture that is ``factors`` times as wide and high, float (2,)."""
    box = (np.reshape(face.box, (2, 2)) * factors).ravel().tolist()
    points = face.landmarks if face.landmarks is None else ((face.landmarks + 0.5) * factors - 0.5).astype(np.float32)
    return replace(face, box=tuple(box), landmarks=points)


def _frame(face: Face) -> np.ndarray:
    """The transform float (3, 3) that takes the square around a face's box to the crop."""
    x, y, width, height = face.box
    side = max(width, height)
    scale = SIDE / side
    left, top = x + (width - side) / 2, y + (height - side) / 2
    # The middle of the upper left pixel is (0, 0), that pixel's corner (-0.5, -0.5).
    return np.array([[scale, 0, (0.5 - left) * scale - 0.5], [0, scale, (0.5 - top) * scale - 0.5], [0, 0, 1]])


def _haar(path: Path | str | None) -> Detector:
    file = Path(path or Path(cv2.data.haarcascades, "haarcascade_frontalface_default.xml"))
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no Haar cascade here; leave the path out to take the one of OpenCV")
    wrong = f"{file}: OpenCV reads no Haar cascade from it; leave the path out to take the one of OpenCV"
    try:
        cascade = cv2.CascadeClassifier(str(file))
    except (cv2.error, SystemError) as error:
        raise ValueError(wrong) from error
    if cascade.empty():
        raise ValueError(wrong)

    def detect(picture: np.ndarray) -> list[Face]:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        boxes, _, scores = cascade.detectMultiScale3(grey, minNeighbors=5, outputRejectLevels=True)
        return [Face(tuple(map(float, box)), None, float(score)) for box, score in zip(boxes, scores, strict=True)]

    return detect


def _yunet(path: Path | str | None) -> Detector:
    net = faces.yunet(path)

    def detect(picture: np.ndarray) -> list[Face]:
        net.setInputSize(picture.shape[1::-1])
        _, rows = net.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        rows = [] if rows is None else rows
        return [Face(tuple(row[:4].tolist()), faces.points_of(row), float(row[14])) for row in rows]

    return detect


_BUILDERS = {"haar": _haar, "yunet": _yunet}
DETECTORS = tuple(_BUILDERS)
