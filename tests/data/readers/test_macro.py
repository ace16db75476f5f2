"""Sets of macro-expressions, written small in the owners' layouts and read back."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from fer_nb.data import datasets, faces
from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import frames, macro

DATA = Path(os.environ.get("FER_NB_DATA", "none"))
needs_data = pytest.mark.skipif(
    not (sorted(DATA.glob("yunet/*.onnx")) and (DATA / "ck+").is_dir()), reason="FER_NB_DATA has no yunet/*.onnx or CK+"
)


def picture(path, size=(120, 160), seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    cv2.imwrite(str(path), image)
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)


def small(image):
    return cv2.resize(image, (48, 48), interpolation=cv2.INTER_AREA)


@pytest.fixture(autouse=True)
def found(monkeypatch):
    """A detector that sees the same face in every picture of 120x160; keeps the sizes that it was given."""
    seen = []

    def detect(images, model=None, progress=True):
        seen.append(images.shape)
        return np.array([[[60, 40], [80, 40], [70, 50], [62, 60], [78, 60]]], np.float32)

    monkeypatch.setattr(faces, "detect", detect)
    return seen


def face(image):
    """What is cut out of a 120x160 picture with that face: 53 px a side round (70, 45.8)."""
    return small(image[19 : 19 + 53, 44 : 44 + 53])


def names(faces_):
    return [faces_.classes[label] for label in faces_.labels]


# RAF-DB


@pytest.fixture
def rafdb(tmp_path):
    lines = ["train_00001.jpg 5", "train_00002.jpg 1", "test_0001.jpg 7", "test_0002.jpg 4"]
    (tmp_path / "EmoLabel").mkdir()
    (tmp_path / "EmoLabel/list_patition_label.txt").write_text("\n".join(lines) + "\n")
    for seed, line in enumerate(lines):
        picture(tmp_path / "Image/aligned" / f"{line.split('.')[0]}_aligned.jpg", (100, 100), seed)
    return tmp_path


def test_rafdb(rafdb):
    read = macro.rafdb(rafdb)
    assert read.classes == FER_CLASSES and names(read) == ["Sad", "Surprise", "Neutral", "Happy"]
    assert read.split.tolist() == ["train", "train", "test", "test"] and read.rows.tolist() == [0, 1, 2, 3]
    assert read.images.dtype == np.uint8 and read.labels.dtype == read.rows.dtype == np.int64
    assert set(read.groups) == set(read.sequences) == {""}
    image = cv2.imread(str(rafdb / "Image/aligned/test_0001_aligned.jpg"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(read.images[2], small(image))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("test_0003.jpg 8", "line 5: 'test_0003.jpg 8' is not <train_|test_ name> <label 1 to 7>"),
        ("0003.jpg 1", "line 5: '0003.jpg 1' is not"),
        ("test_0003.jpg 1", r"line 5: no picture .*test_0003_aligned\.jpg"),
    ],
)
def test_a_wrong_line_of_rafdb(rafdb, line, message):
    file = rafdb / "EmoLabel/list_patition_label.txt"
    file.write_text(file.read_text() + line)
    with pytest.raises((ValueError, FileNotFoundError), match=message.replace("|", r"\|")):
        macro.rafdb(rafdb)


# MUG, OULU-CASIA, ISED


def test_mug(tmp_path, found):
    takes = ["001/anger/take000", "002/002/session0/neutral/take001"]
    images = [
        [picture(tmp_path / "subjects3" / take / f"img_{number:04}.jpg", seed=10 * n + number) for number in range(7)]
        for n, take in enumerate(takes)
    ]
    picture(tmp_path / "subjects3/001/mixed/take000/img_0000.jpg")  # passed over: no expression
    read = macro.mug(tmp_path)
    assert names(read) == ["Angry"] * 3 + ["Neutral"] * 3 and read.classes == FER_CLASSES
    assert read.groups.tolist() == ["001"] * 3 + ["002"] * 3 and read.sequences[0] == "001/anger/take000"
    np.testing.assert_array_equal(read.images, [face(image) for take in images for image in take[2:5]])
    assert len(found) == 2  # one search a take
    for number in range(5):
        (tmp_path / "subjects3/001/anger/take000" / f"img_{number:04}.jpg").unlink()
    with pytest.raises(ValueError, match="take000: 2 pictures, fewer than 3"):
        macro.mug(tmp_path)


def test_oulu(tmp_path, found):
    images = [picture(tmp_path / f"OriginalImg/VL/Strong/P001/Anger/{n:03}.jpeg", seed=n) for n in range(5)]
    read = macro.oulu(tmp_path)
    assert names(read) == ["Angry"] * 3 and read.classes == FER_CLASSES[:6]
    assert set(read.groups) == {"P001"} and set(read.sequences) == {"P001/Anger"}
    np.testing.assert_array_equal(read.images, [face(image) for image in images[2:]])
    found.clear()
    place = tmp_path / "PreProcess Img/VL_Acropped/Strong/P003/Surprise"
    images = [picture(place / f"{n:03}.jpeg", (64, 64), seed=n) for n in range(3)]  # the owners' faces come first
    read = macro.oulu(tmp_path)
    assert names(read) == ["Surprise"] * 3 and not found
    np.testing.assert_array_equal(read.images, [small(image) for image in images])
    place.rename(place.with_name("Joy"))
    with pytest.raises(ValueError, match="Joy: unknown emotion 'Joy'"):
        macro.oulu(tmp_path)


def test_ised(tmp_path):
    rows = [[26, "P26", 7, 39, "videos/PS 26/7.avi", "", 1.0], [5, "P5", 3, 85, "videos/PS 5/3.avi", "", 4.0]]
    details = np.empty((2, 16), object)
    details[:] = ""
    for number, row in enumerate(rows):
        details[number, :7] = row
    savemat(tmp_path / "ISED_details.mat", {"ISED_details": details})
    image = picture(tmp_path / "peakImages/26_7_39.jpg")
    with pytest.raises(FileNotFoundError, match=r"row 2: no picture .*5_3_85\.jpg"):
        macro.ised(tmp_path)
    picture(tmp_path / "peakImages/5_3_85.jpg", seed=1)
    read = macro.ised(tmp_path)
    assert read.classes == ("Disgust", "Happy", "Sad", "Surprise") and names(read) == ["Happy", "Disgust"]
    assert read.groups.tolist() == ["26", "5"] and read.sequences.tolist() == ["26_7", "5_3"]
    np.testing.assert_array_equal(read.images[0], face(image))
    details[1, 6] = 5
    savemat(tmp_path / "ISED_details.mat", {"ISED_details": details})
    with pytest.raises(ValueError, match=r"ISED_details\.mat: row 2: unknown emotion '5'"):
        macro.ised(tmp_path)
    savemat(tmp_path / "ISED_details.mat", {"other": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r"ISED_details\.mat: no table of at least 7 columns"):
        macro.ised(tmp_path)


# DISFA


def coded(length, **units):
    """Strengths (length, 12) with au<number>=(start, stop, strength)."""
    strengths = np.zeros((length, len(macro.UNITS)), np.int64)
    for name, (start, stop, strength) in units.items():
        strengths[start:stop, macro.UNITS.index(int(name[2:]))] = strength
    return strengths


def test_episodes():
    happy = coded(30, au6=(10, 20, 2), au12=(8, 25, 3))
    happy[14] += coded(1, au6=(0, 1, 3))[0]
    assert macro.episodes(happy) == {4: "Neutral", 14: "Happy", 27: "Neutral"}
    assert macro.episodes(coded(8, au6=(0, 8, 2), au12=(0, 8, 1))) == {}  # too weak
    assert macro.episodes(coded(8, au9=(2, 6, 3))) == {}  # four frames, and fewer than five round it
    both = coded(8, au6=(0, 8, 2), au12=(0, 8, 2), au4=(0, 8, 2), au5=(0, 8, 2))
    assert macro.episodes(both) == {}  # Angry and Happy at once
    assert macro.episodes(both + coded(8, au1=(0, 8, 2), au15=(0, 8, 2))) == {0: "Sad"}  # the longest wins
    assert macro.episodes(np.full((6, 12), 5)) == {0: "Fear"}


@pytest.fixture
def disfa(tmp_path):
    strengths = coded(20, au6=(8, 20, 2), au12=(8, 20, 3))
    strengths[15] += coded(1, au12=(0, 1, 1))[0]
    labels = tmp_path / "ActionUnit_Labels/SN001"
    labels.mkdir(parents=True)
    for unit, column in zip(macro.UNITS, strengths.T, strict=True):
        lines = [f"{frame},{strength}" for frame, strength in enumerate(column, 1)]
        (labels / f"SN001_au{unit}.txt").write_text("\n".join(lines) + "\n")
    write_video(tmp_path / "Videos_LeftCamera/LeftVideoSN001_comp.avi", 20)
    return tmp_path


def write_video(path, length):
    """Frame n (from 0) is grey of brightness 10 n, losslessly enough to tell the frames apart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (160, 120))
    for number in range(length):
        video.write(np.full((120, 160, 3), 10 * number, np.uint8))
    video.release()


