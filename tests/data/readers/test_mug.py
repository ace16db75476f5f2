import numpy as np
import pytest
from owners import face, names, picture

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import mug


def test_mug(tmp_path, found):
    takes = ["001/anger/take000", "002/002/session0/neutral/take001"]
    images = [
        [picture(tmp_path / "subjects3" / take / f"img_{number:04}.jpg", seed=10 * n + number) for number in range(7)]
        for n, take in enumerate(takes)
    ]
    picture(tmp_path / "subjects3/001/mixed/take000/img_0000.jpg")  # ignored: no expression
    read = mug.read(tmp_path)
    assert names(read) == ["Angry"] * 3 + ["Neutral"] * 3 and read.classes == FER_CLASSES
    assert read.groups.tolist() == ["001"] * 3 + ["002"] * 3 and read.sequences[0] == "001/anger/take000"
    np.testing.assert_array_equal(read.images, [face(image) for take in images for image in take[2:5]])
    assert len(found) == 2  # one search a take
    for number in range(5):
        (tmp_path / "subjects3/001/anger/take000" / f"img_{number:04}.jpg").unlink()
    with pytest.raises(ValueError, match="take000: 2 pictures, fewer than 3"):
        mug.read(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* \(docs/data.md"):
        mug.read(tmp_path)
