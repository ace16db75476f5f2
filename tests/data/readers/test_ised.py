import numpy as np
import pytest
from owners import face, names, picture
from scipy.io import savemat

from fer_nb.data.readers import ised


def test_ised(tmp_path, found):
    rows = [[26, "P26", 7, 39, "videos/PS 26/7.avi", "", 1.0], [5, "P5", 3, 85, "videos/PS 5/3.avi", "", 4.0]]
    details = np.empty((2, 16), object)
    details[:] = ""
    for number, row in enumerate(rows):
        details[number, :7] = row
    savemat(tmp_path / "ISED_details.mat", {"ISED_details": details})
    image = picture(tmp_path / "peakImages/26_7_39.jpg")
    with pytest.raises(FileNotFoundError, match=r"row 2: no picture .*5_3_85\.jpg"):
        ised.read(tmp_path)
    picture(tmp_path / "peakImages/5_3_85.jpg", seed=1)
    read = ised.read(tmp_path)
    assert read.classes == ("Disgust", "Happy", "Sad", "Surprise") and names(read) == ["Happy", "Disgust"]
    assert read.groups.tolist() == ["26", "5"] and read.sequences.tolist() == ["26_7", "5_3"]
    np.testing.assert_array_equal(read.images[0], face(image))
    details[1, 6] = 5
    savemat(tmp_path / "ISED_details.mat", {"ISED_details": details})
    with pytest.raises(ValueError, match=r"ISED_details\.mat: row 2: unknown emotion '5'"):
        ised.read(tmp_path)
    savemat(tmp_path / "ISED_details.mat", {"other": np.zeros((2, 3))})
    with pytest.raises(ValueError, match=r"ISED_details\.mat: no table of at least 7 columns"):
        ised.read(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected .* \(docs/data.md"):
        ised.read(tmp_path)
