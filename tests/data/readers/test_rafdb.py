import cv2
import numpy as np
import pytest
from owners import names, picture, small

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.data.readers import rafdb


@pytest.fixture
def folder(tmp_path):
    lines = ["train_00001.jpg 5", "train_00002.jpg 1", "test_0001.jpg 7", "test_0002.jpg 4"]
    (tmp_path / "EmoLabel").mkdir()
    (tmp_path / "EmoLabel/list_patition_label.txt").write_text("\n".join(lines) + "\n")
    for seed, line in enumerate(lines):
        picture(tmp_path / "Image/aligned" / f"{line.split('.')[0]}_aligned.jpg", (100, 100), seed)
    return tmp_path


def test_rafdb(folder):
    read = rafdb.read(folder)
    assert read.classes == FER_CLASSES and names(read) == ["Sad", "Surprise", "Neutral", "Happy"]
    assert read.split.tolist() == ["train", "train", "test", "test"] and read.rows.tolist() == [0, 1, 2, 3]
    assert read.images.dtype == np.uint8 and read.labels.dtype == read.rows.dtype == np.int64
    assert set(read.groups) == set(read.sequences) == {""}
    image = cv2.imread(str(folder / "Image/aligned/test_0001_aligned.jpg"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(read.images[2], small(image))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("test_0003.jpg 8", "line 5: 'test_0003.jpg 8' is not <train_|test_ name> <label 1 to 7>"),
        ("0003.jpg 1", "line 5: '0003.jpg 1' is not"),
        ("test_0003.jpg 1", r"line 5: no picture .*test_0003_aligned\.jpg"),
    ],
)
def test_a_wrong_line_of_rafdb(folder, line, message):
    file = folder / "EmoLabel/list_patition_label.txt"
    file.write_text(file.read_text() + line)
    with pytest.raises((ValueError, FileNotFoundError), match=message.replace("|", r"\|")):
        rafdb.read(folder)


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* \(docs/data.md"):
        rafdb.read(tmp_path)
