import numpy as np
import pytest

from fer_nb import intervals


def test_the_interval_is_students():
    values = np.random.default_rng(0).normal(3, 2, 10)
    half = 2.262157 * values.std(ddof=1) / np.sqrt(10)  # the quantile of t with 9 degrees of freedom
    expected = (values.mean(), values.mean() - half, values.mean() + half, 10)
    assert intervals.mean_interval(values) == pytest.approx(expected, rel=1e-6)


def test_the_interval_of_few_values_covers_as_often_as_it_says():
    samples = np.random.default_rng(3).normal(1, 1, (1000, 8))
    found = [intervals.mean_interval(values) for values in samples]
    assert np.mean([low < 1 < high for _, low, high, _ in found]) == pytest.approx(0.95, abs=0.015)


def test_values_that_are_all_the_same_have_no_interval():
    value, low, high, number = intervals.mean_interval(np.full(60, 0.1) * 3)
    assert (value, number) == (pytest.approx(0.3), 60) and np.isnan([low, high]).all()
    value, low, high, number = intervals.difference_interval(np.full(30, 1.0), np.full(20, 0.4))
    assert (value, number) == (pytest.approx(0.6), 50) and np.isnan([low, high]).all()


def test_missing_values_and_too_few():
    assert intervals.mean_interval([1.0, np.nan, 3.0])[::3] == (2.0, 2)
    value, low, high, number = intervals.mean_interval(range(intervals.LEAST - 1))
    assert (value, number) == (3.0, 7) and np.isnan([low, high]).all()
    assert np.isfinite(intervals.mean_interval(range(intervals.LEAST))).all()
    assert intervals.mean_interval([])[3] == 0 and np.isnan(intervals.mean_interval([])[0])
    assert intervals.difference_interval([], [1.0])[3] == 1


def test_three_frames_of_one_sequence_count_once():
    values = np.repeat(np.random.default_rng(1).normal(size=60), 3)
    alone, grouped = intervals.mean_interval(values), intervals.mean_interval(values, groups=np.repeat(range(60), 3))
    assert grouped[0] == pytest.approx(alone[0]) and grouped[3] == 60
    assert grouped[2] - grouped[1] == pytest.approx(np.sqrt(3) * (alone[2] - alone[1]), rel=0.2)


def test_difference_of_two_samples():
    rng = np.random.default_rng(2)
    first, second = rng.normal(1, 1, 300), rng.normal(0, 1, 200)
    value, low, high, number = intervals.difference_interval(first, second)
    assert value == pytest.approx(first.mean() - second.mean()) and number == 500
    assert 0.7 < low < value < high < 1.3
    tripled = [np.repeat(sample, 3) for sample in (first, second)]
    groups = np.repeat(range(300), 3), np.repeat(range(200), 3)
    assert intervals.difference_interval(*tripled, groups) == pytest.approx((value, low, high, number))


def test_a_change_of_accuracy_has_a_width_even_where_nothing_changed():
    value, low, high, number = intervals.change_interval(np.zeros(60))
    assert (value, number) == (0, 60) and low == pytest.approx(-high) and 3 < high < 6
    # 40 pictures: 10 lost, 2 gained. Bonett and Price by hand.
    lost, gained, n = 11 / 42, 3 / 42, 42
    half = 1.96 * np.sqrt((lost + gained - (gained - lost) ** 2) / n)
    value, low, high, _ = intervals.change_interval([-100] * 10 + [100] * 2 + [0] * 28)
    assert value == -20
    assert (low, high) == pytest.approx((100 * (gained - lost - half), 100 * (gained - lost + half)), abs=1e-3)


def test_a_share_of_tripled_pictures_is_that_of_the_pictures():
    hits = 100.0 * (np.random.default_rng(4).random(33) < 0.7)
    value, low, high, number = intervals.share_interval(hits)
    assert (value, low, high, number) == (hits.mean(), *intervals.wilson(hits.mean(), 33), 33)
    tripled = intervals.share_interval(np.repeat(hits, 3), np.repeat(range(33), 3))
    assert tripled == pytest.approx((value, low, high, number))
    assert intervals.share_interval([])[3] == 0 and np.isnan(intervals.share_interval([np.nan])[0])


def test_wilson_of_all_right_and_of_half():
    z2 = 1.959964**2
    assert intervals.wilson(100, 33) == pytest.approx((100 * 33 / (33 + z2), 100))
    half = 50 * np.sqrt(z2 / (10 + z2))
    assert intervals.wilson(50, 10) == pytest.approx((50 - half, 50 + half))
