import pytest

from fer_nb.data.readers import smic as reader


def test_smic(smic):
    clips = reader.read(smic)
    assert clips.names.tolist() == ["s1_ne_01", "s1_sur_02", "s11_po_03"]
    assert clips.subjects.tolist() == ["s1", "s1", "s11"] and clips.labels.tolist() == [0, 2, 1]
    assert [len(clip) for clip in clips.frames] == [4, 3, 2] and set(clips.apexes) == {-1}
    with pytest.raises(FileNotFoundError, match=r"no .*SMIC_all_cropped/HS or .*SMIC_all_raw/HS"):
        reader.read(smic / "SMIC_all_cropped")
    (smic / "SMIC_all_cropped/HS/s1/micro/negative").rename(smic / "SMIC_all_cropped/HS/s1/micro/anger")
    with pytest.raises(ValueError, match="s1_ne_01: unknown emotion 'anger'"):
        reader.read(smic)


def test_a_clip_of_smic_of_one_frame(smic):
    next((smic / "SMIC_all_cropped/HS/s11/micro/positive/s11_po_03").iterdir()).unlink()
    with pytest.raises(ValueError, match=r"s11_po_03: 1 frame\(s\)"):
        reader.read(smic)
