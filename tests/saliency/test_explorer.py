"""The explorer: uploads, and widgets that change what is computed."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from fer_nb.saliency import explorer
from fer_nb.study import Run
from fer_nb.training import weights

CLASSES = ("Sad", "Happy")


class Tiny(nn.Module):
    """Happy where the picture is bright."""

    def __init__(self):
        super().__init__()
        self.stage = nn.Conv2d(3, 4, 3, padding=1)
        with torch.no_grad():
            self.stage.weight.fill_(0.05)
            self.stage.bias.zero_()

    def forward(self, x):
        level = self.stage(x).mean((1, 2, 3)) - 0.6
        return torch.stack([-10 * level, 10 * level], 1)


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)


@pytest.fixture
def explored():
    return explorer.Explorer(Tiny().eval(), CLASSES, iterations=2)


def test_an_uploaded_picture_is_its_grey_middle_square():
    wide = np.zeros((96, 200, 3), np.uint8)
    wide[:, 52:148] = 200  # the middle square is of one colour
    wide[:48, 52:148] = 100
    read = explorer.read_picture(cv2.imencode(".png", wide)[1].tobytes())
    assert read.shape == (48, 48) and read.dtype == np.uint8
    assert set(np.unique(read)) == {100, 200} and (read[:24] == 100).all()


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(ValueError, match="PNG or JPEG"):
        explorer.read_picture(content)


def test_sliders_change_probabilities_maps_and_figure(explored):
    explored.panel()
    picture, before, maps, explained = explored.state()
    assert picture.shape == (44, 44) and set(before) == set(CLASSES) and set(maps) == {"MP", "Score-CAM"}
    assert explained == max(before, key=before.get)
    shown = bytes(explored.image.value)
    assert shown.startswith(b"\x89PNG")
    explored.changes["brightness"].value = 0.5
    assert explored.state()[1]["Happy"] > before["Happy"]
    assert bytes(explored.image.value) != shown
    explored.explained.value = "Sad"
    assert explored.state()[3] == "Sad"


def test_an_upload_is_chosen_and_a_wrong_one_named(explored, image):
    explored.take({"new": ({"content": memoryview(b"no picture")},)})
    assert "cannot read the file" in explored.message.value and explored.face.value != "uploaded"
    explored.take({"new": ({"content": memoryview(cv2.imencode(".png", image)[1].tobytes())},)})
    assert explored.face.value == "uploaded" and not explored.message.value
    np.testing.assert_array_equal(explored.faces["uploaded"], image)


def test_a_net_is_the_kept_one_or_the_runs_or_an_error_with_both_remedies(monkeypatch, tmp_path):
    def none(model):
        raise FileNotFoundError("no weights of 'x' are kept: train one")

    run = Run("quick", "ferm", "lightResNetl", 0)
    monkeypatch.setattr(weights, "released", none)
    monkeypatch.setattr("fer_nb.paths.RUNS", explorer.paths.ROOT / "runs" / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"kept: train one; there is no finished run under runs.nowhere"):
        explorer.net_to_explore("lightResNetl", run)
