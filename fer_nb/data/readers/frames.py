"""Pictures and frames of any size: read, the face cut out, made 48x48, and put together to a FaceSet or ClipSet."""

import re
import warnings
from pathlib import Path

import cv2
import numpy as np

from fer_nb.data import faces
from fer_nb.data.clips import ClipSet
from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers.picture_file import SIDE, grey, pictures_in

# Folders' names, and their classes.
FOLDERS = {"anger": "Angry", "disgust": "Disgust", "fear": "Fear", "happiness": "Happy", "sadness": "Sad"}
FOLDERS |= {"surprise": "Surprise", "neutral": "Neutral"}

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")

# The square of a face, in distances from the eyes to the mouth: the median of CK+48's pictures, measured with YuNet.
FACE_SIDE = 2.65
FACE_UP = 0.21  # how far the middle of the square lies above the middle between eyes and mouth
DETECT_SIDE = 160  # longest side of the picture in which the face is looked for: YuNet misses very large faces


def cut(frames: list[np.ndarray], where: str, cropped: bool) -> np.ndarray:
    """The face of every frame, uint8 (T, 48, 48).

    Args:
        frames: uint8 (H, W) each, of one size.
        where: what an error says of the clip or picture.
        cropped: the frames are faces already and are taken whole; otherwise the face is found in the first frame, and
            the same square is cut out of all, so that cutting adds no motion.

    Raises:
        ValueError: frames of different sizes, or no face found.
    """
    sizes = sorted({frame.shape for frame in frames})
    if len(sizes) > 1:
        raise ValueError(f"{where}: frames of different sizes, {sizes[0]} and {sizes[1]}; cut them out the same way")
    if not cropped:
        top, left, side = _square(frames[0], where)
        frames = [frame[top : top + side, left : left + side] for frame in frames]
    return np.stack([cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in frames])


def read_faces(files: list[Path], where: str, cropped: bool) -> np.ndarray:
    """The face in every picture file, uint8 (T, 48, 48); as ``cut``."""
    return cut([grey(file) for file in files], where, cropped)


def _square(frame: np.ndarray, where: str) -> tuple[int, int, int]:
    """Top, left and side in pixels of the square round the face, inside the frame."""
    scale = min(1.0, DETECT_SIDE / max(frame.shape))
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points = faces.detect(small[None], progress=False)[0] / scale
    if np.isnan(points).any():
        raise ValueError(f"{where}: no face found in the first frame; give the owners' cropped frames or crop them")
    eyes, mouth = points[:2].mean(0), points[3:].mean(0)
    unit = np.linalg.norm(mouth - eyes)
    side = round(min(FACE_SIDE * unit, *frame.shape))
    middle = (eyes + mouth) / 2 - (0, FACE_UP * unit)
    left, top = (
        round(np.clip(centre - side / 2, 0, length - side))
        for centre, length in zip(middle, frame.shape[::-1], strict=True)
    )
    return top, left, side


def pictures(folder: Path) -> list[Path]:
    """The picture files of a folder, sorted by name."""
    return pictures_in(folder, PICTURES)


def text_lines(path: Path) -> list[str]:
    """The lines of a text in UTF-8, with a byte-order mark or without; ValueError where it is none."""
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8; copy it again from the published data") from error


def frame_files(place: Path, where: str) -> dict[int, Path]:
    """The pictures of a clip's folder by frame number (the last digits of the name), sorted by it."""
    if not place.is_dir():
        raise FileNotFoundError(f"{where}: no folder {place}; copy it from the owners' archive or remove the row")
    numbered = {}
    for file in pictures(place):
        digits = re.findall(r"\d+", file.stem)
        if not digits or int(digits[-1]) in numbered:
            raise ValueError(f"{where}: {file} has no frame number of its own; copy the folder again")
        numbered[int(digits[-1])] = file
    return dict(sorted(numbered.items()))


def part(
    files: dict[int, Path], onset: int, apex: float, offset: int, where: str, place: Path
) -> tuple[dict[int, Path], int]:
    """The files of a clip's folder from onset to offset, and the apex's position among them, -1 where it is not there.

    ``apex``: NaN or 0 where the coders found none. Warns where frames in between, or a coded apex, are missing.
    """
    span = {number: file for number, file in files.items() if onset <= number <= offset}
    if (lost := offset - onset + 1 - len(span)) > 0:
        text = f"{where}: {lost} of frames {onset} to {offset} are not in {place}"
        warnings.warn(f"{text}: copy them again", stacklevel=3)
    if apex > 0 and apex not in span:
        text = f"{where}: the apex, frame {apex:g}, is not among frames {onset} to {offset} in {place}"
        warnings.warn(f"{text}: the middle frame stands for it", stacklevel=3)
    return span, list(span).index(int(apex)) if apex in span else -1


def clip(files: dict[int, Path], where: str, cropped: bool) -> np.ndarray:
    """The frames of a clip, uint8 (T, 48, 48), the face cut out (see ``cut``); ValueError for fewer than two."""
    if len(files) < 2:
        raise ValueError(f"{where}: {len(files)} frame(s), a clip needs two or more; copy the folder again")
    return read_faces(list(files.values()), where, cropped)


def face_set(found: list[tuple], classes: tuple[str, ...], where: Path) -> FaceSet:
    """A FaceSet of one (image, class name, split, subject, sequence) a picture; ValueError where there is none."""
    if not found:
        raise ValueError(f"{where}: no picture of {', '.join(classes)} in it; unpack it again")
    images, names, split, groups, sequences = zip(*found, strict=True)
    labels = np.array([classes.index(name) for name in names], np.int64)
    rows = np.arange(len(labels), dtype=np.int64)
    return FaceSet(np.stack(images), labels, classes, np.array(split), np.array(groups), np.array(sequences), rows)


def clip_set(clips: list[tuple], classes: tuple[str, ...], where: str, sources: list[str] | None = None) -> ClipSet:
    """A ClipSet of one (frames, apex, label, subject, name) a clip; ValueError where there is none."""
    if not clips:
        raise ValueError(f"{where}: no clip of {', '.join(classes)}; give the set as its owners hand it out")
    frames, apexes, labels, subjects, names = zip(*clips, strict=True)
    apexes, labels = (np.array(values, np.int64) for values in (apexes, labels))
    subjects, names, origins = (np.array(values) for values in (subjects, names, sources or [""] * len(names)))
    return ClipSet(frames, apexes, labels, classes, subjects, names, origins)
