"""CASME (Yan et al. 2013) and CASME II (Yan et al. 2014)."""

from pathlib import Path

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers.sheet import Layout, coded_clips

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
    roots=(("Cropped", True), ("Cropped_original", True), ("CASME2_RAW_selected", False)),
    subject="sub{:02d}",
    emotions=("disgust", "fear", "happiness", "others", "repression", "sadness", "surprise"),
)


def casme1(folder: Path, classes: tuple[str, ...] = ("disgust", "repression", "surprise", "tense")) -> ClipSet:
    """CASME: its one sheet, Cropped/sub01/EP01_5/*.jpg or CASME_raw_selected/...

    Clips of other classes are ignored.
    """
    return coded_clips(folder, CASME1, classes)


def casme2(
    folder: Path, classes: tuple[str, ...] = ("disgust", "happiness", "others", "repression", "surprise")
) -> ClipSet:
    """CASME II: CASME2-coding-20140508.xlsx, Cropped/sub01/EP02_01f/*.jpg or CASME2_RAW_selected/...

    Clips of other classes (by default fear and sadness, nine clips) are ignored.
    """
    return coded_clips(folder, CASME2, classes)
