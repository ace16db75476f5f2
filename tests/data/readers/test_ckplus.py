import cv2
import numpy as np
import pytest
from owners import pictures

from fer_nb.data.faceset import CK_CLASSES
from fer_nb.data.readers import ckplus


def test_ckplus(ckplus_folder):
    faces = ckplus.read(ckplus_folder)
    assert faces.images.shape == (252, 48, 48)
    assert (faces.images[:3] == pictures(3, seed=0)).all()
    assert faces.labels.tolist() == np.repeat(range(7), 36).tolist()
    assert faces.classes == CK_CLASSES
    assert faces.groups[:4].tolist() == ["S000", "S000", "S000", "S001"]
    assert faces.sequences[36] == "S000_001"
    assert set(faces.split) == {"train"}


def test_bad_ckplus(ckplus_folder):
    path = ckplus_folder / "happy" / "S003_003_00000008.png"
    cv2.imwrite(str(path), np.zeros((40, 50), np.uint8))
    with pytest.raises(ValueError, match=r"happy/S003_003_00000008.png: 50x40 pixels, expected 48x48"):
        ckplus.read(ckplus_folder)
    for content in (b"", b"no picture"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"S003_003_00000008\.png: not a readable picture"):
            ckplus.read(ckplus_folder)
    path.rename(path.with_name("S3_003_00000008.png"))
    with pytest.raises(ValueError, match=r"S3_003_00000008\.png: the name is not S<subject>"):
        ckplus.read(ckplus_folder)
    with pytest.raises(FileNotFoundError, match=r"no CK\+48 folder, anger/\*.png is missing"):
        ckplus.read(ckplus_folder / "happy")
