"""What a net looks at in drawn faces: which faces are shown, and what is explained."""

import numpy as np
import torch
from planted import random_net

from fer_nb.data.augment import center_crop
from fer_nb.published import drawn_faces
from fer_nb.recognise import example
from fer_nb.saliency.faithfulness import probabilities

CLASSES = ("Happy", "Sad", "Surprise")


def test_a_face_that_is_read_right_is_shown_or_else_the_first(monkeypatch):
    monkeypatch.setattr(drawn_faces, "FACES", 3)
    monkeypatch.setattr(drawn_faces, "MP", {"iterations": 2})
    net = random_net(3)
    inputs = center_crop(torch.as_tensor(example.drawn_faces(CLASSES, 9)))
    with torch.no_grad():
        net.fc.bias -= net(inputs).mean(0)  # it reads more than one class
    found, read = probabilities(net, inputs).max(1)
    figure = drawn_faces.looked_at(net, CLASSES)
    axes = np.array(figure.axes[:-1]).reshape(3, 3)
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["face", "MP", "Score-CAM"]
    rights = 0
    for k, ax in enumerate(axes[0]):
        own = range(k, 9, 3)
        right = [i for i in own if read[i] == k]
        i, rights = (right or own)[0], rights + bool(right)
        np.testing.assert_array_equal(ax.get_images()[0].get_array(), inputs[i, 0])
        assert ax.get_title() == f"{CLASSES[k]}\nread: {CLASSES[int(read[i])]} {found[i]:.2f}"
    assert 0 < rights < 3  # both kinds are shown
