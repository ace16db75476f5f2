"""Faces in a picture of any size: where they are, and each cut out as FER2013 shows a face.

    haar = detector("haar")             # built once
    for face in find(picture, haar):    # surest first
        crop(picture, face)             # uint8 (48, 48), what the nets take

Haar: P. Viola, M. Jones, "Rapid Object Detection using a Boosted Cascade of Simple Features", CVPR 2001; its file comes
with OpenCV. YuNet: see faces.py. CenterFace: Y. Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face
as Point", Scientific Programming 2020.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import cv2.data
import numpy as np
from skimage.transform import SimilarityTransform

from fer_nb.data import faces
from fer_nb.data.readers.picture_file import SIDE
from fer_nb.names import suggestion

# A picture is brought to a longer side between these before a detector sees it, in pixels. Below the first, faces are
# too small for the detectors (see faces.ENLARGE). Above the second, time is spent on faces that are not seen better: in
# a picture of 1280x720, a face that fills a crop of 48x48 is still 24 pixels wide. Where nothing is found, the picture
# is looked at again at the second, for small faces (of 22 of FERm's training pictures that YuNet misses in a picture of
# 320 pixels, it finds 15), and at the first, for a face that fills a large picture (of 50 enlarged to 640 pixels, YuNet
# finds 70%, and all at 192).
SMALLEST, LARGEST = 192, 640

# A detector's picture is then continued to the right and below to sides that are multiples of the networks' largest
# step, and at least two of these: with a side of one step, OpenCV's YuNet gives faces that are not there.
STEP = 32

# Where FER2013 has the five points of a face (faces.POINTS), x and y in pixels of its 48x48 pictures: the median of
# what YuNet finds in 600 of FERm's training pictures.
TEMPLATE = np.array([(14.0, 17.9), (32.4, 17.9), (23.0, 28.0), (16.3, 35.8), (30.7, 35.8)], np.float32)

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


def installed() -> list[str]:
    """The detectors that can be built without a path: "haar", and those whose file is in the data folder."""
    return [name for name in DETECTORS if name == "haar" or faces.installed(name)]


def find(picture: np.ndarray, detector: Detector) -> list[Face]:
    """The faces in a picture, surest first.

    Args:
        picture: uint8 (H, W), grey, or (H, W, 3), RGB.
        detector: of ``detector``.

    Raises:
        ValueError: the picture is none of these.
    """
    _check(picture)
    first = int(np.clip(max(picture.shape), SMALLEST, LARGEST))
    for longer in dict.fromkeys((first, LARGEST, SMALLEST)):
        if found := _find_at(picture, detector, longer):
            break
    return sorted(found, key=lambda face: face.score, reverse=True)


def _find_at(picture: np.ndarray, detector: Detector, longer: int) -> list[Face]:
    """The faces found when the picture's longer side is brought to ``longer`` pixels, in the picture's own pixels."""
    height, width = picture.shape[:2]
    scale = longer / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    right, below = (max(-side % STEP, 2 * STEP - side) for side in size)
    resized = cv2.copyMakeBorder(resized, 0, below, 0, right, cv2.BORDER_REPLICATE)
    found = detector(cv2.cvtColor(resized, cv2.COLOR_GRAY2RGB) if picture.ndim == 2 else resized)
    factors = np.array([width, height]) / size
    return [_scaled(face, factors) for face in found]


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
    right = picture.dtype == np.uint8 and (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3))
    if not right or not picture.size:
        raise ValueError(
            f"the picture is {picture.dtype} {picture.shape}: give uint8 (height, width) or (height, width, 3)"
        )


def _scaled(face: Face, factors: np.ndarray) -> Face:
    """``face`` in a picture that is ``factors`` times as wide and high, float (2,)."""
    points = face.landmarks if face.landmarks is None else ((face.landmarks + 0.5) * factors - 0.5).astype(np.float32)
    return _face(face.box * np.tile(factors, 2), points, face.score)


def _frame(face: Face) -> np.ndarray:
    """The transform float (3, 3) that takes the square of the box's longer side around its middle to the crop.

    It is FER2013's frame: put on a background, FERm's training pictures are 1.04 (Haar), 0.99 (YuNet) and 1.07
    (CenterFace) times as high as the box, and their middle lies within 2% of its height (medians of 300 to 600).
    """
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
        # A face that fills the picture has no room for the squares that the cascade tries: of 150 of FERm's training
        # pictures it finds 57% rightly as they are and 73% with their edges continued by this much.
        grey = cv2.copyMakeBorder(grey, STEP, STEP, STEP, STEP, cv2.BORDER_REPLICATE)
        # With OpenCV's own 3 neighbours it finds no more faces rightly (72% of 150 of FERm's training pictures on
        # textures) and 0.35 false ones a picture instead of 0.05.
        boxes, _, scores = cascade.detectMultiScale3(grey, minNeighbors=5, outputRejectLevels=True)
        moved = (STEP, STEP, 0, 0)
        return [_face(np.subtract(box, moved), None, score) for box, score in zip(boxes, scores, strict=True)]

    return detect


def _yunet(path: Path | str | None) -> Detector:
    net = faces.yunet(path)

    def detect(picture: np.ndarray) -> list[Face]:
        net.setInputSize(picture.shape[1::-1])
        _, rows = net.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        return [_face(row[:4], faces.points_of(row), row[14]) for row in ([] if rows is None else rows)]

    return detect


def _centerface(path: Path | str | None) -> Detector:
    file = faces.detector_file(path, "centerface")
    try:
        net = cv2.dnn.readNetFromONNX(str(file))
    except cv2.error as error:
        raise ValueError(f"{file}: OpenCV reads no network from it; take the one in docs/data.md") from error
    net.enableFusion(False)  # fused, OpenCV's net gives other results after each change of the picture's size
    if missing := set(_CENTERFACE_OUTPUTS) - set(net.getUnconnectedOutLayersNames()):
        raise ValueError(
            f"{file}: not CenterFace, it gives no {', '.join(sorted(missing))}; take the one in docs/data.md"
        )

    def detect(picture: np.ndarray) -> list[Face]:
        # The file says 10x3x32x32, which OpenCV does not mind.
        net.setInput(cv2.dnn.blobFromImage(picture))
        heat, sizes, offsets, points = (output[0] for output in net.forward(_CENTERFACE_OUTPUTS))
        row, column = np.nonzero(heat[0] > THRESHOLD)
        size = 4 * np.exp(sizes[::-1, row, column])  # (2, faces): width, height; a cell is 4 pixels wide
        corner = 4 * (np.stack([column, row]) + offsets[::-1, row, column] + 0.5) - size / 2
        points = points[:, row, column].reshape(5, 2, -1)[:, ::-1] * size + corner  # (5, 2, faces)
        boxes, scores = np.concatenate([corner, size]).T, heat[0, row, column]
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), THRESHOLD, OVERLAP)
        return [_face(boxes[k], points[:, :, k], scores[k]) for k in kept]

    return detect


_CENTERFACE_OUTPUTS = ("537", "538", "539", "540")  # heat (1), size (2), offset (2), points (10), y before x


def _face(box: np.ndarray, landmarks: np.ndarray | None, score: float) -> Face:
    x, y, width, height = map(float, box)
    return Face((x, y, width, height), landmarks, float(score))


_BUILDERS = {"haar": _haar, "yunet": _yunet, "centerface": _centerface}
DETECTORS = tuple(_BUILDERS)
