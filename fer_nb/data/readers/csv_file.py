"""CSV files as published, plain or packed, read in chunks and checked.

Errors are one line with the file, the row and the remedy. Rows are counted from 1 without the header: "data row 1" is
line 2 of the file.
"""

import gzip
import lzma
import reprlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

DAMAGED = (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
NAMES = ("fer2013.csv", "icml_face_data.csv")  # of FER2013's file in an archive


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a CSV file, or of FER2013's CSV inside an .xz, .gz or .zip.

    Raises ValueError for a .zip of which that cannot be told, or that only other programs unpack, and for a tar archive
    under another name.
    """
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
            named = [name for name in members if Path(name).name in NAMES] or members[: len(members) == 1]
            if len(named) != 1:
                what = f"{' and '.join(named)} inside, not one of them" if named else "no fer2013.csv inside"
                raise ValueError(f"{path}: {what}; put the published CSV file in its place")
            try:
                file = archive.open(named[0])
            except (RuntimeError, NotImplementedError) as error:  # a password; a compression such as Deflate64
                raise ValueError(f"{path}: {error}; unpack it with another program, and give {named[0]}") from error
            with file:
                yield file
    else:
        if path.suffix == ".csv" and tarfile.is_tarfile(path):
            raise ValueError(f"{path}: a tar archive, no CSV file; unpack it once more (tar xf) and give the CSV in it")
        openers: dict[str, Callable] = {".xz": lzma.open, ".gz": gzip.open}
        with openers.get(path.suffix, open)(path, "rb") as file:
            yield file


def chunks(path: Path, columns: tuple[str, ...], rows: int) -> Iterator[pd.DataFrame]:
    """The CSV in DataFrames of at most ``rows`` rows, ``columns`` as text, index the row from 0.

    Raises ValueError where the file is damaged, empty, without rows or lacks a column.
    """
    empty = True
    try:
        with _opened(path) as file:
            # Of a row with more cells than the header has, pandas takes the first ones; the checks of columns tell it.
            for chunk in pd.read_csv(file, chunksize=rows, dtype=str, keep_default_na=False, index_col=False):
                chunk.columns = chunk.columns.str.strip()  # icml_face_data.csv has " Usage" and " pixels"
                missing = [name for name in columns if name not in chunk.columns]
                if missing:
                    raise ValueError(f"{path}: no column {missing[0]!r}; the published file has {', '.join(columns)}")
                if len(chunk):
                    empty = False
                    yield chunk[list(columns)]
    except DAMAGED as error:
        raise ValueError(f"{path}: damaged or cut off ({error}); copy or download it again") from error
    except pd.errors.EmptyDataError as error:
        raise ValueError(f"{path}: the file is empty; copy or download it again") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"{path}: not a readable CSV file ({reason}); copy or download it again") from error
    if empty:
        raise ValueError(f"{path}: no row below the header; copy or download it again")


def translated(path: Path, column: pd.Series, meaning: dict) -> np.ndarray:
    """``column`` with each text replaced by its meaning; ValueError for the first row that has none."""
    found = column.str.strip().map(meaning)
    if found.isna().any():
        row = found.isna().idxmax()
        raise ValueError(
            f"{path}: data row {row + 1}: {column.name} is {reprlib.repr(column[row])}, expected one of "
            f"{', '.join(meaning)}; correct or download the file again"
        )
    return found.to_numpy()
