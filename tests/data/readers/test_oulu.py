import numpy as np
import pytest
from owners import face, names, picture, small

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import oulu


def test_oulu(tmp_path, found):
    images = [picture(tmp_path / f"OriginalImg/VL/Strong/P001/Anger/{n:03}.jpeg", seed=n) for n in range(5)]
    read = oulu.read(tmp_path)
    assert names(read) == ["Angry"] * 3 and read.classes == FER_CLASSES[:6]
    assert set(read.groups) == {"P001"} and set(read.sequences) == {"P001/Anger"}
    np.testing.assert_array_equal(read.images, [face(image) for image in images[2:]])
    found.clear()
    place = tmp_path / "PreProcess Img/VL_Acropped/Strong/P003/Surprise"
    images = [picture(place / f"{n:03}.jpeg", (64, 64), seed=n) for n in range(3)]  # the owners' faces come first
    read = oulu.read(tmp_path)
    assert names(read) == ["Surprise"] * 3 and not found
    np.testing.assert_array_equal(read.images, [small(image) for image in images])
    place.rename(place.with_name("Joy"))
    with pytest.raises(ValueError, match="Joy: unknown emotion 'Joy'"):
        oulu.read(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* \(docs/data.md"):
        oulu.read(tmp_path)
