import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from owners import small

from fer_nb.data import faces
from fer_nb.data.readers import ckplus, frames

DATA = Path(os.environ.get("FER_NB_DATA", "none"))
needs_data = pytest.mark.skipif(
    not (sorted(DATA.glob("yunet/*.onnx")) and (DATA / "ck+").is_dir()), reason="FER_NB_DATA has no yunet/*.onnx or CK+"
)


def test_a_square_stays_inside_the_picture(found):
    wide = np.random.default_rng(0).integers(0, 256, (60, 160), dtype=np.uint8)
    cut = frames.cut([wide, 255 - wide], "here", cropped=False)  # 53 px round y 45.8: pushed up to 7
    np.testing.assert_array_equal(cut[1], small(255 - wide[7:60, 44:97]))


@needs_data
def test_the_cut_of_a_photograph_is_that_of_ckplus(monkeypatch):
    """The points of a CK+ face, cut out of a large frame again, are within an eighth of a side of where they were."""
    monkeypatch.setattr(faces.paths, "DATA", DATA)
    images = ckplus.read(DATA / "ck+/CK+48").images[::100]
    wanted = faces.detect(images, progress=False)
    cuts = []
    for image in images:
        frame = np.full((480, 640), 128, np.uint8)
        frame[140:332, 200:392] = cv2.resize(image, (192, 192), interpolation=cv2.INTER_CUBIC)
        cuts.append(frames.cut([frame], "CK+", cropped=False)[0])
    again = faces.detect(np.stack(cuts), progress=False)
    assert np.nanmax(np.linalg.norm(again - wanted, axis=2)) < 6