def test_disfa(disfa):
    read = macro.disfa(disfa)
    assert names(read) == ["Neutral", "Happy"] and read.classes == FER_CLASSES
    assert read.groups.tolist() == ["SN001"] * 2 and read.sequences.tolist() == ["SN001_5", "SN001_16"]
    assert np.abs(read.images.mean((1, 2)) - (40, 150)).max() < 3


def test_damaged_disfa(disfa):
    write_video(disfa / "Videos_LeftCamera/LeftVideoSN001_comp.avi", 12)
    with pytest.raises(ValueError, match=r"SN001_comp\.avi: frame 13 cannot be read"):
        macro.disfa(disfa)
    file = disfa / "ActionUnit_Labels/SN001/SN001_au5.txt"
    file.write_text("1,0\n2,6\n")
    with pytest.raises(ValueError, match=r"SN001_au5\.txt: line 2: '2,6' is not <frame 2>,<strength 0 to 5>"):
        macro.disfa(disfa)
    file.write_text("1,0\n2,0\n")
    with pytest.raises(ValueError, match=r"SN001_au5\.txt: 2 frames, but SN001_au1\.txt has 20"):
        macro.disfa(disfa)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"SN001_au5\.txt: missing"):
        macro.disfa(disfa)


# All


@pytest.mark.parametrize("name", ["rafdb", "mug", "oulu", "ised", "disfa"])
def test_an_empty_folder(name, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* here \(README: real data\)"):
        getattr(macro, name)(tmp_path)


def test_a_square_stays_inside_the_picture():
    wide = np.random.default_rng(0).integers(0, 256, (60, 160), dtype=np.uint8)
    cut = frames.cut([wide, 255 - wide], "here", cropped=False)  # 53 px round y 45.8: pushed up to 7
    np.testing.assert_array_equal(cut[1], small(255 - wide[7:60, 44:97]))


@needs_data
def test_the_cut_of_a_photograph_is_that_of_ckplus(monkeypatch):
    """The points of a CK+ face, cut out of a large frame again, are within an eighth of a side of where they were."""
    monkeypatch.undo()
    monkeypatch.setattr(faces.paths, "DATA", DATA)
    images = datasets.load_ckplus(DATA / "ck+/CK+48").images[::100]
    wanted = faces.detect(images, progress=False)
    cuts = []
    for image in images:
        frame = np.full((480, 640), 128, np.uint8)
        frame[140:332, 200:392] = cv2.resize(image, (192, 192), interpolation=cv2.INTER_CUBIC)
        cuts.append(frames.cut([frame], "CK+", cropped=False)[0])
    again = faces.detect(np.stack(cuts), progress=False)
    assert np.nanmax(np.linalg.norm(again - wanted, axis=2)) < 6
