import numpy as np
import pytest
from scipy import ndimage

from fer_nb.background import kernels


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(256, size=(12, 15)).astype(np.uint8)


def test_a_layer_computes_the_cross_correlation(picture):
    lopsided = np.array([[1.0, 2, 3], [0, 0, 0], [0, -1, 5]])
    expected = ndimage.correlate(picture.astype(float), lopsided, mode="mirror")
    np.testing.assert_allclose(kernels.through(picture, lopsided), expected)


def test_what_the_kernels_do(picture):
    flat = np.full((20, 20), 90, np.uint8)
    for name, level in (("edges", 0), ("sharpened", 90), ("blurred", 90)):
        np.testing.assert_allclose(kernels.through(flat, kernels.KERNELS[name]), level, atol=1e-9)
    spread = {name: kernels.through(picture, kernel).std() for name, kernel in kernels.KERNELS.items()}
    assert spread["blurred"] < picture.std() < spread["sharpened"]
