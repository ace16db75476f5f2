"""Micro-expression sets, each read from the layout in which its owners hand it out, as a ClipSet.

CASME (Yan et al. 2013), CASME II (Yan et al. 2014), CAS(ME)^2 (Qu et al. 2018), SAMM (Davison et al. 2018), SMIC (Li et
al. 2013) and the composite of MEGC2019 (See et al. 2019). Frames of a folder of cropped faces are taken whole and
scaled to 48x48; of raw frames the face is found in the first one and the same square is cut out of all.

A missing folder or picture raises FileNotFoundError, anything else wrong ValueError; the message names the coding
sheet, its row (counted from 1, as a spreadsheet shows it) and the clip. Sheets are .xlsx, or .csv with the same rows.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_nb.data.clips import ClipSet, check
from fer_nb.data.readers.frames import clip, frame_files
from fer_nb.data.readers.sheet import Layout, cells, integer, plain, read_sheet

CASMESQ = ("negative", "positive", "surprise", "others")
MEGC2019 = ("negative", "positive", "surprise")  # classes 0, 1, 2 of combined_3class_gt.csv


CASME1 = Layout(
    sheet="*",
    columns=("Subject", "Filename", "OnsetF", "ApexF1", "OffsetF", "Emotion"),
    roots=(("Cropped", True), ("CASME_raw_selected", False)),
    subject="sub{:02d}",
    emotions=("contempt", "disgust", "fear", "happiness", "repression", "sadness", "surprise", "tense"),
)
CASME2 = Layout(
    sheet="CASME2-coding-*",
    columns=("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion"),
    roots=(("Cropped", True), ("CASME2_RAW_selected", False)),
    subject="sub{:02d}",
    emotions=("disgust", "fear", "happiness", "others", "repression", "sadness", "surprise"),
)
SAMM = Layout(
    sheet="SAMM_Micro_FACS_Codes*",
    columns=("Subject", "Filename", "Onset Frame", "Apex Frame", "Offset Frame", "Estimated Emotion"),
    roots=(("SAMM_CROP", True), ("SAMM", False), (".", False)),
    subject="{:03d}",
    emotions=("anger", "contempt", "disgust", "fear", "happiness", "others", "sadness", "surprise"),
)


def casme1(folder: Path, classes: tuple[str, ...] = ("disgust", "repression", "surprise", "tense")) -> ClipSet:
    """CASME: its one sheet, Cropped/sub01/EP01_5/*.jpg or CASME_raw_selected/...; other emotions are left out."""
    return _coded(Path(folder), CASME1, classes)


def casme2(
    folder: Path, classes: tuple[str, ...] = ("disgust", "happiness", "others", "repression", "surprise")
) -> ClipSet:
    """CASME II: CASME2-coding-20140508.xlsx, Cropped/sub01/EP02_01f/*.jpg or CASME2_RAW_selected/...

    Emotions that are not among ``classes`` (by default fear and sadness, nine clips) are left out.
    """
    return _coded(Path(folder), CASME2, classes)


def samm(folder: Path, classes: tuple[str, ...] = ("anger", "contempt", "happiness", "others", "surprise")) -> ClipSet:
    """SAMM: SAMM_Micro_FACS_Codes_v2.xlsx (its head of prose is passed over), 006/006_1_2/006_05562.jpg.

    The subjects' folders stand beside the sheet, in SAMM/ or, as cropped faces, in SAMM_CROP/. Emotions that are not
    among ``classes`` (by default disgust, fear and sadness) are left out.
    """
    return _coded(Path(folder), SAMM, classes)


def _coded(folder: Path, layout: Layout, classes: tuple[str, ...]) -> ClipSet:
    """The clips of a set with a coding sheet whose emotion is among ``classes``."""
    if unknown := set(classes) - set(layout.emotions):
        raise ValueError(f"unknown classes {sorted(unknown)}: choose from {', '.join(layout.emotions)}")
    sheet, table = read_sheet(folder, layout)
    table = table[table["emotion"].isin(classes)]
    clips = []
    for row in tqdm(table.itertuples(), f"reading {folder.name}", len(table), mininterval=5):
        subject = layout.subject.format(row.subject)
        clips.append((*_coded_clip(folder, layout, sheet, row), classes.index(row.emotion), subject, row.clip))
    return _clip_set(clips, classes, str(sheet))


def _coded_clip(folder: Path, layout: Layout, sheet: Path, row) -> tuple[np.ndarray, int]:
    """Frames uint8 (T, 48, 48) and the apex's position of one row of a coding sheet."""
    subject = layout.subject.format(row.subject)
    where = f"{sheet}: row {row.row}: clip {row.clip} of {subject}"
    root, cropped = next((root for root in layout.roots if (folder / root[0]).is_dir()), layout.roots[0])
    place = folder / root / subject / row.clip
    onset, offset = integer(row.onset, f"{where}: onset"), integer(row.offset, f"{where}: offset")
    frames = frame_files(place, where)
    span = {number: file for number, file in frames.items() if onset <= number <= offset}
    if onset not in frames or offset not in frames or onset > offset:
        # The folders hold the clip and nothing else, and a few rows of the owners' sheets are known to be wrong.
        warnings.warn(f"{where}: frames {onset} to {offset} are not in {place}: all its frames are taken", stacklevel=2)
        span = frames
    apex = pd.to_numeric(row.apex, errors="coerce")  # "/" where CASME II's coders found none
    return clip(span, where, cropped), list(span).index(apex) if apex in span else -1


def _clip_set(clips: list[tuple], classes: tuple[str, ...], where: str, sources: list[str] | None = None) -> ClipSet:
    """A ClipSet of (frames, apex, label, subject, name) a clip."""
    if not clips:
        raise ValueError(f"{where}: no clip of {', '.join(classes)}; give the set as its owners hand it out")
    frames, apexes, labels, subjects, names = zip(*clips, strict=True)
    numbers = (np.array(values, np.int64) for values in (apexes, labels))
    texts = (np.array(values) for values in (subjects, names, sources or [""] * len(names)))
    return check(ClipSet(frames, *numbers, classes, *texts))


def casmesq(folder: Path, classes: tuple[str, ...] = CASMESQ) -> ClipSet:
    """The micro-expressions of CAS(ME)^2: CAS(ME)^2code_final.xlsx, rawpic/s15/15_0401girlcrashing/img001.jpg.

    The workbook's first sheet has no head: participant, clip, onset, apex, offset, units, emotion, type. The second
    ("naming rule1") gives the subject's folder in column 2 for a participant in column 3, the third ("naming rule2")
    the video's four digits in column 1 for the clip's first word in column 2. An apex or offset of 0 is not known:
    the apex is then -1, the end the apex. Macro-expressions are passed over.
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
        if emotion not in CASMESQ:
            raise ValueError(f"{where}: unknown emotion {row[7]!r}; known: {', '.join(CASMESQ)}")
        subject, video = subject_of.get(plain(row[1])), video_of.get(plain(str(row[2]).split("_")[0]))
        if subject is None or video is None:
            raise ValueError(f"{where}: participant {row[1]} or video {row[2]} is in none of the naming rules")
        if emotion in classes:
            place = next(iter(sorted(folder.glob(f"rawpic/{subject}/*_{video}*"))), folder / "rawpic" / subject / video)
            clips.append((*_part(place, row[3:6], where), classes.index(emotion), subject, str(row[2]).strip()))
    return _clip_set(clips, classes, str(book))


def _workbook(folder: Path) -> tuple[Path, list[pd.DataFrame]]:
    books = sorted(folder.glob("CAS(ME)*code_final*.xlsx"))
    if not books:
        raise FileNotFoundError(f"{folder}: no coding sheet CAS(ME)^2code_final.xlsx, a workbook of three sheets")
    sheets = list(pd.read_excel(books[-1], sheet_name=None, header=None, dtype=object).values())[:3]
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
    span = {number: file for number, file in files.items() if onset <= number <= offset}
    return clip(span, where, cropped=False), list(span).index(apex) if apex in span else -1


def smic(folder: Path, camera: str = "HS") -> ClipSet:
    """SMIC: SMIC_all_cropped/HS/s1/micro/negative/s1_ne_01/*.bmp or SMIC_all_raw/...; no sheet, no apexes.

    camera: "HS" (100 frames a second), "VIS" or "NIR" (25). A clip is every frame of its folder.
    """
    clips = [
        (clip(frame_files(place, str(place)), str(place), cropped), -1, label, subject, place.name)
        for place, subject, label, cropped in tqdm(smic_clips(Path(folder), camera), "reading SMIC", mininterval=5)
    ]
    return _clip_set(clips, MEGC2019, str(folder))


def smic_clips(folder: Path, camera: str = "HS") -> list[tuple[Path, str, int, bool]]:
    """Every clip of SMIC: its folder, the subject ("s1"), the label and whether the frames are cropped faces."""
    roots = [folder / name / camera for name in ("SMIC_all_cropped", "SMIC_all_raw")]
    root = next((root for root in roots if root.is_dir()), None)
    if root is None:
        raise FileNotFoundError(f"{folder}: no {roots[0]} or {roots[1]}; unpack SMIC as its owners hand it out")
    found = []
    for place in sorted(place for place in root.glob("s*/micro/*/*") if place.is_dir()):
        subject, emotion = place.parts[-4], place.parts[-2]
        if emotion not in MEGC2019:
            raise ValueError(f"{place}: unknown emotion {emotion!r}; expected {', '.join(MEGC2019)}")
        found.append((place, subject, MEGC2019.index(emotion), root is roots[0]))
    return found


def megc2019(folder: Path) -> ClipSet:
    """The composite of MEGC2019: combined_3class_gt.csv in ``folder``, the sets casme2, samm and smic beside it.

    A row is set, subject, clip, class (0 negative, 1 positive, 2 surprise), e.g. "smic,s01,s01_ne_01,0"; the classes
    are the file's, not those of the sets. ``sources`` are the sets, ``subjects`` those of the file.
    """
    file = Path(folder) / "combined_3class_gt.csv"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: missing; it is on the page of the challenge (README: real data)")
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
    return _clip_set(clips, MEGC2019, str(file), sources)


def _finder(data: Path, source: str):
    """A function of subject and clip as the composite names them, giving frames and apex from the set ``source``."""
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
            return _coded_clip(data / source, layout, sheet, known[key])
        place, cropped = known[key]
        return clip(frame_files(place, where), where, cropped), -1

    return find


def _numbers(name: str) -> str:
    """SMIC's s1_ne_01 and the composite's s01_ne_01 as one: "s1_ne_1"."""
    return re.sub(r"0*(\d+)", r"\1", name)
