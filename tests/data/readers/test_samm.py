import cv2
import numpy as np
import pytest

from fer_nb.data import faces
from fer_nb.data.readers import samm as reader


def test_samm_finds_the_face_once_a_clip(samm, found):
    clips = reader.read(samm)
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
        reader.read(samm)


def test_no_face_found(samm, monkeypatch):
    monkeypatch.setattr(faces, "detect", lambda images, progress: np.full((1, 5, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"row 15: clip 006_1_2 of 006: no face found in the first frame; give"):
        reader.read(samm)
