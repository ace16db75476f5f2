"""FER2013 (Goodfellow et al. 2013): its CSV file, or picture folders.

The split is that of the column Usage: Training, PublicTest and PrivateTest are "train", "valid" and "test".
"""

import re
import reprlib
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_nb.data import cache, places
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.data.readers.csv_file import chunks, translated
from fer_nb.data.readers.picture_file import SIDE, picture, pictures_in

USAGE = {"Training": "train", "PublicTest": "valid", "PrivateTest": "test"}
EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # folders in the order of the labels
FOLDERS = {"train": "train", "validation": "valid", "test": "test", "valid": "valid", "val": "valid"}
FOLDERS |= {usage.lower(): split for usage, split in USAGE.items()}
OWN = {"angry", "sad", "neutral"}  # emotions that are no folders of CK+48, which may lie beside FER2013's


def find(home: Path) -> Path:
    """FER2013's CSV file under the data folder in any of its forms, or the folder of its picture folders."""
    stems, suffixes = ("fer2013.csv", "icml_face_data.csv"), ("", ".xz", ".gz", ".zip")
    files = [f"{stem}{suffix}" for stem in stems for suffix in suffixes]
    files = [*(f"{stem}/{stem}" for stem in stems), *files]  # some programs unpack x.csv.zip to a folder x.csv
    folders = ["fer2013/train", "fer2013/Training", "train", "Training"]
    expected = "fer2013/fer2013.csv (or that as .xz, .gz, .zip, or icml_face_data.csv, or train/<emotion>/*.jpg)"
    found = places.find(home, [*(f"fer2013/{file}" for file in files), *files, *folders], "FER2013", expected)
    return found.parent if found.is_dir() else found


def read(path: Path) -> FaceSet:
    """FER2013 through the cache, in the order of the file's rows.

    path: Kaggle's fer2013.csv or icml_face_data.csv, plain or in an .xz, .gz or .zip, or a folder of
    ``train|test/<emotion>/*.jpg|png``. Of folders, ``rows`` are positions in the list of files, sorted by folder, class
    and name; a file name that begins with Training_, PublicTest_ or PrivateTest_ (as in the copy on Kaggle) decides the
    split, else the folder does, and there is no "valid" then. Raises FileNotFoundError and ValueError in one line with
    the file, the row and the remedy.
    """
    path = Path(path)
    if path.is_dir():
        found = cache.cached("fer2013", [cache.digest(path, files(path))], __name__, lambda: _read_folders(path))
    else:
        found = cache.cached("fer2013", [cache.digest(path)], __name__, lambda: _read_csv(path))
    unknown = np.full(len(found["labels"]), "")
    rows = np.arange(len(unknown), dtype=np.int64)
    return FaceSet(**found, classes=FER_CLASSES, groups=unknown, sequences=unknown, rows=rows)


def _read_csv(path: Path) -> dict[str, np.ndarray]:
    """images uint8 (N, 48, 48), labels int64 (N,) and split str (N,)."""
    labels = {str(label): label for label in range(len(EMOTIONS))}
    parts, pixels = [], bytearray()  # which grows in place: no second copy of all pictures
    with tqdm(desc=f"reading {path.name}", unit=" rows", delay=1, mininterval=1) as bar:
        for chunk in chunks(path, ("emotion", "pixels", "Usage"), rows=1000):
            split = translated(path, chunk["Usage"], USAGE).astype("U5")
            pixels += _pixels(path, chunk["pixels"]).tobytes()
            parts.append((translated(path, chunk["emotion"], labels), split))
            bar.update(len(chunk))
    emotions, split = (np.concatenate(part) for part in zip(*parts, strict=True))
    _refuse_cut(path, split)
    images = np.frombuffer(pixels, np.uint8).reshape(-1, SIDE, SIDE)
    return {"images": images, "labels": emotions.astype(np.int64), "split": split}


def _refuse_cut(path: Path, split: np.ndarray) -> None:
    """Raise ValueError where the rows end early: the published file has as many PublicTest rows as PrivateTest ones.

    They are its last rows, so a file without any is a training set, or cut off before them.
    """
    public, private = (np.count_nonzero(split == USAGE[usage]) for usage in ("PublicTest", "PrivateTest"))
    if public != private:
        raise ValueError(
            f"{path}: {public:,} PublicTest rows and {private:,} PrivateTest rows, expected as many of each: the file "
            "is cut off; copy or download it again"
        )


