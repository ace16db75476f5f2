import numpy as np
import pytest

from fer_nb.background import features


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(256, size=(3, 48, 48)).astype(np.uint8)


def test_hog_has_the_thesis_s_1764_values(faces):
    blocks = features.hog_blocks(faces[0])
    assert blocks.shape == (7, 7, 2, 2, 9) and blocks.size == 1764
    np.testing.assert_allclose(np.linalg.norm(blocks.reshape(49, 36), axis=1), 1, atol=1e-4)


def test_hog_finds_the_direction_of_an_edge():
    """A step from left to right has a gradient of 0 degrees; the same step turned by 90 degrees is in another bin."""
    step = np.repeat([40, 200], 24).astype(np.uint8)[None].repeat(48, axis=0)
    for picture, direction in ((step, 0), (step.T, 4)):
        total = features.hog_cells(features.hog_blocks(picture)).sum(axis=(0, 1))
        assert total.argmax() == direction and total[direction] == pytest.approx(total.sum())


def test_a_cell_is_the_mean_of_the_blocks_that_it_is_in():
    blocks = np.zeros((2, 2, 2, 2, 1))
    blocks[0, 0, 1, 1] = blocks[1, 1, 0, 0] = 2.0  # both are the middle one of 3x3 cells, in four blocks
    blocks[0, 0, 0, 0] = 3.0  # the corner, in one block
    cells = features.hog_cells(blocks)[..., 0]
    assert cells[1, 1] == 1 and cells[0, 0] == 3 and cells.sum() == 4


def test_gradients_by_the_differences_of_the_neighbours(faces):
    found, grey = features.gradients(faces[0]), faces[0].astype(int)
    assert found[5, 7] == np.hypot(grey[5, 8] - grey[5, 6], grey[6, 7] - grey[4, 7])


def test_lbp_histograms_are_shares_of_each_cell(faces):
    found = features.lbp_histograms(faces[0])
    assert found.shape == (6, 6, 59)
    np.testing.assert_allclose((found**2).sum(-1), 1)
    dark, brighter = (features.lbp_histograms(faces[0] // 2 + more)[1:-1, 1:-1] for more in (np.uint8(1), np.uint8(99)))
    assert np.array_equal(dark, brighter)  # only the order of grey levels counts
    moved = faces[0].copy()
    moved[40:, 40:] = 0
    assert np.array_equal(features.lbp_histograms(moved)[:4, :4], found[:4, :4])


@pytest.mark.parametrize(("descriptor", "values"), [("HOG", 1764), ("LBP", 2124)])
def test_a_row_of_features_for_each_picture(faces, descriptor, values):
    found = features.describe(faces, descriptor, progress=False)
    assert found.shape == (3, values) and found.dtype == np.float32
    assert np.array_equal(found[2], features.describe(faces[2:], descriptor, progress=False)[0])


def test_an_unknown_descriptor_is_refused(faces):
    with pytest.raises(ValueError, match="unknown descriptor 'SIFT': choose one of HOG, LBP"):
        features.describe(faces, "SIFT")
