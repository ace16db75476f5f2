"""The explorer: uploads, and widgets that change what is computed."""

import asyncio

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from fer_nb.data.detection import Face
from fer_nb.recognise import explorer
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
    return explorer.Explorer(Tiny().eval(), CLASSES, found((0, 0, 48, 48)), iterations=2)


def found(*boxes):
    """A detector that finds these boxes in any picture."""
    return lambda picture: [Face(box, None, 1.0) for box in boxes]


def sent(picture, name="me.png"):
    """What the upload widget sends of a picture, or of a file's content."""
    content = picture if isinstance(picture, bytes) else cv2.imencode(".png", picture)[1].tobytes()
    return {"new": ({"name": name, "content": memoryview(content)},)}


def test_each_face_of_a_photograph_is_cut_out():
    photograph = np.zeros((200, 200, 3), np.uint8)
    photograph[:100, :100], photograph[100:, 100:] = 90, 180
    faces, words = explorer.cut_faces(photograph, found((0, 0, 96, 96), (104, 104, 96, 96)))
    assert [(name, int(face.mean())) for name, face in faces.items()] == [
        ("uploaded, face 1", 90),
        ("uploaded, face 2", 180),
    ]
    assert words == "2 faces were found."


def test_without_a_face_the_middle_stands_for_one_and_it_is_said():
    wide = np.zeros((96, 200, 3), np.uint8)
    wide[:, 52:148] = 200  # the middle square
    wide[:48, 52:148] = 100
    faces, words = explorer.cut_faces(wide, found())
    (face,) = faces.values()
    assert face.shape == (48, 48) and set(np.unique(face)) == {100, 200} and (face[:24] == 100).all()
    assert "No face was found" in words


def test_sliders_change_probabilities_maps_and_figure(explored):
    explored.panel()
    inputs, before, target = explored.seen()
    assert inputs.shape == (1, 3, 44, 44) and set(before) == set(CLASSES)
    assert CLASSES[target] == max(before, key=before.get)
    assert {name: heat.shape for name, heat in explored.maps(inputs, target).items()} == {
        "MP": (44, 44),
        "Score-CAM": (44, 44),
    }
    shown = bytes(explored.image.value)
    assert shown.startswith(b"\x89PNG")
    explored.changes["brightness"].value = 0.5
    assert explored.seen()[1]["Happy"] > before["Happy"]
    assert bytes(explored.image.value) != shown
    explored.explained.value = "Sad"
    assert CLASSES[explored.seen()[2]] == "Sad"


def test_an_upload_is_chosen_and_a_wrong_one_named(explored, image):
    explored.take(sent(b"no picture", "notes.jpg"))
    assert "notes.jpg: not a picture" in explored.message.value and explored.face.value in CLASSES
    shown = []
    explored.image.observe(lambda event: shown.append(explored.face.value), "value")
    explored.take(sent(cv2.resize(image, (192, 192), interpolation=cv2.INTER_NEAREST)))
    assert shown == ["uploaded, face 1"], "the drawn face was shown in between"
    assert explored.face.value == "uploaded, face 1" and explored.message.value == "One face was found."
    assert not explored.upload.value, "a saved notebook would hold the photograph"


def test_reset_drops_uploads_and_changes(explored, image):
    explored.panel()
    opened = bytes(explored.image.value)
    explored.take(sent(image))
    explored.changes["rotation"].value, explored.changes["vertical flip"].value = 30.0, True
    explored.explained.value = "Sad"
    explored.reset()
    assert explored.face.options == CLASSES and not any(widget.value for widget in explored.changes.values())
    assert explored.explained.value == explorer.PREDICTED and bytes(explored.image.value) == opened


def test_it_opens_with_a_face_that_is_read_right(monkeypatch):
    bright, dark = np.full((48, 48), 250, np.uint8), np.zeros((48, 48), np.uint8)
    for faces, first in (({"Sad": bright, "Happy": bright}, "Happy"), ({"Sad": bright, "Happy": dark}, "Sad")):
        monkeypatch.setattr(explorer, "drawn_faces", lambda names, seed, faces=faces: dict(faces))
        assert explorer.Explorer(Tiny().eval(), CLASSES, found(), iterations=2).face.value == first


def test_many_changes_show_the_face_each_time_and_make_the_maps_once(explored, monkeypatch):
    monkeypatch.setattr(explorer, "PAUSE", 0.01)
    made, shown = [], []
    monkeypatch.setattr(explored, "maps", lambda inputs, target: made.append(target) or {})
    explored.image.observe(lambda event: shown.append(explored.progress.value), "value")

    async def hold_a_key():
        for brightness in (0.1, 0.2, 0.3):
            explored.changes["brightness"].value = brightness
        await explored.task

    asyncio.run(hold_a_key())
    assert len(made) == 1 and shown == ["The maps are being made."] * 4 and not explored.progress.value


def test_panels_without_maps_have_the_shape_of_the_picture(explored, monkeypatch):
    monkeypatch.setattr(explorer, "PAUSE", 0.0)
    drawing, shapes = explored.drawing, []

    def seen(inputs, probability, target, maps):
        shapes.append({inputs.shape[-2:], *(heat.shape for heat in maps.values())})
        return drawing(inputs, probability, target, maps)

    monkeypatch.setattr(explored, "drawing", seen)

    async def change():
        explored.changes["brightness"].value = 0.1
        await explored.task

    asyncio.run(change())
    assert shapes == [{(44, 44)}] * 2


def test_a_net_is_the_kept_one_or_the_runs_or_an_error_with_both_remedies(monkeypatch, tmp_path):
    def none(model):
        raise FileNotFoundError("no weights of 'x' are kept: train one")

    run = Run("quick", "ferm", "lightResNetl", 0)
    monkeypatch.setattr(weights, "released", none)
    monkeypatch.setattr("fer_nb.paths.RUNS", explorer.paths.ROOT / "runs" / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"kept: train one; there is no finished run under runs.nowhere"):
        explorer.net_to_explore("lightResNetl", run)
