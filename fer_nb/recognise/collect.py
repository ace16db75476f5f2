"""What notebook 14 shows of many pictures: all rows, all crops, and a few of the pictures themselves."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb.data.detection import SIDE
from fer_nb.names import counted
from fer_nb.recognise.drawing import annotated
from fer_nb.recognise.read import Reader, Reading
from fer_nb.recognise.table import label, rows, table_of

SHOWN = 6  # pictures that are kept to be shown; of a video one frame
SHEET = 32  # faces on the contact sheet


@dataclass(frozen=True)
class Collected:
    """Readings put together.

    table: as ``table.table_of`` makes it. crops: uint8 (N, 48, 48), every face in the order of the table. labels: of
    the N faces. pictures: by file name, annotated, uint8 (H, W, 3), the first ``SHOWN`` with a face.
    """

    table: pd.DataFrame
    crops: np.ndarray
    labels: list[str]
    pictures: dict[str, np.ndarray]

    def videos(self) -> dict[str, pd.DataFrame]:
        """The rows of each video, by its file."""
        return dict(list(self.table.dropna(subset="frame").groupby("file", sort=False)))


def collect(readings: Iterable[Reading], reader: Reader, folder: Path) -> Collected:
    """Put readings together as they come; of their pictures only a few stay in memory.

    ``folder``: what was read, a folder or one file; the table names files from there, as a page should not show where
    they stand on this machine.
    """
    start = f"{folder if folder.is_dir() else folder.parent}{os.sep}"
    made: list[dict] = []
    crops, labels, pictures = [np.empty((0, SIDE, SIDE), np.uint8)], [], {}
    for reading in readings:
        of_reading = list(rows(reading, reader))
        made += [row | {key: row[key].replace(start, "") for key in ("file", "error")} for row in of_reading]
        crops.append(reading.crops)
        labels += [label(row, reader) for row in of_reading if "face" in row]
        name = str(reading.shot.file).replace(start, "")
        if reading.faces and name not in pictures and len(pictures) < SHOWN:
            pictures[name] = annotated(reading, reader)
    return Collected(table_of(made, reader), np.concatenate(crops), labels, pictures)


def words(collected: Collected, reader: Reader) -> str:
    """How many pictures were read, how many faces found, and how many of their expressions are sure."""
    table = collected.table
    failed = int((table["error"] != "").sum())
    looked = len(table[["file", "frame"]].drop_duplicates()) - failed
    faces, pictures = counted(len(collected.labels), "face"), counted(looked, "picture")
    text = f"{faces} found in {pictures}, frames of videos among them; {counted(failed, 'file')} could not be read."
    if reader.calibration.threshold is None:
        return f"{text} Nothing is called unsure: the net is not calibrated."
    unsure = int(table["unsure"].sum())
    limit = 100 * reader.calibration.threshold
    return f"{text} {unsure} of their expressions are unsure: the probability is under {limit:.0f}%."
