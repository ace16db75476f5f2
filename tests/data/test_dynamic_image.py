from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.svm import LinearSVR

from fer_nb.data.dynamic_image import FLAT, KINDS, coefficients, dynamic_image


def clip(T=9, shape=(12, 10), seed=0):
    """A bright patch that moves to the right over a fixed noisy background, uint8 (T, *shape)."""
    rng = np.random.default_rng(seed)
    frames = np.repeat(rng.integers(0, 100, (1, *shape)), T, axis=0)
    for t in range(T):
        frames[t, 4:8, t : t + 2] += 120
    return frames.astype(np.uint8)


def exact(T):
    """Bilen et al.'s equation 3: alpha_t = 2(T - t + 1) - (T + 1)(H_T - H_{t-1})."""
    harmonic = [Fraction(0)]
    for t in range(1, T + 1):
        harmonic.append(harmonic[-1] + Fraction(1, t))
    return [2 * (T - t + 1) - (T + 1) * (harmonic[T] - harmonic[t - 1]) for t in range(1, T + 1)]


@pytest.mark.parametrize(
    "values",
    ["-1/2 1/2", "-4/3 2/3 2/3", "-29/12 7/12 13/12 3/4", "-37/10 3/10 13/10 13/10 4/5"],
    ids=["2", "3", "4", "5"],
)
def test_coefficients_of_short_clips(values):
    fractions = [Fraction(value) for value in values.split()]
    assert exact(len(fractions)) == fractions
    np.testing.assert_allclose(coefficients(len(fractions)), [float(value) for value in fractions], atol=1e-14)


def test_coefficients_of_a_long_clip():
    found = coefficients(30)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [float(value) for value in exact(30)], atol=1e-12)
    assert (found[0], found[-1]) == (pytest.approx(-63.845, abs=5e-4), pytest.approx(0.967, abs=5e-4))


@pytest.mark.parametrize("T", [2, 3, 15, 200])
def test_what_the_coefficients_sum_to(T):
    sums = {kind: coefficients(T, kind).sum() for kind in KINDS}
    assert sums == {"rank": pytest.approx(0, abs=1e-9), "linear": 0, "leaky": pytest.approx(T)}


def test_rank_is_linear_on_the_running_mean():
    frames = clip().astype(float)
    means = np.cumsum(frames, axis=0) / np.arange(1, 10)[:, None, None]
    by_rank = np.tensordot(coefficients(9), frames, axes=1)
    np.testing.assert_allclose(by_rank, np.tensordot(coefficients(9, "linear"), means, axes=1), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_a_ranking_machine_on_the_running_mean(seed):
    frames = clip(seed=seed).astype(float)
    noisy = frames + np.random.default_rng(seed).normal(0, 2, frames.shape)
    means = (np.cumsum(noisy, axis=0) / np.arange(1, 10)[:, None, None]).reshape(9, -1)
    means -= means.mean(axis=0)
    machine = LinearSVR(C=1, epsilon=0.1, fit_intercept=False, max_iter=100_000, random_state=0)
    machine.fit(means / np.abs(means).max(), np.arange(-4, 5))
    pooled = np.tensordot(coefficients(9), noisy, axes=1).ravel()
    assert spearmanr(pooled, machine.coef_).statistic > 0.7


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 3)])
def test_the_picture_shows_the_motion_and_its_direction(shape):
    frames = clip() if len(shape) == 2 else np.stack([clip(), clip(), clip() // 2], axis=-1)
    image = dynamic_image(frames)
    assert image.shape == shape and image.dtype == np.uint8
    assert image.min() == 0 and image.max() == 255  # of all channels together
    rest = image[0, 0]
    assert (image[4:8, 0] < rest).all() and (image[4:8, 8] > rest).all()
    assert (image[:4] == rest).all() and (image[8:] == rest).all()
    assert (dynamic_image(frames[::-1])[4:8, 0] > dynamic_image(frames[::-1])[0, 0]).all()


@pytest.mark.parametrize("kind", ["rank", "linear"])
def test_what_all_frames_share_drops_out(kind):
    still = np.repeat(clip()[:1], 7, axis=0)
    assert (dynamic_image(still, kind) == FLAT).all()
    shared = np.random.default_rng(5).integers(0, 36, (12, 10), np.uint8)
    np.testing.assert_array_equal(dynamic_image(clip() + shared, kind), dynamic_image(clip(), kind))


def test_the_leaky_kind_shows_the_face():
    assert dynamic_image(np.repeat(clip()[:1], 7, axis=0), "leaky").std() > 20
    shared = np.random.default_rng(5).integers(0, 36, (12, 10), np.uint8)
    assert (dynamic_image(clip() + shared, "leaky") != dynamic_image(clip(), "leaky")).any()


def test_bad_input():
    with pytest.raises(ValueError, match=r"1 frame\(s\) have no order"):
        dynamic_image(clip()[:1])
    with pytest.raises(ValueError, match="needs two or more"):
        coefficients(0)
    with pytest.raises(ValueError, match=r"unknown coefficients 'rang': did you mean rank\?"):
        dynamic_image(clip(), "rang")
    with pytest.raises(ValueError, match=r"different sizes, \[\(12, 9\), \(12, 10\)\]"):
        dynamic_image([clip()[0], clip()[1, :, 1:]])
    for shape in ((5, 8), (5, 8, 8, 4)):
        with pytest.raises(ValueError, match="give \\(T, H, W\\)"):
            dynamic_image(np.zeros(shape))
    with pytest.raises(ValueError, match="not finite"):
        dynamic_image(np.full((3, 4, 4), np.nan))
