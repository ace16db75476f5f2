"""The published file formats, read and checked: FER2013 (CSV or folders), FERPlus votes, CK+48.

Every function raises FileNotFoundError or ValueError with one line that names the file, the row and the remedy.
Rows of a CSV are counted from 1, the header not counted ("data row 1" is line 2 of the file).
"""

import gzip
import lzma
import re
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

SIDE = 48  # pixels a side of every picture, in all three data sets
USAGE = {"Training": "train", "PublicTest": "valid", "PrivateTest": "test"}
DAMAGED = (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)

# The ten columns of a FERPlus row, in the file's order (Barsoum et al. 2016).
VOTES = (
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
)

# Folder names in the order of the labels.
FER_FOLDERS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
FER_SIDES = {"train": "train", "validation": "valid", "test": "test"} | {k.lower(): v for k, v in USAGE.items()}
CK_FOLDERS = ("anger", "disgust", "fear", "happy", "sadness", "surprise", "contempt")
CK_NAME = re.compile(r"(S\d{3})_(\d{3})_\d{8}\.png")


@contextmanager
def _opened(path: Path):
    """The bytes of a CSV file, or of the CSV inside an .xz, .gz or .zip."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
            named = [name for name in members if Path(name).name in ("fer2013.csv", "icml_face_data.csv")]
            if not (named or len(members) == 1):
                raise ValueError(f"{path}: no fer2013.csv inside; put the published CSV file in its place")
            with archive.open((named or members)[0]) as file:
                yield file
    else:
        with {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)(path, "rb") as file:
            yield file


def _chunks(path: Path, columns: tuple[str, ...], rows: int):
    """The CSV in DataFrames of at most ``rows`` rows, ``columns`` as text, index the row from 0."""
    try:
        with _opened(path) as file:
            for chunk in pd.read_csv(file, chunksize=rows, dtype=str, keep_default_na=False, index_col=False):
                chunk.columns = chunk.columns.str.strip()  # icml_face_data.csv has " Usage" and " pixels"
                missing = [name for name in columns if name not in chunk.columns]
                if missing:
                    raise ValueError(f"{path}: no column {missing[0]!r}; the published file has {', '.join(columns)}")
                if len(chunk):
                    yield chunk[list(columns)]
    except DAMAGED as error:
        raise ValueError(f"{path}: damaged or cut off ({error}); copy or download it again") from error
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path}: the file is empty; copy or download it again") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path}: not a readable CSV file ({reason}); copy or download it again") from error


def _translated(path: Path, column: pd.Series, meaning: dict) -> np.ndarray:
    """``column`` with each text replaced by its meaning; the first row that has none is named."""
    found = column.str.strip().map(meaning)
    if found.isna().any():
        row = found.isna().idxmax()
        raise ValueError(
            f"{path}: data row {row + 1}: {column.name} is {column[row]!r}, expected one of "
            f"{', '.join(meaning)}; correct or download the file again"
        )
    return found.to_numpy()


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
    if regular and (column.str.count(" ") == SIDE * SIDE - 1).all():
        values = digits[ends - 1].astype(np.uint16)
        values += 10 * digits[ends - 2] * (length > 1)
        values += np.uint16(100) * digits[ends - 3] * (length > 2)
        if values.max() <= 255:
            return values.astype(np.uint8).reshape(-1, SIDE, SIDE)
    return np.stack([_pixel_row(f"{path}: data row {row + 1}", text) for row, text in column.items()])


def _pixel_row(where: str, text: str) -> np.ndarray:
    numbers = text.split()
    bad = [number for number in numbers if not (number.isascii() and number.isdigit() and int(number) <= 255)]
    if bad:
        raise ValueError(f"{where}: pixel {bad[0]!r}, expected 0 to 255; correct or download the file again")
    if len(numbers) != SIDE * SIDE:
        raise ValueError(
            f"{where}: {len(numbers):,} pixels, expected {SIDE * SIDE:,} (48x48); correct or download the file again"
        )
    return np.array(numbers, np.uint8).reshape(SIDE, SIDE)


def fer2013(path: Path) -> dict[str, np.ndarray]:
    """FER2013's CSV file (Kaggle's fer2013.csv or icml_face_data.csv, plain or in an .xz, .gz or .zip).

    Returns images uint8 (N, 48, 48), labels int64 (N,) and split str (N,): Training, PublicTest and PrivateTest
    become "train", "valid" and "test".
    """
    labels = {str(label): label for label in range(len(FER_FOLDERS))}
    parts = []
    with tqdm(desc=f"reading {path.name}", unit=" rows", delay=1, mininterval=1) as bar:
        for chunk in _chunks(path, ("emotion", "pixels", "Usage"), rows=1000):
            split = _translated(path, chunk["Usage"], USAGE).astype("U5")
            parts.append((_pixels(path, chunk["pixels"]), _translated(path, chunk["emotion"], labels), split))
            bar.update(len(chunk))
    if not parts:
        raise ValueError(f"{path}: no row below the header; copy or download it again")
    images, emotions, split = (np.concatenate(part) for part in zip(*parts, strict=True))
    return {"images": images, "labels": emotions.astype(np.int64), "split": split}


def fer2013_folder(folder: Path) -> dict[str, np.ndarray]:
    """FER2013 as picture folders ``train|test/<emotion>/*.jpg|png``; returns what ``fer2013`` returns.

    Pictures come sorted by side, class and name. A name that begins with Training_, PublicTest_ or PrivateTest_
    (as in the copy on Kaggle) decides the side; otherwise the folder does, and "test" stays one side.
    """
    files, split, labels = [], [], []
    for side in sorted(path for path in folder.iterdir() if path.name.lower() in FER_SIDES):
        for label, emotion in enumerate(FER_FOLDERS):
            found = sorted(path for path in (side / emotion).glob("*") if path.suffix in (".jpg", ".jpeg", ".png"))
            if not found:
                raise FileNotFoundError(f"{side / emotion}: no pictures; expected *.jpg or *.png of this emotion")
            files += found
            labels += [label] * len(found)
            split += [USAGE.get(path.name.split("_")[0], FER_SIDES[side.name.lower()]) for path in found]
    images = np.stack([picture(path) for path in tqdm(files, desc=f"reading {folder.name}", delay=1, mininterval=1)])
    return {"images": images, "labels": np.array(labels, np.int64), "split": np.array(split)}


def ferplus(path: Path) -> pd.DataFrame:
    """FERPlus's fer2013new.csv: columns Usage (as published) and the ten of VOTES (int64), index the row from 0."""
    table = pd.concat(list(_chunks(path, ("Usage", *VOTES), rows=100_000)) or [pd.DataFrame()])
    if table.empty:
        raise ValueError(f"{path}: no row below the header; copy or download it again")
    for name in VOTES:
        counts = table[name].str.strip()
        bad = ~counts.str.fullmatch("[0-9]{1,9}")
        if bad.any():
            row = bad.idxmax()
            raise ValueError(
                f"{path}: data row {row + 1}: {name} is {table[name][row]!r}, expected a number of votes; "
                "correct or download the file again"
            )
        table[name] = counts.astype(np.int64)
    return table


def grey(path: Path) -> np.ndarray:
    """One picture file of any size as uint8 (H, W); ValueError where it is not readable."""
    data = np.frombuffer(path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise ValueError(f"{path}: not a readable picture; copy it again from the published data")
    return image


def picture(path: Path) -> np.ndarray:
    """One picture file as uint8 (48, 48), grey."""
    image = grey(path)
    if image.shape != (SIDE, SIDE):
        raise ValueError(f"{path}: {image.shape[1]}x{image.shape[0]} pixels, expected {SIDE}x{SIDE}; resize it")
    return image


def ckplus(folder: Path) -> dict[str, np.ndarray]:
    """CK+48: the pictures of ``folder/<emotion>/S<subject>_<sequence>_<frame>.png``, sorted by name inside each class.

    Returns images uint8 (N, 48, 48), labels int64 (N,), subjects and sequences ("S010", "S010_004") str (N,). The
    classes come in the order of the thesis's table 3-2.
    """
    missing = [name for name in CK_FOLDERS if not any((folder / name).glob("*.png"))]
    if missing:
        raise FileNotFoundError(
            f"{folder}: no CK+48 folder, {missing[0]}/*.png is missing; expected the folders {', '.join(CK_FOLDERS)}"
        )
    files = [(label, path) for label, name in enumerate(CK_FOLDERS) for path in sorted((folder / name).glob("*.png"))]
    names = [CK_NAME.fullmatch(path.name) for _, path in files]
    for name, (_, path) in zip(names, files, strict=True):
        if name is None:
            raise ValueError(
                f"{path}: the name is not S<subject>_<sequence>_<frame>.png; name it S010_004_00000017.png"
            )
    return {
        "images": np.stack([picture(path) for _, path in files]),
        "labels": np.array([label for label, _ in files], np.int64),
        "subjects": np.array([name[1] for name in names]),
        "sequences": np.array([f"{name[1]}_{name[2]}" for name in names]),
    }
