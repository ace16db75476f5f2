"""FERPlus (Barsoum et al. 2016): ten people's votes on each picture of FER2013."""

import reprlib
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb.data import places
from fer_nb.data.faceset import FaceSet
from fer_nb.data.readers.csv_file import chunks
from fer_nb.data.readers.fer2013 import USAGE

# The ten columns of votes, in the file's order.
VOTES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
PEOPLE = (9, 10)  # who voted on a picture: nine on one of the published file


def find(home: Path) -> Path:
    """FERPlus's fer2013new.csv under the data folder."""
    return places.find(home, ["ferplus/fer2013new.csv", "fer2013new.csv"], "FERPlus", "ferplus/fer2013new.csv")


def read(path: Path) -> pd.DataFrame:
    """fer2013new.csv: columns Usage (as published) and the ten of VOTES (int64), index the row from 0.

    Raises ValueError, naming the row, where it does not hold the votes of ten people, or where rows are missing, added
    or in another order.
    """
    table = pd.concat(chunks(path, ("Usage", "Image name", *VOTES), rows=100_000))
    _check_order(path, table.pop("Image name").str.strip())
    for name in VOTES:
        counts = table[name].str.strip()
        bad = ~counts.str.fullmatch("[0-9]{1,9}")
        if bad.any():
            row = bad.idxmax()
            raise ValueError(
                f"{path}: data row {row + 1}: {name} is {reprlib.repr(table[name][row])}, expected a number of votes; "
                "correct or download the file again"
            )
        table[name] = counts.astype(np.int64)
    votes = table[list(VOTES)].sum(axis=1)
    wrong = ~votes.isin(PEOPLE)
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"{path}: data row {row + 1}: {votes[row]} votes, expected 10: download the file again")
    return table


def _check_order(path: Path, names: pd.Series) -> None:
    """Raise ValueError where the running numbers of ``names`` ("fer0000016.png") do not fit their rows.

    As published, the numbers rise from row to row and fall behind it little by little, never ahead. A name may be empty
    (not a face). Four names stand twice, far apart, once of them out of order: names that do so tell nothing.
    """
    remedy = "take fer2013new.csv as published, rows in their order"
    again = (names != "") & (names == names.shift())
    if again.any():
        raise ValueError(f"{path}: data row {again.idxmax() + 1}: {names[again.idxmax()]} again; {remedy}")
    once = names[(names != "") & ~names.duplicated(keep=False)]
    numbers = once.str.extract(r"^fer([0-9]{1,9})\.png$")[0]
    if numbers.isna().any():
        row = numbers.isna().idxmax()
        raise ValueError(
            f"{path}: data row {row + 1}: Image name is {reprlib.repr(names[row])}, not fer<number>.png; {remedy}"
        )
    numbers = numbers.astype(np.int64)
    behind = numbers.index - numbers
    wrong = (numbers.diff() <= 0) | (behind < 0) | (behind.diff() < 0)
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"{path}: data row {row + 1}: {names[row]} is out of order; {remedy}")


def votes_on(faces: FaceSet, path: Path) -> pd.DataFrame:
    """The votes on each picture of FER2013: the ten columns of VOTES, int64, index the row of FER2013's CSV file.

    The two files are joined by row, as FERPlus's image names are empty in places and occur twice in others. Raises
    ValueError where the number of rows or a row's Usage differs from that of ``faces``.
    """
    table, remedy = read(path), "take fer2013new.csv and fer2013.csv as published, rows in their order"
    if len(table) != len(faces):
        raise ValueError(f"{path}: {len(table):,} rows, but FER2013 has {len(faces):,}; {remedy}")
    published = pd.Series(faces.split).map({split: usage for usage, split in USAGE.items()})
    other = table["Usage"].str.strip() != published
    if other.any():
        row = other.idxmax()
        found = f"Usage is {reprlib.repr(table['Usage'][row])}, FER2013 has {published[row]!r}"
        raise ValueError(f"{path}: data row {row + 1}: {found}; {remedy}")
    return table[list(VOTES)]
