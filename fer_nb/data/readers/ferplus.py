"""FERPlus (Barsoum et al. 2016): ten people's votes on each picture of FER2013."""

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

    Raises ValueError, naming the row, where it does not hold the votes of ten people.
    """
    table = pd.concat(chunks(path, ("Usage", *VOTES), rows=100_000))
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
    votes = table[list(VOTES)].sum(axis=1)
    wrong = ~votes.isin(PEOPLE)
    if wrong.any():
        row = wrong.idxmax()
        raise ValueError(f"{path}: data row {row + 1}: {votes[row]} votes, expected 10: download the file again")
    return table


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
        found = f"Usage is {table['Usage'][row]!r}, FER2013 has {published[row]!r}"
        raise ValueError(f"{path}: data row {row + 1}: {found}; {remedy}")
    return table[list(VOTES)]
