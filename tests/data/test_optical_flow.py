"""fer_nb.data.optical_flow: a motion that is known comes out, and the head's own drops out."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from fer_nb.data import optical_flow


def texture():
    grey = gaussian_filter(np.random.default_rng(0).standard_normal((48, 48)), 2.5)
    return (grey - grey.min()) / np.ptp(grey) * 200 + 20


def moved(grey, down, right):
    return np.rint(shift(grey, (down, right), mode="nearest")).astype(np.uint8)


@pytest.mark.parametrize("method", optical_flow.METHODS)
def test_a_known_motion_is_found(method):
    grey = texture()
    found = optical_flow.flow(np.rint(grey).astype(np.uint8), moved(grey, 1.0, -0.5), method)
    assert found.shape == (2, 48, 48) and found.dtype == np.float32
    right, down = np.median(found[:, 8:-8, 8:-8], axis=(1, 2))
    assert right == pytest.approx(-0.5, abs=0.15) and down == pytest.approx(1, abs=0.15)


def test_the_motion_of_the_whole_face_drops_out():
    """The lower half moves up by a pixel, on a head that moves down by one: the lower half is dark, the rest still."""
    grey = texture()
    first, second = np.rint(grey).astype(np.uint8), moved(grey, 1.0, 0.0)
    second[32:] = moved(grey, -1.0, 0.0)[32:]
    picture = optical_flow.flow_picture(first, second, "farneback").astype(int)
    assert picture.min() >= 0 and abs(np.median(picture[4:24, 4:-4]) - optical_flow.STILL) < 12
    assert np.median(picture[36:44, 4:-4]) < 70
    mirrored = optical_flow.flow_picture(first[:, ::-1].copy(), second[:, ::-1].copy(), "farneback")[:, ::-1]
    assert np.abs(mirrored.astype(int) - picture)[4:-4, 4:-4].mean() < 4


def test_a_still_clip_is_grey():
    still = np.rint(texture()).astype(np.uint8)
    assert set(np.unique(optical_flow.flow_picture(still, still, "tvl1"))) == {optical_flow.STILL}


def test_what_cannot_be_compared_is_refused():
    grey = np.zeros((48, 48), np.uint8)
    with pytest.raises(ValueError, match=r"unknown optical flow 'tvl': did you mean tvl1\?"):
        optical_flow.flow(grey, grey, "tvl")
    with pytest.raises(ValueError, match=r"pictures \(48, 48\) and \(44, 48\): cut both out the same way"):
        optical_flow.flow(grey, grey[:44], "tvl1")
