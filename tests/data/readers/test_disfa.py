import cv2
import numpy as np
import pytest
from owners import names

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import disfa


def coded(length, **units):
    """Strengths (length, 12) with au<number>=(start, stop, strength)."""
    strengths = np.zeros((length, len(disfa.UNITS)), np.int64)
    for name, (start, stop, strength) in units.items():
        strengths[start:stop, disfa.UNITS.index(int(name[2:]))] = strength
    return strengths


def test_episodes():
    happy = coded(30, au6=(10, 20, 2), au12=(8, 25, 3))
    happy[14] += coded(1, au6=(0, 1, 3))[0]
    assert disfa.episodes(happy) == {4: "Neutral", 14: "Happy", 27: "Neutral"}
    assert disfa.episodes(coded(8, au6=(0, 8, 2), au12=(0, 8, 1))) == {}  # too weak
    assert disfa.episodes(coded(8, au9=(2, 6, 3))) == {}  # four frames, and fewer than five round it
    both = coded(8, au6=(0, 8, 2), au12=(0, 8, 2), au4=(0, 8, 2), au5=(0, 8, 2))
    assert disfa.episodes(both) == {}  # Angry and Happy at once
    assert disfa.episodes(both + coded(8, au1=(0, 8, 2), au15=(0, 8, 2))) == {0: "Sad"}  # the longest wins
    assert disfa.episodes(np.full((6, 12), 5)) == {0: "Fear"}


@pytest.fixture
def folder(tmp_path):
    strengths = coded(20, au6=(8, 20, 2), au12=(8, 20, 3))
    strengths[15] += coded(1, au12=(0, 1, 1))[0]
    labels = tmp_path / "ActionUnit_Labels/SN001"
    labels.mkdir(parents=True)
    for unit, column in zip(disfa.UNITS, strengths.T, strict=True):
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


def test_disfa(folder, found):
    read = disfa.read(folder)
    assert names(read) == ["Neutral", "Happy"] and read.classes == FER_CLASSES
    assert read.groups.tolist() == ["SN001"] * 2 and read.sequences.tolist() == ["SN001_5", "SN001_16"]
    assert np.abs(read.images.mean((1, 2)) - (40, 150)).max() < 3


def test_damaged_disfa(folder, found):
    write_video(folder / "Videos_LeftCamera/LeftVideoSN001_comp.avi", 12)
    with pytest.raises(ValueError, match=r"SN001_comp\.avi: frame 13 cannot be read"):
        disfa.read(folder)
    file = folder / "ActionUnit_Labels/SN001/SN001_au5.txt"
    file.write_text("1,0\n2,6\n")
    with pytest.raises(ValueError, match=r"SN001_au5\.txt: line 2: '2,6' is not <frame 2>,<strength 0 to 5>"):
        disfa.read(folder)
    file.write_text("1,0\n2,0\n")
    with pytest.raises(ValueError, match=r"SN001_au5\.txt: 2 frames, but SN001_au1\.txt has 20"):
        disfa.read(folder)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"SN001_au5\.txt: missing"):
        disfa.read(folder)


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* \(docs/data.md"):
        disfa.read(tmp_path)
