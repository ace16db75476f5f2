import pytest

from fer_nb.data.readers import megc2019


@pytest.fixture
def folder(casme2, samm, smic, tmp_path):
    (tmp_path / "megc2019").mkdir()
    rows = ["casme2,sub17,EP01_02,0", "smic,s01,s01_sur_02,2", "smic,s11,s11_po_03,1", "samm,6,006_1_2,1"]
    (tmp_path / "megc2019/combined_3class_gt.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "megc2019"


def test_megc2019(folder, found):
    clips = megc2019.read(folder)
    assert clips.classes == ("negative", "positive", "surprise") and clips.labels.tolist() == [0, 2, 1, 1]
    assert clips.sources.tolist() == ["casme2", "smic", "smic", "samm"]
    assert clips.subjects.tolist() == ["sub17", "s01", "s11", "6"]
    assert [len(clip) for clip in clips.frames] == [3, 3, 2, 6] and clips.apexes.tolist() == [1, -1, -1, 3]


def test_a_head_in_the_composite_is_passed_over(folder, found):
    file = folder / "combined_3class_gt.csv"
    file.write_text("dataset,subject,filename,class\n" + file.read_text())
    assert len(megc2019.read(folder)) == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("samm,6,006_1_9,1", r"combined_3class_gt\.csv: row 5: clip 006_1_9 of samm 6: no such clip in .*samm"),
        ("smic,s02,s02_ne_01,0", r"row 5: clip s02_ne_01 of smic s02: no such clip in .*smic"),
        ("casme3,1,a,0", r"row 5: clip a of casme3 1: set 'casme3' or class '0' unknown"),
        ("smic,s01,s01_ne_01,3", r"row 5: clip s01_ne_01 of smic s01: set 'smic' or class '3' unknown"),
    ],
)
def test_a_wrong_row_of_the_composite(folder, found, row, message):
    file = folder / "combined_3class_gt.csv"
    file.write_text(file.read_text() + row + "\n")
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        megc2019.read(folder)


def test_no_list_of_the_composite(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"combined_3class_gt\.csv: missing"):
        megc2019.read(tmp_path)
