"""Micro-expression sets, written small in the owners' layouts and read back."""

import csv
import warnings

import cv2
import numpy as np
import openpyxl
import pytest

from fer_nb.data import faces
from fer_nb.data.readers import micro

COLUMNS2 = ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units"]
COLUMNS2 += ["Estimated Emotion"]
ROWS2 = [
    [1, "EP02_01f", None, 46, 49, 51, None, "12", "happiness"],
    [1, "EP19_05f", None, 98, "/", 101, None, "4", "Others "],
    [17, "EP01_02", None, 1, 2, 3, None, "4", "fear"],
]
HEAD_SAMM = ["Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro"]
HEAD_SAMM += ["Action Units", "Estimated Emotion", "Objective Classes", "Notes"]
ROWS_SAMM = [
    ["006", "006_1_2", 1, 562, 565, 567, 6, "1/2", "12", "Happiness", 1, None],
    ["011", "011_2_1", 2, 8, -1, 10, 3, "1/2", "4", "Other", 7, "unsure"],
    ["011", "011_2_2", 2, 8, 9, 10, 3, "1/2", "4", "Fear", 7, None],
]


def frames(folder, names, size=(60, 50), seed=0):
    """Random grey pictures of these names; returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(seed).integers(0, 256, (len(names), *size), dtype=np.uint8)
    for name, image in zip(names, images, strict=True):
        cv2.imwrite(str(folder / name), image)
    return images


def workbook(path, *sheets):
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"sheet {number}")
        for row in rows:
            sheet.append(row)
    book.save(path)


def edited(rows, row, column, value):
    rows = [list(cells) for cells in rows]
    rows[row][column] = value
    return rows


@pytest.fixture
def casme2(tmp_path):
    folder = tmp_path / "casme2"
    workbook(folder / "CASME2-coding-20140508.xlsx", [COLUMNS2, *ROWS2])
    for row in ROWS2:
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


# CASME II


def test_casme2(casme2):
    clips = micro.casme2(casme2)
    assert clips.names.tolist() == ["EP02_01f", "EP19_05f"]  # fear is none of the five classes
    assert clips.subjects.tolist() == ["sub01", "sub01"]
    assert [clips.classes[label] for label in clips.labels] == ["happiness", "others"]
    assert [len(clip) for clip in clips.frames] == [6, 4]
    assert clips.apexes.tolist() == [3, -1]
    assert set(clips.sources) == {""}
    again = cv2.imread(str(casme2 / "Cropped/sub01/EP02_01f/reg_img47.bmp"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(clips.frames[0][1], cv2.resize(again, (48, 48), interpolation=cv2.INTER_AREA))


def test_other_classes_of_casme2(casme2):
    clips = micro.casme2(casme2, classes=("fear", "happiness"))
    assert clips.labels.tolist() == [1, 0] and clips.subjects.tolist() == ["sub01", "sub17"]
    with pytest.raises(ValueError, match=r"unknown classes \['joy'\]: choose from disgust"):
        micro.casme2(casme2, classes=("joy",))
    with pytest.raises(ValueError, match=r"xlsx: no clip of sadness"):
        micro.casme2(casme2, classes=("sadness",))


def test_frames_come_by_number_not_by_name(casme2):
    clips = micro.casme2(casme2)
    place = casme2 / "Cropped/sub01/EP19_05f"  # 98, 99, 100, 101: by name 100 would be first
    first = cv2.imread(str(place / "reg_img98.bmp"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(clips.frames[1][0], cv2.resize(first, (48, 48), interpolation=cv2.INTER_AREA))
    frames(place, ["copy_of_img98.bmp"])
    with pytest.raises(ValueError, match=r"row 3: clip EP19_05f of sub01: .*98\.bmp has no frame number of its own"):
        micro.casme2(casme2)


def test_csv_instead_of_xlsx(casme2):
    want = micro.casme2(casme2)
    (casme2 / "CASME2-coding-20140508.xlsx").unlink()
    with open(casme2 / "CASME2-coding-20140508.csv", "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([COLUMNS2, *ROWS2])
    clips = micro.casme2(casme2)
    assert clips.names.tolist() == want.names.tolist() and clips.apexes.tolist() == want.apexes.tolist()
    (casme2 / "CASME2-coding-20140508.csv").rename(casme2 / "CASME2-coding.xls")
    with pytest.raises(FileNotFoundError, match=r"no coding sheet CASME2-coding-\*\.xlsx.*save an \.xls as \.xlsx"):
        micro.casme2(casme2)


def test_whole_videos_are_cut_to_the_clip(casme2):
    place = casme2 / "Cropped/sub01/EP02_01f"
    want = micro.casme2(casme2).frames[0]
    frames(place, ["reg_img44.bmp", "reg_img45.bmp", "reg_img52.bmp"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(micro.casme2(casme2).frames[0], want)


def test_a_sheet_that_disagrees_with_the_folder(casme2):
    workbook(casme2 / "CASME2-coding-20190701.xlsx", [COLUMNS2, *edited(ROWS2, 0, 5, 91)])  # the newer one counts
    with pytest.warns(UserWarning, match=r"20190701\.xlsx: row 2: clip EP02_01f of sub01: frames 46 to 91 are not in"):
        clips = micro.casme2(casme2)
    assert len(clips.frames[0]) == 6 and clips.apexes[0] == 3


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
    workbook(casme2 / "CASME2-coding-20140508.xlsx", [COLUMNS2, *edited(ROWS2, row, column, value)])
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        micro.casme2(casme2, classes=micro.CASME2.emotions)


def test_a_missing_column(casme2):
    workbook(casme2 / "CASME2-coding-20140508.xlsx", edited([COLUMNS2, *ROWS2], 0, 4, "Peak"))
    with pytest.raises(ValueError, match=r"20140508\.xlsx: row 1: no column ApexFrame; give the owners' sheet"):
        micro.casme2(casme2)
    workbook(casme2 / "CASME2-coding-20140508.xlsx", ROWS2)
    with pytest.raises(ValueError, match="no row with the column Filename"):
        micro.casme2(casme2)


def test_frames_of_different_sizes(casme2):
    frames(casme2 / "Cropped/sub01/EP02_01f", ["reg_img48.bmp"], size=(61, 50))
    with pytest.raises(ValueError, match=r"row 2: clip EP02_01f of sub01: frames of different sizes"):
        micro.casme2(casme2)
    (casme2 / "Cropped/sub01/EP02_01f/reg_img48.bmp").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"reg_img48\.bmp: not a readable picture"):
        micro.casme2(casme2)


# CASME, SAMM, CAS(ME)^2, SMIC


def test_casme1(tmp_path):
    head = ["Subject", "Filename", None, "OnsetF", "ApexF1", "ApexF2", "OffsetF", None, "AU", "Emotion"]
    rows = [[1, "EP01_5", None, 12, 14, 15, 16, None, "4", "tense"], [4, "EP12_1", None, 5, 6, 0, 7, None, "1", "fear"]]
    workbook(tmp_path / "CASME.xlsx", [head, *rows])
    frames(tmp_path / "Cropped/sub01/EP01_5", [f"reg_EP01_5-{number}.jpg" for number in range(12, 17)])
    clips = micro.casme1(tmp_path)
    assert clips.names.tolist() == ["EP01_5"] and clips.subjects.tolist() == ["sub01"] and clips.apexes.tolist() == [2]
    assert clips.classes[clips.labels[0]] == "tense" and len(clips.frames[0]) == 5


def test_samm_finds_the_face_once_a_clip(samm, found):
    clips = micro.samm(samm)
    assert clips.names.tolist() == ["006_1_2", "011_2_1"] and clips.subjects.tolist() == ["006", "011"]
    assert [clips.classes[label] for label in clips.labels] == ["happiness", "others"]
    assert clips.apexes.tolist() == [3, -1] and [len(clip) for clip in clips.frames] == [6, 3]
    assert found == [(1, 108, 160)] * 2  # the first frame of each clip, made smaller
    # eyes to mouth 20 px of 160, 24 of 192: the square is 2.65 times that, its middle 0.21 times above the points'
    side, left, top = 64, 52, 23
    image = cv2.imread(str(samm / "006/006_1_2/006_00566.png"), cv2.IMREAD_GRAYSCALE)
    want = cv2.resize(image[top : top + side, left : left + side], (48, 48), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(clips.frames[0][4], want)


def test_the_row_of_samm_is_that_of_the_spreadsheet(samm, found):
    (samm / "011/011_2_1").rename(samm / "011/elsewhere")
    with pytest.raises(FileNotFoundError, match=r"SAMM_Micro_FACS_Codes_v2\.xlsx: row 16: clip 011_2_1 of 011"):
        micro.samm(samm)


def test_no_face_found(samm, monkeypatch):
    monkeypatch.setattr(faces, "detect", lambda images, progress: np.full((1, 5, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"row 15: clip 006_1_2 of 006: no face found in the first frame; give"):
        micro.samm(samm)


@pytest.fixture
def casmesq(tmp_path):
    codes = [
        [1, "anger1_1", 3, 5, 6, "4", "negative", "micro-expression", "anger"],
        [1, "anger1_2", 8, 9, 0, "4", "negative", "macro-expression", "anger"],
        [3, "happy2_1", 2, 4, 0, "12", "positive", "micro-expression", "happiness"],
    ]
    rules = [[15, "s15", 1], [19, "s19", 3]], [["0401", "anger1"], ["0503", "happy2"]]
    workbook(tmp_path / "CAS(ME)^2code_final.xlsx", codes, *rules)
    for place in ("s15/15_0401girlcrashing", "s19/19_0503unnyfarting"):
        frames(tmp_path / "rawpic" / place, [f"img{number:03}.png" for number in range(1, 11)], size=(120, 160))
    return tmp_path, codes, rules


def test_casmesq(casmesq, found):
    clips = micro.casmesq(casmesq[0])
    assert clips.names.tolist() == ["anger1_1", "happy2_1"] and clips.subjects.tolist() == ["s15", "s19"]
    assert [clips.classes[label] for label in clips.labels] == ["negative", "positive"]
    assert [len(clip) for clip in clips.frames] == [4, 3] and clips.apexes.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("row", "column", "value", "message"),
    [
        (2, 4, 11, r"row 3: clip happy2_1: frames 2 to 11 are not all in .*19_0503unnyfarting"),
        (0, 6, "joy", r"row 1: clip anger1_1: unknown emotion 'joy'; known: negative"),
        (0, 1, "anger9_1", r"row 1: clip anger9_1: participant 1 or video anger9_1 is in none of the naming rules"),
        (0, 2, "three", r"row 1: clip anger1_1: a frame is 'three'"),
        (0, 4, 3, r"row 1: clip anger1_1: 1 frame"),
    ],
)
def test_a_wrong_row_of_casmesq(casmesq, found, row, column, value, message):
    folder, codes, rules = casmesq
    workbook(folder / "CAS(ME)^2code_final.xlsx", edited(codes, row, column, value), *rules)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        micro.casmesq(folder)


def test_a_workbook_without_its_rules(casmesq):
    folder, codes, _ = casmesq
    workbook(folder / "CAS(ME)^2code_final.xlsx", codes)
    with pytest.raises(ValueError, match="a sheet or column is missing"):
        micro.casmesq(folder)


def test_smic(smic):
    clips = micro.smic(smic)
    assert clips.names.tolist() == ["s1_ne_01", "s1_sur_02", "s11_po_03"]
    assert clips.subjects.tolist() == ["s1", "s1", "s11"] and clips.labels.tolist() == [0, 2, 1]
    assert [len(clip) for clip in clips.frames] == [4, 3, 2] and set(clips.apexes) == {-1}
    with pytest.raises(FileNotFoundError, match=r"no .*SMIC_all_cropped/VIS or .*SMIC_all_raw/VIS"):
        micro.smic(smic, camera="VIS")
    (smic / "SMIC_all_cropped/HS/s1/micro/negative").rename(smic / "SMIC_all_cropped/HS/s1/micro/anger")
    with pytest.raises(ValueError, match="s1_ne_01: unknown emotion 'anger'"):
        micro.smic(smic)


def test_a_clip_of_smic_of_one_frame(smic):
    next((smic / "SMIC_all_cropped/HS/s11/micro/positive/s11_po_03").iterdir()).unlink()
    with pytest.raises(ValueError, match=r"s11_po_03: 1 frame\(s\)"):
        micro.smic(smic)


# MEGC2019


@pytest.fixture
def megc2019(casme2, samm, smic, tmp_path):
    (tmp_path / "megc2019").mkdir()
    rows = ["casme2,sub17,EP01_02,0", "smic,s01,s01_sur_02,2", "smic,s11,s11_po_03,1", "samm,6,006_1_2,1"]
    (tmp_path / "megc2019/combined_3class_gt.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "megc2019"


def test_megc2019(megc2019, found):
    clips = micro.megc2019(megc2019)
    assert clips.classes == ("negative", "positive", "surprise") and clips.labels.tolist() == [0, 2, 1, 1]
    assert clips.sources.tolist() == ["casme2", "smic", "smic", "samm"]
    assert clips.subjects.tolist() == ["sub17", "s01", "s11", "6"]
    assert [len(clip) for clip in clips.frames] == [3, 3, 2, 6] and clips.apexes.tolist() == [1, -1, -1, 3]


def test_a_head_in_the_composite_is_passed_over(megc2019, found):
    file = megc2019 / "combined_3class_gt.csv"
    file.write_text("dataset,subject,filename,class\n" + file.read_text())
    assert len(micro.megc2019(megc2019)) == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("samm,6,006_1_9,1", r"combined_3class_gt\.csv: row 5: clip 006_1_9 of samm 6: no such clip in .*samm"),
        ("smic,s02,s02_ne_01,0", r"row 5: clip s02_ne_01 of smic s02: no such clip in .*smic"),
        ("casme3,1,a,0", r"row 5: clip a of casme3 1: set 'casme3' or class '0' unknown"),
        ("smic,s01,s01_ne_01,3", r"row 5: clip s01_ne_01 of smic s01: set 'smic' or class '3' unknown"),
    ],
)
def test_a_wrong_row_of_the_composite(megc2019, found, row, message):
    file = megc2019 / "combined_3class_gt.csv"
    file.write_text(file.read_text() + row + "\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        micro.megc2019(megc2019)


def test_no_list_of_the_composite(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"combined_3class_gt\.csv: missing"):
        micro.megc2019(tmp_path)
