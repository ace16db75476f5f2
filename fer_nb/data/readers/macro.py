"""Sets of posed and spontaneous expressions, each read from the layout in which its owners hand it out.

Every reader takes the set's folder and gives a FaceSet: grey 48x48 pictures (area interpolation), the classes in the
order of faceset.FER_CLASSES less those that the set has not, ``groups`` the subjects. All pictures are "train" except
where the owners split (RAF-DB). FileNotFoundError and ValueError name the file, the row and the remedy.
"""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers.frames import cut, pictures
from fer_nb.data.readers.parse import grey

RAFDB = ("Surprise", "Fear", "Disgust", "Happy", "Sad", "Angry", "Neutral")  # labels 1 to 7
ISED = ("Happy", "Surprise", "Sad", "Disgust")  # labels 1 to 4
FOLDERS = {"anger": "Angry", "disgust": "Disgust", "fear": "Fear", "happiness": "Happy", "sadness": "Sad"}
FOLDERS |= {"surprise": "Surprise", "neutral": "Neutral"}

# DISFA codes the strength of these action units in each frame, 0 to 5, and no emotion.
UNITS = (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26)
# The prototypes of EMFACS (Friesen & Ekman 1983) in so far as DISFA codes their units (AU 7, 16, 23 are not coded).
PROTOTYPES = {
    "Angry": (4, 5),
    "Disgust": (9,),
    "Fear": (1, 2, 4, 5, 20, 26),
    "Happy": (6, 12),
    "Sad": (1, 4, 15),
    "Surprise": (1, 2, 5, 26),
}
STRENGTH = 2  # the least strength that counts as shown (B in FACS)
SHORTEST = 5  # frames that an episode lasts at least: a quarter of a second


def _face_set(found: list[tuple], classes: tuple[str, ...]) -> FaceSet:
    """A FaceSet from one (image, class name, split, subject, sequence) a picture; only classes that occur may."""
    images, names, split, groups, sequences = zip(*found, strict=True)
    labels = np.array([classes.index(name) for name in names], np.int64)
    rows = np.arange(len(labels), dtype=np.int64)
    return FaceSet(np.stack(images), labels, classes, np.array(split), np.array(groups), np.array(sequences), rows)


def _first(folder: Path, patterns: tuple[str, ...], expected: str) -> Path:
    """The first path under ``folder`` that fits one of ``patterns``, tried in turn."""
    for pattern in patterns:
        if found := sorted(folder.glob(pattern)):
            return found[0]
    raise FileNotFoundError(f"{folder}: expected {expected} here (README: real data)")


