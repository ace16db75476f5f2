"""One way from a photograph into a net: scoring, one's own pictures, the explorer and ONNX give it the same bits."""

import numpy as np
import pytest
import skimage.data
import torch
from torch import nn

from fer_nb.data import augment, detection
from fer_nb.recognise import example, explorer, read
from fer_nb.recognise.pictures import Shot
from fer_nb.training import predict


class Pixels(nn.Module):
    """Its logits are the values that it is given."""

    def __init__(self):
        super().__init__()
        self.none = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x.flatten(1)


@pytest.fixture(scope="module")
def photograph():
    return example.on_photograph(example.drawn_faces(("Happy",), 1)[0], skimage.data.coffee())


@pytest.fixture(scope="module")
def faces(photograph):
    haar = detection.detector("haar")
    return np.stack([detection.crop(photograph, face) for face in detection.find(photograph, haar)])


def test_own_pictures_and_the_explorer_cut_the_same_faces(photograph, faces, tmp_path):
    haar = detection.detector("haar")
    (reading,) = read.read_shots([Shot(tmp_path / "me.png", photograph)], haar, read.reader("lightResNetl"))
    offered, _ = explorer.cut_faces(photograph, haar)
    np.testing.assert_array_equal(reading.crops, faces)
    np.testing.assert_array_equal(list(offered.values()), faces)


@pytest.mark.parametrize("crops", [1, 10])
def test_the_net_is_given_the_same_bits_by_torch_and_by_onnx(faces, crops, monkeypatch, tmp_path):
    views = augment.center_crop(torch.as_tensor(faces)) if crops == 1 else augment.ten_crop(torch.as_tensor(faces))
    expected = views.flatten(1) if crops == 1 else views.flatten(2).mean(1)
    monkeypatch.setattr(predict, "onnx_net", lambda path: Pixels())
    for net in (Pixels(), tmp_path / "net.onnx"):
        assert torch.equal(predict.predict(net, faces, crops, precision="float32"), expected)


def test_the_explorer_gives_the_net_the_middle_crop(faces):
    haar = detection.detector("haar")
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    explored = explorer.Explorer(net, ("Happy", "Sad"), haar, iterations=1)
    assert torch.equal(explored.pictures(faces[0], {}), augment.center_crop(torch.as_tensor(faces[:1])))
