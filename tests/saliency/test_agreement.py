import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from fer_nb.saliency import agreement


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    return rng.random((6, 1, 20, 20)), rng.random((6, 1, 20, 20))


def test_spearman_is_scipys(maps):
    one, two = np.round(maps[0], 1), maps[1]  # with ties
    expected = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(one, two, strict=True)]
    np.testing.assert_allclose(agreement.spearman(one, two), expected)
    np.testing.assert_allclose(agreement.spearman(torch.tensor(one), torch.tensor(one)), 1)
    assert np.isnan(agreement.spearman(np.ones((1, 1, 5, 5)), np.random.default_rng(0).random((1, 1, 5, 5)))).all()


def test_overlap_of_shifted_squares():
    one, two = np.zeros((1, 1, 20, 20)), np.zeros((1, 1, 20, 20))
    one[0, 0, :10, :8] = two[0, 0, 5:15, :8] = 1.0  # 80 pixels each, a fifth; 40 in common
    assert agreement.overlap(one, two).tolist() == [40 / 120]
    assert agreement.overlap(one, one).tolist() == [1]


def test_zeros_do_not_agree():
    one, two = np.zeros((1, 1, 20, 20)), np.zeros((1, 1, 20, 20))
    one[0, 0, 0, 0] = two[0, 0, 19, 19] = 1.0  # fewer than a fifth are above zero
    assert agreement.overlap(one, two).tolist() == [0]
    assert np.isnan(agreement.overlap(np.zeros_like(one), two)).all()


def test_chance_overlap():
    rng = np.random.default_rng(1)
    found = agreement.overlap(rng.random((300, 1, 20, 20)), rng.random((300, 1, 20, 20)))
    assert found.mean() == pytest.approx(agreement.CHANCE_OVERLAP, abs=0.005)


def test_only_valid_pixels_count(maps):
    one, valid = maps[0], np.zeros((20, 20), bool)
    valid[4:16, 4:16] = True
    two = np.where(valid, one, maps[1])
    table = agreement.similarity(one, two, valid)
    assert table[["spearman", "overlap"]].to_numpy() == pytest.approx(1)
    assert (table["ssim"] > agreement.similarity(one, two)["ssim"] + 0.1).all()


def test_ssim_of_equal_and_of_unrelated_maps(maps):
    assert agreement.ssim(maps[0], maps[0]) == pytest.approx(1)
    assert (np.abs(agreement.ssim(*maps)) < 0.2).all()


def test_agreement_table_tells_the_picture_from_what_all_pictures_share():
    rng = np.random.default_rng(2)
    shared, own = rng.random((1, 1, 20, 20)), rng.random((40, 1, 20, 20))
    noise = [0.1 * rng.random(own.shape) for _ in range(2)]
    maps = {"same": shared + noise[0], "face": shared + noise[1], "a": own + noise[0], "b": own + noise[1]}
    table = agreement.agreement_table(maps, np.repeat(["Sad", "Happy"], 20))
    assert len(table) == 6 * 3 * 3
    rank = table[table["quantity"] == "spearman"].set_index(["first", "second", "expression"])
    assert rank.loc[("same", "face", "all"), ["mean", "other"]].min() > 0.9
    assert rank.loc[("a", "b", "all"), "mean"] > 0.9 and abs(rank.loc[("a", "b", "all"), "other"]) < 0.1
    assert rank.loc[("a", "b", "Happy"), "pictures"] == 20
    assert (rank["low"] <= rank["mean"]).all() and (rank["mean"] <= rank["high"]).all()


@pytest.mark.parametrize("count", [14, 15, 350])
def test_other_pictures_have_another_expression(count):
    in_order, in_turn = np.sort(np.arange(count) % 7).astype(str), (np.arange(count) % 7).astype(str)
    for expressions in (in_order, in_turn):
        others = agreement.of_other_expressions(expressions, seed=1)
        assert others.shape == (count,) and (expressions[others] != expressions).all()
        assert (agreement.of_other_expressions(expressions, seed=1) == others).all()
        assert (agreement.of_other_expressions(expressions, seed=2) != others).any()


def test_pictures_of_one_expression_have_no_others(maps):
    found = agreement.with_other_pictures(agreement.spearman, *maps, np.full(6, "Sad"))
    assert found.shape == (6,) and np.isnan(found).all()
    table = agreement.agreement_table({"a": maps[0], "b": maps[1]}, np.full(6, "Sad"))
    assert table["other"].isna().all() and table["mean"].notna().all()


def test_maps_that_tell_the_expression_alone_agree_beyond_other_pictures():
    """In the order of the expressions, as in turn: the others are never of the same one."""
    expressions = np.resize(["Angry", "Fear", "Happy", "Sad", "Surprise", "Disgust", "Neutral"], 14)
    kinds = dict(zip(expressions.tolist(), np.random.default_rng(3).random((7, 1, 20, 20)), strict=False))
    maps = np.stack([kinds[name] for name in expressions.tolist()])
    rank = agreement.agreement_table({"a": maps, "b": maps}, expressions).query("quantity == 'spearman'")
    assert rank["mean"].to_numpy() == pytest.approx(1) and rank["other"].abs().max() < 0.2


def test_maps_of_two_sizes(maps):
    with pytest.raises(ValueError, match="6 of 10x10, what they are compared with is 6 of 20x20"):
        agreement.spearman(maps[0], maps[1][:, :, :10, :10])
    with pytest.raises(ValueError, match="5 of 20x20"):
        agreement.ssim(maps[0], maps[1][:5])
