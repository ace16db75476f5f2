"""Sets of micro-expressions with a coding sheet: a row a clip; .xlsx as the owners hand it out, or .csv alike.

Of a folder of cropped faces, frames are taken whole and scaled to 48x48; of raw frames, the face is found in the first
one and the same square is cut out of all. A missing folder raises FileNotFoundError, anything else wrong ValueError,
with the sheet, its row (counted from 1, as a spreadsheet shows it) and the clip; of missing frames a warning says so.
"""

import csv
import re
import reprlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers.frames import clip, clip_set, frame_files, part

FIELDS = ("subject", "clip", "onset", "apex", "offset", "emotion")


@dataclass(frozen=True)
class Layout:
    """Where a set's coding sheet and frames are, what its columns are called and which emotions it knows."""

    sheet: str  # the sheet's name without its suffix, as a pattern
    columns: tuple[str, ...]  # as FIELDS; compared without spaces and case
    roots: tuple[tuple[str, bool], ...]  # folders of frames, the first that is there counts; True: cropped faces
    subject: str  # a subject's folder, from the number
    emotions: tuple[str, ...]


def read_sheet(folder: Path, layout: Layout) -> tuple[Path, pd.DataFrame]:
    """The coding sheet and its clips: columns FIELDS and "row"; subject int, clip and emotion str, the rest as coded.

    Of several sheets that fit the last by name counts (the newest of CASME II). The head is the first row with the
    file name's column in it; rows without a file name are ignored.
    """
    names = [f"{place}{layout.sheet}{suffix}" for suffix in (".xlsx", ".csv") for place in ("", "*/")]
    found = [file for name in names for file in sorted(folder.glob(name), reverse=True) if file.name[0] not in ".~"]
    if not found:
        raise FileNotFoundError(f"{folder}: no coding sheet {layout.sheet}.xlsx or .csv; save an .xls as .xlsx first")
    sheet, table = found[0], cells(found[0])
    wanted = [plain(column) for column in layout.columns]
    heads = np.flatnonzero((table.map(plain) == wanted[1]).any(axis=1))
    if not len(heads):
        raise ValueError(f"{sheet}: no row with the column {layout.columns[1]}; give the owners' sheet")
    head = heads[0]
    titles = [plain(value) for value in table.loc[head]]
    missing = [name for name, title in zip(layout.columns, wanted, strict=True) if title not in titles]
    if missing:
        raise ValueError(f"{sheet}: row {head + 1}: no column {', '.join(missing)}; give the owners' sheet")
    table = table.iloc[head + 1 :, [titles.index(title) for title in wanted]].set_axis(FIELDS, axis=1)
    table = table.assign(row=table.index + 1)[table["clip"].map(plain) != ""]
    table["clip"] = table["clip"].map(lambda value: str(value).strip())
    table["emotion"] = table["emotion"].map(lambda value: {"other": "others"}.get(plain(value), plain(value)))
    for row in table.itertuples():
        where = f"{sheet}: row {row.row}: clip {row.clip}"
        table.loc[row.Index, "subject"] = integer(re.sub(r"^\D+", "", str(row.subject)), f"{where}: subject")
        if row.emotion not in layout.emotions:
            raise ValueError(
                f"{where}: unknown emotion {reprlib.repr(row.emotion)}; known: {', '.join(layout.emotions)}"
            )
    return sheet, table


def cells(sheet: Path) -> pd.DataFrame:
    """Every cell of the first sheet, rows in their places from 0; an empty cell is NaN or an empty text.

    Raises ValueError where the file is not readable.
    """
    if sheet.suffix == ".xlsx":
        return workbook(sheet)[0]
    try:
        with open(sheet, newline="", encoding="utf-8-sig") as file:
            return pd.DataFrame(list(csv.reader(file)), dtype=object)
    except UnicodeDecodeError as error:
        raise ValueError(f"{sheet}: its text is not UTF-8 ({error.reason}); save it as CSV UTF-8, or .xlsx") from error
    except csv.Error as error:
        raise ValueError(f"{sheet}: not a readable CSV file ({error}); copy it again, or save it as .xlsx") from error


