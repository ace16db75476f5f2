"""SAMM (Davison et al. 2018)."""

from pathlib import Path

from fer_nb.data.clips import ClipSet
from fer_nb.data.readers.sheet import Layout, coded_clips

LAYOUT = Layout(
    sheet="SAMM_Micro_FACS_Codes*",
    columns=("Subject", "Filename", "Onset Frame", "Apex Frame", "Offset Frame", "Estimated Emotion"),
    roots=(("SAMM_CROP", True), ("SAMM", False), (".", False)),
    subject="{:03d}",
    emotions=("anger", "contempt", "disgust", "fear", "happiness", "others", "sadness", "surprise"),
)


def read(folder: Path, classes: tuple[str, ...] = ("anger", "contempt", "happiness", "others", "surprise")) -> ClipSet:
    """SAMM_Micro_FACS_Codes_v2.xlsx (the prose above its table is ignored), 006/006_1_2/006_05562.jpg.

    The subjects' folders are beside the sheet, in SAMM/ or, as cropped faces, in SAMM_CROP/. Clips of other classes (by
    default disgust, fear and sadness) are ignored.
    """
    return coded_clips(folder, LAYOUT, classes)
