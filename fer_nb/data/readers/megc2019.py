"""The composite of MEGC2019 (See et al. 2019) of clips of CASME II, SAMM and SMIC."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers.casme import CASME2
from fer_nb.data.readers.frames import clip, clip_set, frame_files
from fer_nb.data.readers.samm import LAYOUT as SAMM
from fer_nb.data.readers.sheet import cells, coded_clip, integer, read_sheet
from fer_nb.data.readers.smic import smic_clips

CLASSES = ("negative", "positive", "surprise")  # classes 0, 1, 2 of the list


def read(folder: Path) -> ClipSet:
    """combined_3class_gt.csv in ``folder``, and the sets casme2, samm and smic beside it.

    A row is set, subject, clip, class (0 negative, 1 positive, 2 surprise), e.g. "smic,s01,s01_ne_01,0"; the classes
    are the file's, not those of the sets. ``sources`` are the sets, ``subjects`` those of the file.
    """
    file = Path(folder) / "combined_3class_gt.csv"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: missing; it is on the page of the challenge (docs/data.md)")
    data, table = Path(folder).parent, cells(file)
    if table.shape[1] < 4:
        raise ValueError(f"{file}: {table.shape[1]} columns, expected set, subject, clip, class")
    readers = {source: _finder(data, source) for source in sorted(set(table[0]) & {"casme2", "samm", "smic"})}
    clips, sources = [], []
    for row in tqdm(table.itertuples(), "reading MEGC2019", len(table), mininterval=5):
        source, subject, name, label = (str(value).strip() for value in row[1:5])
        where = f"{file}: row {row.Index + 1}: clip {name} of {source} {subject}"
        if source not in readers or label not in ("0", "1", "2"):
            if row.Index == 0 and not label.isdigit():  # a head, which the official file has not
                continue
            raise ValueError(f"{where}: set {source!r} or class {label!r} unknown; expected casme2, samm, smic; 0 to 2")
        clips.append((*readers[source](subject, name, where), int(label), subject, name))
        sources.append(source)
    return clip_set(clips, CLASSES, str(file), sources)


def _finder(data: Path, source: str) -> Callable[[str, str, str], tuple[np.ndarray, int]]:
    """A function of subject, clip (as in the list) and words for an error that gives frames and apex."""
    known: dict[Any, Any]
    if source == "smic":
        known = {_numbers(place.name): (place, cropped) for place, _, _, cropped in smic_clips(data / source)}
    else:
        layout = {"casme2": CASME2, "samm": SAMM}[source]
        sheet, table = read_sheet(data / source, layout)
        known = {(row.subject, row.clip): row for row in table.itertuples()}

    def find(subject: str, name: str, where: str) -> tuple[np.ndarray, int]:
        key = _numbers(name) if source == "smic" else (integer(re.sub(r"^\D+", "", subject), where), name)
        if key not in known:
            raise FileNotFoundError(f"{where}: no such clip in {data / source}; copy the set again")
        if source != "smic":
            return coded_clip(data / source, layout, sheet, known[key])
        place, cropped = known[key]
        return clip(frame_files(place, where), where, cropped), -1

    return find


def _numbers(name: str) -> str:
    """SMIC's s1_ne_01 and the list's s01_ne_01 alike: "s1_ne_1"."""
    return re.sub(r"0*(\d+)", r"\1", name)