def workbook(file: Path) -> list[pd.DataFrame]:
    """Every sheet of an .xlsx file, each as ``cells``; ValueError where the file is not readable."""
    try:
        return list(pd.read_excel(file, sheet_name=None, header=None, dtype=object, engine="openpyxl").values())
    except Exception as error:  # openpyxl's errors have no common type
        kind = "an old .xls file" if file.read_bytes()[:4] == b"\xd0\xcf\x11\xe0" else "damaged, or no workbook"
        raise ValueError(f"{file}: {kind}; copy it again, or save it as .xlsx with a spreadsheet program") from error


def plain(value: object) -> str:
    """A cell for comparison: no spaces, small letters, "" where it is empty."""
    return "" if pd.isna(value) else re.sub(r"\s", "", str(value)).lower()


def integer(value: object, where: str) -> int:
    """A cell as a whole number; ValueError, beginning with ``where``, for anything else."""
    text = plain(value)
    if not re.fullmatch(r"[0-9]{1,9}(\.0*)?", text):
        raise ValueError(f"{where} is {reprlib.repr(value)}, expected a whole number; correct the sheet")
    return int(text.split(".")[0])


def coded_clips(folder: Path, layout: Layout, classes: tuple[str, ...]) -> ClipSet:
    """The clips of a set with a coding sheet whose emotion is among ``classes``; the others are ignored."""
    if unknown := set(classes) - set(layout.emotions):
        raise ValueError(f"unknown classes {sorted(unknown)}: choose from {', '.join(layout.emotions)}")
    sheet, table = read_sheet(Path(folder), layout)
    table = table[table["emotion"].isin(classes)]
    clips = []
    for row in tqdm(table.itertuples(), f"reading {folder.name}", len(table), mininterval=5):
        subject = layout.subject.format(row.subject)
        clips.append((*coded_clip(folder, layout, sheet, row), classes.index(row.emotion), subject, row.clip))
    return clip_set(clips, classes, str(sheet))


def _root(folder: Path, layout: Layout) -> tuple[Path, bool]:
    """The first of the layout's folders of frames that is there, and whether it holds cropped faces.

    Some of the owners' archives unpack to a folder in a folder (CASME2_RAW_selected/CASME2_RAW_selected).
    """
    for name, cropped in layout.roots:
        wrapped = [] if name == "." else sorted(folder.glob(f"*/{name}"))
        for root in (*wrapped, folder / name):
            if root.is_dir():
                return root, cropped
    return folder / layout.roots[0][0], layout.roots[0][1]


def coded_clip(folder: Path, layout: Layout, sheet: Path, row: Any) -> tuple[np.ndarray, int]:
    """Frames uint8 (T, 48, 48) and the apex's position of one ``row`` of ``itertuples`` of a coding sheet."""
    subject = layout.subject.format(row.subject)
    where = f"{sheet}: row {row.row}: clip {row.clip} of {subject}"
    root, cropped = _root(folder, layout)
    place = root / subject / row.clip
    onset, offset = integer(row.onset, f"{where}: onset"), integer(row.offset, f"{where}: offset")
    frames = frame_files(place, where)
    if onset not in frames or offset not in frames or onset > offset:
        # The folders hold the clip and nothing else, and a few rows of the owners' sheets are known to be wrong.
        warnings.warn(f"{where}: frames {onset} to {offset} are not in {place}: all its frames are taken", stacklevel=2)
        if frames:
            onset, offset = min(frames), max(frames)
    apex = pd.to_numeric(row.apex, errors="coerce")  # "/" where CASME II's coders found none
    span, position = part(frames, onset, apex, offset, where, place)
    return clip(span, where, cropped), position
