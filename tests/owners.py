"""Small data sets in their owners' layouts."""

from pathlib import Path

import cv2
import numpy as np
import openpyxl

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers import ckplus, ferplus

COLUMNS_CASME2 = ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units"]
COLUMNS_CASME2 += ["Estimated Emotion"]
ROWS_CASME2 = [
    [1, "EP02_01f", None, 46, 49, 51, None, "12", "happiness"],
    [1, "EP19_05f", None, 98, "/", 101, None, "4", "Others "],
    [17, "EP01_02", None, 1, 2, 3, None, "4", "fear"],
]
HEAD_SAMM = ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro"]
HEAD_SAMM += ["Action Units", "Estimated Emotion", "Objective Classes", "Notes"]
ROWS_SAMM = [
    ["006", "006_1_2", 1, 562, 565, 567, 6, "1/2", "12", "Happiness", 1, None],
    ["011", "011_2_1", 2, 8, -1, 10, 3, "1/2", "4", "Other", 7, "unsure"],
    ["011", "011_2_2", 2, 8, 9, 10, 3, "1/2", "4", "Fear", 7, None],
]

SIZE = (120, 160)  # of raw pictures: the detector of the fixture ``found`` knows where their face is


def picture(path: Path, size=SIZE, seed=0) -> np.ndarray:
    """Write a random grey picture; give it as it is read back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8))
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def frames(folder: Path, names: list[str], size=(60, 50), seed=0):
    """Write random grey pictures of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).integers(0, 256, (len(names), *size), dtype=np.uint8)
    for name, image in zip(names, images, strict=True):
        cv2.imwrite(str(folder / name), image)


def small(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA)


def face(image: np.ndarray) -> np.ndarray:
    """What is cut out of a picture of SIZE: 53 px a side round (70, 45.8)."""
    return small(image[19 : 19 + 53, 44 : 44 + 53])


def names(faces) -> list[str]:
    """The class of each picture or clip."""
    return [faces.classes[label] for label in faces.labels]


def workbook(path, *sheets):
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)


def edited(rows, row, column, value):
    rows = [list(cells) for cells in rows]
    rows[row][column] = value
    return rows


USAGES = ("Training", "Training", "Training", "PublicTest", "PrivateTest")


def pictures(n: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 48, 48), dtype=np.uint8)


def fer2013_text(header="emotion,pixels,Usage", labels=range(5), order="epu") -> str:
    """FER2013's CSV file with the five ``pictures``; ``order``: of the columns, by first letter."""
    lines = [header]
    for label, image, usage in zip(labels, pictures(), USAGES, strict=True):
        cells = {"e": str(label), "p": " ".join(map(str, image.ravel())), "u": usage}
        lines.append(",".join(cells[key] for key in order))
    return "\n".join(lines) + "\n"


def ferplus_text() -> str:
    """FERPlus's CSV file for those: no face, then happiness four times."""
    votes = ["0,0,0,0,0,0,0,0,0,10"] + 4 * ["0,10,0,0,0,0,0,0,0,0"]
    rows = [f"{usage},fer{i}.png,{of}" for i, (usage, of) in enumerate(zip(USAGES, votes, strict=True))]
    return "\n".join(["Usage,Image name," + ",".join(ferplus.VOTES), *rows]) + "\n"


def write_ckplus(folder: Path, subjects: int = 12, frames: int = 3):
    """Sequences of CK+48: one a class by each of ``subjects``."""
    for number, emotion in enumerate(ckplus.EMOTIONS):
        (folder / emotion).mkdir(parents=True)
        for subject in range(subjects):
            for frame, image in enumerate(pictures(frames, seed=100 * number + subject)):
                cv2.imwrite(str(folder / emotion / f"S{subject:03}_{number:03}_{frame + 7:08}.png"), image)


def clips() -> ClipSet:
    """Six clips of three or four frames by three subjects."""
    rng, count = np.random.default_rng(0), 6
    return ClipSet(
        frames=tuple(rng.integers(0, 256, (3 + number % 2, 48, 48), np.uint8) for number in range(count)),
        apexes=np.array([1, -1, 0, 3, 2, -1]),
        labels=np.array([0, 1, 0, 1, 0, 1]),
        classes=("negative", "positive"),
        subjects=np.array(list("aabbcc")),
        names=np.array([f"EP{number}" for number in range(count)]),
        sources=np.full(count, ""),
    )
