import pandas as pd
import pytest

from fer_nb.recognise import speed
from fer_nb.recognise.pictures import shots


def test_pictures_and_a_video_are_timed(tmp_path):
    table = speed.compare(["haar"], ["torch"], "lightResNetl", 2, 0.0, tmp_path)
    (row,) = table.to_dict("records")
    assert (row["detector"], row["runtime"], row["frames"], row["faces"]) == ("haar", "torch", 2, 2)
    assert 0 < row["detection_ms"] < row["picture_ms"]
    assert row["pictures_per_second"] == pytest.approx(1000 / row["picture_ms"])
    assert row["memory_mb"] > 100 and row["frames_per_second"] > 0


def test_the_pictures_are_as_large_as_is_said(tmp_path):
    _, video = speed.example_files(tmp_path, 3)
    assert [shot.pixels.shape for shot in shots([video])] == [(720, 1280, 3)] * 3


def test_words_name_the_quickest():
    row = {"detector": "haar", "runtime": "torch", "detection_ms": 30.0, "picture_ms": 60.0, "frames": 1000}
    row |= {"pictures_per_second": 16.7, "memory_mb": 900.0}
    quick = row | {"detector": "yunet", "runtime": "int8", "detection_ms": 10.0, "picture_ms": 40.0}
    quick |= {"pictures_per_second": 25.0, "memory_mb": 800.0}
    text = speed.words(pd.DataFrame([row, quick]))
    assert "yunet with int8, reads 25.0 pictures" in text and "25% of the time" in text
    assert "1,000 frames takes at most 900 MB" in text
