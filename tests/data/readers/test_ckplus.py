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


def test_names_in_capitals_and_hidden_files(ckplus_folder):
    wanted = ckplus.read(ckplus_folder).images
    path = ckplus_folder / "fear/S003_002_00000008.png"
    path.rename(path.with_suffix(".PNG"))
    (ckplus_folder / "fear/._S003_002_00000008.png").write_bytes(b"\0\5\x16\7")
    assert (ckplus.read(ckplus_folder).images == wanted).all()


def test_pixels_of_sixteen_bits(ckplus_folder):
    wanted = ckplus.read(ckplus_folder).images
    paths = ckplus.files(ckplus_folder)
    for index, factor in {0: 1, 1: 257}.items():  # 0 to 255 in sixteen bits, and the whole range
        cv2.imwrite(str(paths[index]), wanted[index].astype(np.uint16) * factor)
    assert (ckplus.read(ckplus_folder).images == wanted).all()


def test_a_sequence_is_three_frames_of_one_class(ckplus_folder):
    path = ckplus_folder / "anger/S004_000_00000007.png"
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(ValueError, match="anger: sequence S004_000 has 2 frames, expected 3: copy"):
        ckplus.read(ckplus_folder)
    path.write_bytes(content)
    path.with_name("S004_000_00000006.png").write_bytes(content)
    with pytest.raises(ValueError, match="anger: sequence S004_000 has 4 frames"):
        ckplus.read(ckplus_folder)
    path.with_name("S004_000_00000006.png").rename(ckplus_folder / "fear/S004_000_00000006.png")
    with pytest.raises(ValueError, match="sequence S004_000 is in anger and fear: keep it in one"):
        ckplus.read(ckplus_folder)
