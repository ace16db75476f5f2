"""How well faces are found and cut out, measured with detectors whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fer_nb.data.detection import TEMPLATE, Face
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import detection, detection_plots

SQUARE = Face((88.0, 88.0, 144.0, 144.0), ((TEMPLATE + 0.5) * 3 - 0.5 + 88).astype(np.float32), 1.0)


@pytest.fixture
def faces():
    """Dark and light pictures, of two classes."""
    labels = np.array([0, 1] * 5)
    images = np.where(labels[:, None, None] == 1, 200, 50) + np.zeros((10, 48, 48))
    names = np.full(10, "")
    split = np.full(10, "test")
    return FaceSet(images.astype(np.uint8), labels, ("Sad", "Happy"), split, names, names, np.arange(10))


class Brightness(nn.Module):
    """Says "Happy" of light pictures."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, pictures):
        light = pictures.mean((1, 2, 3))
        return torch.stack([torch.full_like(light, 0.45), light * self.weight], 1)


def test_a_sample_is_seeded(faces):
    assert detection.sample(faces, 4).rows.tolist() == detection.sample(faces, 4).rows.tolist()
    assert detection.sample(faces, 4).rows.tolist() != detection.sample(faces, 4, seed=1).rows.tolist()
    assert len(detection.sample(faces, 99)) == 10


def test_the_share_found(faces):
    light = {"light": lambda picture: [SQUARE] if picture.mean() > 100 else []}
    table = detection.found_table({"ours": faces.images, "light": faces.images[1::2]}, light)
    assert table["found"].tolist() == [50, 100] and table["pictures"].tolist() == [10, 5]
    assert (table["low"] < table["found"]).all() and (table["ms"] > 0).all()
    assert len(detection_plots.found(table).axes) == 2


def test_the_error_of_the_points():
    """The detector is 1 pixel off at the nose, nowhere else; the eyes are 20 pixels apart."""
    points = np.array([(14, 18), (34, 18), (24, 28), (17, 36), (31, 36)], np.float32)
    known = np.stack([points, points, np.full_like(points, np.nan)])
    off = points.copy()
    off[2, 1] += 1

    def finds(picture):  # 4 times as large as the pictures of 48x48
        return [Face((0.0, 0.0, 192.0, 192.0), ((off + 0.5) * 4 - 0.5).astype(np.float32), 1.0)]

    nothing = {"box": lambda picture: [Face((0.0, 0.0, 9.0, 9.0), None, 1.0)], "none": lambda picture: []}
    table = detection.landmark_errors(np.zeros((3, 48, 48), np.uint8), known, {"off": finds} | nothing)
    assert set(table["detector"]) == {"off"} and (table["pictures"] == 2).all()
    assert table["pixels"].tolist() == pytest.approx([0, 0, 1, 0, 0, 0], abs=1e-3)
    assert table["nme"].tolist() == pytest.approx([0, 0, 5, 0, 0, 1], abs=1e-2)
    (ax,) = detection_plots.landmark_errors(table).axes
    assert [label.get_text() for label in ax.get_xticklabels()][::5] == ["eye left", "all"]


def test_a_face_is_placed_in_the_middle_and_moved():
    image, background = np.full((48, 48), 200, np.uint8), np.zeros((320, 320), np.uint8)
    for moved in (0, 20):
        rows, columns = np.nonzero(detection.placed(image, background, moved=moved))
        assert (rows.min(), rows.max()) == (columns.min(), columns.max()) == (88 + moved, 231 + moved)
    turned = detection.placed(image, background, turned=45) > 0
    assert turned[160].sum() == pytest.approx(144 * 2**0.5, abs=3) and not turned[100, 100]


def test_accuracy_of_faces_found_and_cut_out_again(faces):
    """Where the detector is right nothing is lost; a face that it misses counts as wrong."""
    detectors = {
        "right": lambda picture: [SQUARE],
        "misses the dark": lambda picture: (
            [SQUARE] if picture[len(picture) // 2, len(picture) // 2].mean() > 100 else []
        ),
        "never": lambda picture: [],
    }
    table = detection.accuracy_curve(Brightness(), faces, detectors, {"turned": (0,), "moved": (60,)})
    assert (table["original"] == 100).all() and (table["pictures"] == 10).all()
    still = table[table["change"] == "turned"].set_index(["detector", "aligned"])
    assert still["accuracy"].to_dict() == {
        ("right", False): 100,
        ("right", True): 100,
        ("misses the dark", False): 50,
        ("misses the dark", True): 50,
        ("never", False): 0,
    }
    assert still["difference"].tolist() == [0, 0, -50, -50, -100]
    assert still["difference_found"].dropna().tolist() == [0] * 4
    assert len(detection_plots.accuracy_curve(table).axes) == 2


def test_words_give_each_way_with_its_interval(faces):
    table = detection.accuracy_curve(Brightness(), faces, {"ours": lambda picture: [SQUARE]}, {"enlarged": (3,)})
    text = detection.words(table)
    assert "Of 10 test pictures the net reads 100.0% right" in text
    assert "ours 100.0% (0.00 [" in text and "ours, aligned, 100.0%" in text and "finds 100.0%" in text


def test_figures_of_faces_found():
    picture = np.zeros((320, 320), np.uint8)
    figure = detection_plots.detected(picture, {"ours": lambda picture: [SQUARE], "none": lambda picture: []})
    assert [ax.get_title() for ax in figure.axes] == ["ours: score 1.00", "none: none found"]
    assert [len(ax.patches) for ax in figure.axes] == [1, 0]
    figure = detection_plots.before_and_after(
        [picture, picture[:100]], lambda shown: [SQUARE] * (len(shown) == len(shown[0]))
    )
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 0]
    assert figure.axes[2].images[0].get_array().shape == (48, 48)


def test_the_columns_that_figures_read():
    """A curve of two detectors has a line for each way of cutting, and one for the original crops."""
    rows = [
        {"change": "turned", "amount": amount, "detector": name, "aligned": aligned, "accuracy": 70, "original": 80}
        for amount in (0, 10)
        for name, aligned in (("haar", False), ("yunet", False), ("yunet", True))
    ]
    (ax,) = detection_plots.accuracy_curve(pd.DataFrame(rows)).axes
    assert [line.get_label() for line in ax.lines] == ["original crops", "haar", "yunet", "yunet, aligned"]