def _pixels(path: Path, column: pd.Series) -> np.ndarray:
    """Pixel texts of 2,304 numbers each -> uint8 (rows, 48, 48).

    All rows at once: a number is the one to three digits before a space. Where anything else turns up, the rows are
    read one by one, to name the bad one.
    """
    text = np.frombuffer(("   " + " ".join(column) + " ").encode(), np.uint8)
    ends = np.flatnonzero(text == ord(" "))[3:]
    length = np.diff(ends, prepend=2) - 1
    digits = text - np.uint8(ord("0"))  # not a digit: above 9
    regular = length.min() > 0 and length.max() < 4 and np.count_nonzero(digits < 10) == len(text) - len(ends) - 3
    if regular and all(row.count(" ") == SIDE * SIDE - 1 for row in column):
        values = digits[ends - 1].astype(np.uint16)
        values += 10 * digits[ends - 2] * (length > 1)
        values += np.uint16(100) * digits[ends - 3] * (length > 2)
        if values.max() <= 255:
            return values.astype(np.uint8).reshape(-1, SIDE, SIDE)
    return np.stack([_pixel_row(f"{path}: data row {row + 1}", text) for row, text in column.items()])


def _pixel_row(where: str, text: str) -> np.ndarray:
    numbers = text.split()
    # By the pattern first: int() refuses thousands of digits by an error of its own.
    bad = [number for number in numbers if not (re.fullmatch("[0-9]{1,3}", number) and int(number) <= 255)]
    if bad:
        raise ValueError(
            f"{where}: pixel {reprlib.repr(bad[0])}, expected 0 to 255; correct or download the file again"
        )
    if len(numbers) != SIDE * SIDE:
        raise ValueError(
            f"{where}: {len(numbers):,} pixels, expected {SIDE * SIDE:,} (48x48); correct or download the file again"
        )
    return np.array(numbers, np.uint8).reshape(SIDE, SIDE)


def files(folder: Path) -> list[Path]:
    """The pictures of a folder of picture folders, in the order in which they are read."""
    return [path for path, _, _ in _listed(folder)]


def _listed(folder: Path) -> list[tuple[Path, int, str]]:
    """Each picture with its label and split; folders of splits and emotions are known in capitals too.

    Raises FileNotFoundError where there are no folders of pictures, or one lacks an emotion; ValueError for a folder of
    pictures that is no split.
    """
    listed = []
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        inside = sorted(path for path in part.iterdir() if path.is_dir())
        is_split = part.name.lower() in FOLDERS
        if not {path.name.lower() for path in inside} & (set(EMOTIONS) if is_split else OWN):
            continue
        if not is_split:
            raise ValueError(f"{part}: no split of FER2013: name it {', '.join(list(FOLDERS)[:3])}, or move it away")
        split = FOLDERS[part.name.lower()]
        for label, emotion in enumerate(EMOTIONS):
            of_emotion = [path for path in inside if path.name.lower() == emotion]
            found = [path for each in of_emotion for path in pictures_in(each, (".jpg", ".jpeg", ".png"))]
            if not found:
                raise FileNotFoundError(f"{part / emotion}: no pictures; expected *.jpg or *.png of this emotion")
            listed += [(path, label, USAGE.get(path.name.split("_")[0], split)) for path in found]
    if not listed:
        raise FileNotFoundError(
            f"{folder}: no picture folders of FER2013; expected train/<emotion>/*.jpg or *.png, with the emotions "
            f"{', '.join(EMOTIONS)}"
        )
    return listed


def _read_folders(folder: Path) -> dict[str, np.ndarray]:
    """As ``_read_csv``."""
    found, labels, split = zip(*_listed(folder), strict=True)
    images = np.stack([picture(path) for path in tqdm(found, desc=f"reading {folder.name}", delay=1, mininterval=1)])
    return {"images": images, "labels": np.array(labels, np.int64), "split": np.array(split)}
