"""CAS(ME)^2 (Qu et al. 2018)."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers.frames import clip, clip_set, frame_files, part
from fer_nb.data.readers.sheet import integer, plain, workbook

CLASSES = ("negative", "positive", "surprise", "others")


def read(folder: Path) -> ClipSet:
    """The micro-expressions: CAS(ME)^2code_final.xlsx, rawpic/s15/15_0401girlcrashing/img001.jpg.

    The workbook's first sheet has no head: participant, clip, onset, apex, offset, units, emotion, type. The second
    ("naming rule1") gives the subject's folder in column 2 for a participant in column 3, the third ("naming rule2")
    the video's four digits in column 1 for the clip's first word in column 2. An apex or offset of 0 is not known: then
    the apex is -1, and the clip ends at the apex. Macro-expressions are ignored. Warns where frames are missing.
    """
    folder = Path(folder)
    book, (table, subjects, videos) = _workbook(folder)
    subject_of = {plain(number): f"s{re.sub(r'[^0-9]', '', str(name))}" for name, number in subjects[[1, 2]].values}
    video_of = {plain(name): str(code).zfill(4) for code, name in videos[[0, 1]].values}
    clips = []
    for row in tqdm(table.itertuples(), "reading CAS(ME)^2", len(table), mininterval=5):
        where = f"{book}: row {row.Index + 1}: clip {row[2]}"
        emotion = plain(row[7])
        if plain(row[8]) != "micro-expression":
            continue
        if emotion not in CLASSES:
            raise ValueError(f"{where}: unknown emotion {row[7]!r}; known: {', '.join(CLASSES)}")
        subject, video = subject_of.get(plain(row[1])), video_of.get(plain(str(row[2]).split("_")[0]))
        if subject is None or video is None:
            raise ValueError(f"{where}: participant {row[1]} or video {row[2]} is in none of the naming rules")
        place = next(iter(sorted(folder.glob(f"rawpic/{subject}/*_{video}*"))), folder / "rawpic" / subject / video)
        clips.append((*_part(place, row[3:6], where), CLASSES.index(emotion), subject, str(row[2]).strip()))
    return clip_set(clips, CLASSES, str(book))


def _workbook(folder: Path) -> tuple[Path, list[pd.DataFrame]]:
    books = sorted(folder.glob("CAS(ME)*code_final*.xlsx"))
    if not books:
        raise FileNotFoundError(f"{folder}: no coding sheet CAS(ME)^2code_final.xlsx, a workbook of three sheets")
    sheets = workbook(books[-1])[:3]
    if [sheet.shape[1] >= least for sheet, least in zip(sheets, (8, 3, 2), strict=False)] != [True] * 3:
        raise ValueError(f"{books[-1]}: a sheet or column is missing: expected the codes (8 columns), two naming rules")
    return books[-1], sheets


def _part(place: Path, coded: tuple, where: str) -> tuple[np.ndarray, int]:
    """The frames of a whole video from onset to offset, and the apex's position."""
    onset, apex, offset = (integer(value, f"{where}: a frame") for value in coded)
    offset = offset or apex
    files = frame_files(place, where)
    if onset not in files or offset not in files:
        raise FileNotFoundError(f"{where}: frames {onset} to {offset} are not all in {place}; copy the video again")
    span, position = part(files, onset, apex, offset, where, place)
    return clip(span, where, cropped=False), position
