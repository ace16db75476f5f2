import csv
import warnings

import cv2
import numpy as np
import pytest
from owners import COLUMNS_CASME2, ROWS_CASME2, edited, frames, workbook

from fer_nb.data.readers import casme


def test_casme2(casme2):
    clips = casme.casme2(casme2)
    assert clips.names.tolist() == ["EP02_01f", "EP19_05f"]  # fear is none of the five classes
    assert clips.subjects.tolist() == ["sub01", "sub01"]
    assert [clips.classes[label] for label in clips.labels] == ["happiness", "others"]
    assert [len(clip) for clip in clips.frames] == [6, 4]
    assert clips.apexes.tolist() == [3, -1]
    assert set(clips.sources) == {""}
    again = cv2.imread(str(casme2 / "Cropped/sub01/EP02_01f/reg_img47.bmp"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(clips.frames[0][1], cv2.resize(again, (48, 48), interpolation=cv2.INTER_AREA))


def test_other_classes_of_casme2(casme2):
    clips = casme.casme2(casme2, classes=("fear", "happiness"))
    assert clips.labels.tolist() == [1, 0] and clips.subjects.tolist() == ["sub01", "sub17"]
    with pytest.raises(ValueError, match=r"unknown classes \['joy'\]: choose from disgust"):
        casme.casme2(casme2, classes=("joy",))
    with pytest.raises(ValueError, match=r"xlsx: no clip of sadness"):
        casme.casme2(casme2, classes=("sadness",))


def test_frames_come_by_number_not_by_name(casme2):
    clips = casme.casme2(casme2)
    place = casme2 / "Cropped/sub01/EP19_05f"  # 98, 99, 100, 101: by name 100 would be first
    first = cv2.imread(str(place / "reg_img98.bmp"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(clips.frames[1][0], cv2.resize(first, (48, 48), interpolation=cv2.INTER_AREA))
    frames(place, ["copy_of_img98.bmp"])
    with pytest.raises(ValueError, match=r"row 3: clip EP19_05f of sub01: .*98\.bmp has no frame number of its own"):
        casme.casme2(casme2)


def test_csv_instead_of_xlsx(casme2):
    want = casme.casme2(casme2)
    (casme2 / "CASME2-coding-20140508.xlsx").unlink()
    with open(casme2 / "CASME2-coding-20140508.csv", "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([COLUMNS_CASME2, *ROWS_CASME2])
    clips = casme.casme2(casme2)
    assert clips.names.tolist() == want.names.tolist() and clips.apexes.tolist() == want.apexes.tolist()
    (casme2 / "CASME2-coding-20140508.csv").rename(casme2 / "CASME2-coding.xls")
    with pytest.raises(FileNotFoundError, match=r"no coding sheet CASME2-coding-\*\.xlsx.*save an \.xls as \.xlsx"):
        casme.casme2(casme2)


def test_whole_videos_are_cut_to_the_clip(casme2):
    place = casme2 / "Cropped/sub01/EP02_01f"
    want = casme.casme2(casme2).frames[0]
    frames(place, ["reg_img44.bmp", "reg_img45.bmp", "reg_img52.bmp"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(casme.casme2(casme2).frames[0], want)


def test_a_sheet_that_disagrees_with_the_folder(casme2):
    newer = casme2 / "CASME2-coding-20190701.xlsx"  # which counts
    workbook(newer, [COLUMNS_CASME2, *edited(ROWS_CASME2, 0, 5, 91)])
    with pytest.warns(UserWarning, match=r"20190701\.xlsx: row 2: clip EP02_01f of sub01: frames 46 to 91 are not in"):
        clips = casme.casme2(casme2)
    assert len(clips.frames[0]) == 6 and clips.apexes[0] == 3


def test_lost_frames_are_said(casme2):
    place = casme2 / "Cropped/sub01/EP02_01f"
    for number in (47, 48):
        (place / f"reg_img{number}.bmp").unlink()
    message = r"20140508\.xlsx: row 2: clip EP02_01f of sub01: 2 of frames 46 to 51 are not in .*EP02_01f: copy them"
    with pytest.warns(UserWarning, match=message):
        clips = casme.casme2(casme2)
    assert len(clips.frames[0]) == 4 and clips.apexes.tolist() == [1, -1]
    (place / "reg_img49.bmp").unlink()
    with pytest.warns(UserWarning) as said:
        clips = casme.casme2(casme2)
    _, text = (str(one.message) for one in said)
    assert f"clip EP02_01f of sub01: the apex, frame 49, is not among frames 46 to 51 in {place}: the middle" in text
    assert len(clips.frames[0]) == 3 and clips.apexes[0] == -1


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (0, 1, "EP09_09", r"20140508\.xlsx: row 2: clip EP09_09 of sub01: no folder .*EP09_09; copy it"),
        (1, 8, "joy", r"20140508\.xlsx: row 3: clip EP19_05f: unknown emotion 'joy'; known: disgust"),
        (1, 8, None, r"row 3: clip EP19_05f: unknown emotion ''"),
        (2, 3, "/", r"row 4: clip EP01_02 of sub17: onset is '/', expected a whole number"),
        (0, 0, "a", r"row 2: clip EP02_01f: subject is '', expected a whole number"),
        (0, 5, 46, r"row 2: clip EP02_01f of sub01: 1 frame\(s\), a clip needs two or more"),
    ],
)
def test_a_wrong_row(casme2, row, column, value, message):
    workbook(casme2 / "CASME2-coding-20140508.xlsx", [COLUMNS_CASME2, *edited(ROWS_CASME2, row, column, value)])
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        casme.casme2(casme2, classes=casme.CASME2.emotions)


def test_a_missing_column(casme2):
    workbook(casme2 / "CASME2-coding-20140508.xlsx", edited([COLUMNS_CASME2, *ROWS_CASME2], 0, 4, "Peak"))
    with pytest.raises(ValueError, match=r"20140508\.xlsx: row 1: no column ApexFrame; give the owners' sheet"):
        casme.casme2(casme2)
    workbook(casme2 / "CASME2-coding-20140508.xlsx", ROWS_CASME2)
    with pytest.raises(ValueError, match="no row with the column Filename"):
        casme.casme2(casme2)


def test_frames_of_different_sizes(casme2):
    frames(casme2 / "Cropped/sub01/EP02_01f", ["reg_img48.bmp"], size=(61, 50))
    with pytest.raises(ValueError, match=r"row 2: clip EP02_01f of sub01: frames of different sizes"):
        casme.casme2(casme2)
    (casme2 / "Cropped/sub01/EP02_01f/reg_img48.bmp").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"reg_img48\.bmp: not a readable picture"):
        casme.casme2(casme2)


def test_casme1(tmp_path):
    head = ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
    rows = [[1, "EP01_5", None, 12, 14, 15, 16, None, "4", "tense"], [4, "EP12_1", None, 5, 6, 0, 7, None, "1", "fear"]]
    workbook(tmp_path / "CASME.xlsx", [head, *rows])
    frames(tmp_path / "Cropped/sub01/EP01_5", [f"reg_EP01_5-{number}.jpg" for number in range(12, 17)])
    clips = casme.casme1(tmp_path)
    assert clips.names.tolist() == ["EP01_5"] and clips.subjects.tolist() == ["sub01"] and clips.apexes.tolist() == [2]
    assert clips.classes[clips.labels[0]] == "tense" and len(clips.frames[0]) == 5
