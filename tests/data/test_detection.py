"""Faces found in larger pictures, and cut out of them as FER2013 shows them."""

import numpy as np
import pytest
from skimage import data

from fer_nb.data import detection
from fer_nb.data.detection import Face


def test_haar_finds_the_face_of_a_photograph():
    haar = detection.detector("haar")
    found = detection.find(data.astronaut(), haar)
    x, y, width, height = found[0].box
    assert x < 224 < x + width and y < 115 < y + height and found[0].landmarks is None  # between her eyes
    assert detection.crop(data.astronaut(), found[0]).shape == (48, 48)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3, 5)])
def test_a_picture_without_room_for_a_face(shape):
    assert detection.find(np.zeros(shape, np.uint8), detection.detector("haar")) == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_face_in_the_frame_is_cut_out_as_it_is(times):
    """To the last bit, whether box or landmarks say where it is."""
    picture = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)
    large = picture.repeat(times, 0).repeat(times, 1)
    points = (detection.TEMPLATE + 0.5) * times - 0.5
    for landmarks in (None, points):
        face = Face((0.0, 0.0, 48.0 * times, 48.0 * times), landmarks, 1.0)
        np.testing.assert_array_equal(detection.crop(large, face), picture)
