"""Sets that several test files read, and a detector that finds a face in every picture."""

import numpy as np
import pytest
from owners import COLUMNS_CASME2, HEAD_SAMM, ROWS_CASME2, ROWS_SAMM, frames, workbook

from fer_nb.data import faces


@pytest.fixture
def casme2(tmp_path):
    folder = tmp_path / "casme2"
    workbook(folder / "CASME2-coding-20140508.xlsx", [COLUMNS_CASME2, *ROWS_CASME2])
    for row in ROWS_CASME2:
        names = [f"reg_img{number}.bmp" for number in range(row[3], row[5] + 1)]
        frames(folder / f"Cropped/sub{row[0]:02}/{row[1]}", names, seed=row[3])
    return folder


@pytest.fixture
def samm(tmp_path):
    folder = tmp_path / "samm"
    prose = [["SAMM Micro-Movements"], [], *[[f"Note {number}", "see the paper"] for number in range(10)], []]
    workbook(folder / "SAMM_Micro_FACS_Codes_v2.xlsx", [*prose, HEAD_SAMM, *ROWS_SAMM])
    for subject, clip, _, onset, _, offset, *_ in ROWS_SAMM:
        names = [f"{subject}_{number:05}.png" for number in range(onset, offset + 1)]
        frames(folder / subject / clip, names, size=(130, 192), seed=onset)
    return folder


@pytest.fixture
def smic(tmp_path):
    folder = tmp_path / "smic"
    clips = {"s1/micro/negative/s1_ne_01": 4, "s1/micro/surprise/s1_sur_02": 3, "s11/micro/positive/s11_po_03": 2}
    for place, number in clips.items():
        names = [f"reg_image{371 + count:06}.bmp" for count in range(number)]
        frames(folder / "SMIC_all_cropped/HS" / place, names, seed=number)
    frames(folder / "SMIC_all_cropped/HS/s1/non_micro/s1_n1", ["reg_image000001.bmp"])
    return folder


@pytest.fixture
def found(monkeypatch):
    """A detector that sees the same face in every picture; counts its calls and keeps what it was given."""
    seen = []

    def detect(images, model=None, progress=True):
        seen.append(images.shape)
        points = np.array([[60, 40], [80, 40], [70, 50], [62, 60], [78, 60]], np.float32)
        return np.repeat(points[None] * images.shape[2] / 160, len(images), axis=0)

    monkeypatch.setattr(faces, "detect", detect)
    return seen
