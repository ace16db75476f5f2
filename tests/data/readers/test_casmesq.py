import pytest
from owners import edited, frames, workbook

from fer_nb.data.readers import casmesq


@pytest.fixture
def written(tmp_path):
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


def test_casmesq(written, found):
    clips = casmesq.read(written[0])
    assert clips.names.tolist() == ["anger1_1", "happy2_1"] and clips.subjects.tolist() == ["s15", "s19"]
    assert [clips.classes[label] for label in clips.labels] == ["negative", "positive"]
    assert [len(clip) for clip in clips.frames] == [4, 3] and clips.apexes.tolist() == [2, 2]


def test_lost_frames_of_casmesq_are_said(written, found):
    (written[0] / "rawpic/s15/15_0401girlcrashing/img005.png").unlink()
    with pytest.warns(UserWarning) as said:
        clips = casmesq.read(written[0])
    texts = [str(one.message) for one in said]
    assert len(clips.frames[0]) == 3 and clips.apexes.tolist() == [-1, 2] and len(texts) == 2
    assert all("code_final.xlsx: row 1: clip anger1_1: " in text and "15_0401girlcrashing" in text for text in texts)
    assert "1 of frames 3 to 6 are not in" in texts[0] and "the apex, frame 5, is not among" in texts[1]


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
def test_a_wrong_row_of_casmesq(written, found, row, column, value, message):
    folder, codes, rules = written
    workbook(folder / "CAS(ME)^2code_final.xlsx", edited(codes, row, column, value), *rules)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        casmesq.read(folder)


def test_a_workbook_without_its_rules(written):
    folder, codes, _ = written
    workbook(folder / "CAS(ME)^2code_final.xlsx", codes)
    with pytest.raises(ValueError, match="a sheet or column is missing"):
        casmesq.read(folder)