def rafdb(folder: Path) -> FaceSet:
    """RAF-DB, basic emotions (Li et al. 2017): EmoLabel/list_patition_label.txt, Image/aligned/<name>_aligned.jpg.

    The owners' train and test sides; subjects are not known (""). ``rows`` follow the list. The pictures are 100x100.
    """
    folder = Path(folder)
    text = _first(folder, ("EmoLabel/list_patition_label.txt", "basic/EmoLabel/list_patition_label.txt"),
                  "EmoLabel/list_patition_label.txt and Image/aligned/*_aligned.jpg")  # fmt: skip
    aligned = text.parents[1] / "Image" / "aligned"
    found = []
    lines = text.read_text().splitlines()
    for number, line in enumerate(tqdm(lines, "reading RAF-DB", mininterval=5), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 2 or words[1] not in set("1234567") or not words[0].startswith(("train_", "test_")):
            raise ValueError(f"{text}: line {number}: {line!r} is not <train_|test_ name> <label 1 to 7>")
        path = aligned / f"{Path(words[0]).stem}_aligned.jpg"
        if not path.is_file():
            raise FileNotFoundError(f"{text}: line {number}: no picture {path}; unpack Image/aligned.zip again")
        image = cut([grey(path)], str(path), cropped=True)[0]
        found.append((image, RAFDB[int(words[1]) - 1], words[0].split("_")[0], "", ""))
    if not found:
        raise ValueError(f"{text}: no line in it; copy it again from the published data")
    return _face_set(found, FER_CLASSES)


def mug(folder: Path, frames: int = 3) -> FaceSet:
    """MUG (Aifanti et al. 2010): subjects3/<subject>/.../<emotion>/take<number>/*.jpg, seven classes.

    A take runs from neutral over the apex back to neutral: the ``frames`` in its middle are taken. Folders of
    mixed material (no <emotion> of FOLDERS) are passed over. The face is found in the first of them.
    """
    folder = Path(folder)
    root = _first(folder, ("subjects3",), "subjects3/<subject>/<emotion>/take<number>/*.jpg")
    takes = sorted(path for path in root.rglob("take*") if path.is_dir() and path.parent.name in FOLDERS)
    found = []
    for take in tqdm(takes, "reading MUG", mininterval=5):
        files = pictures(take)
        if len(files) < frames:
            raise ValueError(f"{take}: {len(files)} pictures, fewer than {frames}; copy the take again")
        start = (len(files) - frames) // 2
        images = cut([grey(path) for path in files[start : start + frames]], str(take), cropped=False)
        parts = take.relative_to(root)
        found += [(image, FOLDERS[take.parent.name], "train", parts.parts[0], parts.as_posix()) for image in images]
    if not found:
        raise FileNotFoundError(f"{root}: no <subject>/<emotion>/take<number> here; unpack subjects3 again")
    return _face_set(found, FER_CLASSES)


def oulu(folder: Path, frames: int = 3) -> FaceSet:
    """OULU-CASIA (Zhao et al. 2011), visible light, strong illumination, six classes.

    PreProcess Img/VL_Acropped/Strong/P001/Anger/000.jpeg (faces, as cropped by the owners) or
    OriginalImg/VL/Strong/... (the face is found); a sequence ends at its apex: its last ``frames`` are taken.
    """
    folder = Path(folder)
    patterns = ("*/VL_Acropped/Strong", "VL_Acropped/Strong", "*/VL/Strong", "VL/Strong")
    root = _first(folder, patterns, "PreProcess Img/VL_Acropped/Strong or OriginalImg/VL/Strong")
    found = []
    for subject in tqdm(sorted(root.glob("P*")), "reading OULU-CASIA", mininterval=5):
        for sequence in sorted(path for path in subject.iterdir() if path.is_dir()):
            if sequence.name.lower() not in FOLDERS:
                raise ValueError(f"{sequence}: unknown emotion {sequence.name!r}; expected {', '.join(FOLDERS)}")
            files = pictures(sequence)[-frames:]
            if len(files) < frames:
                raise ValueError(f"{sequence}: {len(files)} pictures, fewer than {frames}; copy the sequence again")
            images = cut([grey(path) for path in files], str(sequence), cropped=root.parent.name == "VL_Acropped")
            name = f"{subject.name}/{sequence.name}"
            found += [(image, FOLDERS[sequence.name.lower()], "train", subject.name, name) for image in images]
    if not found:
        raise FileNotFoundError(f"{root}: no P<number>/<emotion>/*.jpeg here; unpack it again")
    return _face_set(found, FER_CLASSES[:6])


def ised(folder: Path) -> FaceSet:
    """ISED (Happy et al. 2017): ISED_details.mat and peakImages/<participant>_<clip>_<frame>.jpg, four classes.

    Of the table's columns 1 (participant), 3 (clip), 4 (peak frame) and 7 (1 happiness, 2 surprise, 3 sadness,
    4 disgust) are read, as the owners' readme numbers them; the face is found in each picture.
    """
    from scipy.io import loadmat

    folder = Path(folder)
    file = _first(folder, ("ISED_details.mat",), "ISED_details.mat and peakImages/*.jpg")
    tables = [value for name, value in loadmat(file).items() if name[0] != "_" and np.ndim(value) == 2]
    table = next((value for value in tables if value.shape[1] >= 7), None)
    if table is None:
        raise ValueError(f"{file}: no table of at least 7 columns in it; copy it again from the published data")
    found = []
    for number, row in enumerate(tqdm(table, "reading ISED", mininterval=5), 1):
        participant, clip, frame, label = (_cell(row[column]) for column in (0, 2, 3, 6))
        if label not in tuple("1234"):
            raise ValueError(f"{file}: row {number}: unknown emotion {label!r}; the owners' labels are 1 to 4")
        path = folder / "peakImages" / f"{participant}_{clip}_{frame}.jpg"
        if not path.is_file():
            raise FileNotFoundError(f"{file}: row {number}: no picture {path}; unpack peakImages.zip again")
        image = cut([grey(path)], str(path), cropped=False)[0]
        found.append((image, ISED[int(label) - 1], "train", participant, f"{participant}_{clip}"))
    return _face_set(found, ("Disgust", "Happy", "Sad", "Surprise"))


def _cell(value) -> str:
    """A cell of a MATLAB table as text, 26.0 as "26", "" where it is empty."""
    value = np.asarray(value).ravel()
    return "" if not value.size else f"{value[0]:g}" if np.issubdtype(value.dtype, np.number) else str(value[0])


def disfa(folder: Path) -> FaceSet:
    """DISFA (Mavadati et al. 2013), left camera: one picture an episode of an expression, seven classes.

    ActionUnit_Labels/SN001/SN001_au1.txt ("frame,strength" a line, frames from 1) and
    Videos_LeftCamera/LeftVideoSN001_comp.avi. DISFA has no emotion labels. Ours: a frame shows the expression whose
    units in PROTOTYPES are all at STRENGTH or more (the longest prototype wins; two of one length: none), Neutral
    where every unit is 0. SHORTEST or more frames of one expression in a row are an episode; the frame with the
    greatest sum of strengths stands for it (Neutral: the middle frame). The face is found in each picture.
    """
    folder = Path(folder)
    root = _first(folder, ("ActionUnit_Labels",), "ActionUnit_Labels/SN001/SN001_au1.txt and Videos_LeftCamera/*.avi")
    found = []
    for labels in tqdm(sorted(root.glob("SN*")), "reading DISFA", mininterval=5):
        peaks = episodes(_strengths(labels))
        video = _first(folder, (f"Video*_LeftCamera/LeftVideo{labels.name}_[cC]omp.avi",), f"a video of {labels.name}")
        for frame, image in _frames(video, sorted(peaks)).items():
            where = f"{video}: frame {frame + 1}"
            name = f"{labels.name}_{frame + 1}"
            found.append((cut([image], where, cropped=False)[0], peaks[frame], "train", labels.name, name))
    if not found:
        raise FileNotFoundError(f"{root}: no SN<number> folder with an expression in it; unpack it again")
    return _face_set(found, FER_CLASSES)


def _strengths(labels: Path) -> np.ndarray:
    """Every unit's strength in each frame, int64 (T, 12), from "frame,strength" lines."""
    columns = []
    for unit in UNITS:
        path = labels / f"{labels.name}_au{unit}.txt"
        if not path.is_file():
            raise FileNotFoundError(f"{path}: missing; DISFA has a file for each of the units {UNITS}")
        lines = path.read_text().split()
        for number, line in enumerate(lines, 1):
            frame, _, strength = line.partition(",")
            if frame != str(number) or strength not in tuple("012345"):
                raise ValueError(f"{path}: line {number}: {line!r} is not <frame {number}>,<strength 0 to 5>")
        columns.append([int(line[-1]) for line in lines])
        if len(lines) != len(columns[0]):
            raise ValueError(f"{path}: {len(lines)} frames, but {labels.name}_au1.txt has {len(columns[0])}")
    return np.array(columns, np.int64).T


def episodes(strengths: np.ndarray) -> dict[int, str]:
    """The frame that stands for each episode of an expression, by its position, and the expression.

    Args:
        strengths: int (T, 12), 0 to 5, columns as UNITS.
    """
    shown = np.full(len(strengths), "", object)
    shown[(strengths == 0).all(1)] = "Neutral"
    longest = np.zeros(len(strengths), np.int64)
    for name, units in PROTOTYPES.items():
        fits = (strengths[:, [UNITS.index(unit) for unit in units]] >= STRENGTH).all(1)
        shown[fits & (longest == len(units))] = ""
        shown[fits & (longest < len(units))] = name
        longest[fits] = np.maximum(longest[fits], len(units))
    bounds = np.flatnonzero(np.r_[True, shown[1:] != shown[:-1], True])
    peaks = {}
    for start, stop in pairwise(bounds):
        if shown[start] and stop - start >= SHORTEST:
            neutral = shown[start] == "Neutral"
            peak = (stop - start) // 2 if neutral else strengths[start:stop].sum(1).argmax()
            peaks[int(start + peak)] = shown[start]
    return peaks


def _frames(video: Path, wanted: list[int]) -> dict[int, np.ndarray]:
    """The wanted frames of a video, counted from 0, uint8 (H, W)."""
    capture = cv2.VideoCapture(str(video))
    found = {}
    for frame in range(max(wanted, default=-1) + 1):
        if not capture.grab():
            raise ValueError(f"{video}: frame {frame + 1} cannot be read, the labels go to {max(wanted) + 1} or beyond")
        if frame in wanted:
            found[frame] = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2GRAY)
    capture.release()
    return found
