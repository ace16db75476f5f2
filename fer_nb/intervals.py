"""95% intervals, of a mean over pictures by Student's t, of a share by Wilson's score; and one test."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from fer_nb.names import decimal

LEAST = 8  # values: fewer do not show whether their mean is near normal, so they get no interval
LEVEL = 0.05  # of tests
NAN = float("nan")


def in_words(value: float, low: float = NAN, high: float = NAN, digits: int = 2, signed: bool = False) -> str:
    """``"72.22 [59.11, 82.38]"``; without the brackets where there is no interval (NaN), and "–" without a value.

    ``signed``: a plus sign before a positive value, for differences.
    """
    if pd.isna(value):
        return "–"
    middle, *ends = (decimal(one, digits, signed) for one in (value, low, high))
    return middle if pd.isna(low) or pd.isna(high) else f"{middle} [{', '.join(ends)}]"


def beyond_chance(p: float) -> str:
    """The verdict of a test whose hypothesis is that something is no better than chance."""
    return "is better than chance" if p < LEVEL else "cannot be told from chance"


def wilson(accuracy: float, pictures: int, level: float = LEVEL) -> tuple[float, float]:
    """Wilson score interval (low, high), in percent, of an accuracy in percent on ``pictures`` pictures.

    It covers with 1 - ``level``, as in ``mean_interval``.
    """
    low, high = proportion_confint(accuracy / 100 * pictures, pictures, level, method="wilson")
    return 100 * low, 100 * high


def mean_interval(
    values: ArrayLike, groups: ArrayLike | None = None, level: float = LEVEL
) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of per-picture ``values`` (N,), NaN ignored: t interval over pictures.

    It covers with 1 - ``level``: 95%, or more where several intervals are to hold together. With ``groups``
    (N,), over the means of the groups: the three frames of a sequence of CK+ are nearly one picture, so they count
    once. ``low`` and ``high`` are NaN for fewer than ``LEAST`` values, and where all values are the same: they do not
    show how far other pictures would be from them.
    """
    values = _per_group(values, groups)
    if not len(values):
        return NAN, NAN, NAN, 0
    known = len(values) >= LEAST and not _same(values)
    low, high = DescrStatsW(values).tconfint_mean(level) if known else (NAN, NAN)
    return float(values.mean()), float(low), float(high), len(values)


def difference_interval(
    first: ArrayLike, second: ArrayLike, groups: tuple[ArrayLike | None, ArrayLike | None] = (None, None)
) -> tuple[float, float, float, int]:
    """(mean of first minus mean of second, low, high, number) of two samples of different pictures.

    Welch's t interval; ``groups`` of each as in ``mean_interval``. ``low`` and ``high`` are NaN where a sample has
    fewer than ``LEAST`` values, or each has all its values the same.
    """
    one, two = (_per_group(*sample) for sample in zip((first, second), groups, strict=True))
    number = len(one) + len(two)
    if not len(one) or not len(two):
        return NAN, NAN, NAN, number
    known = min(len(one), len(two)) >= LEAST and not (_same(one) and _same(two))
    welch = CompareMeans(DescrStatsW(one), DescrStatsW(two))
    low, high = welch.tconfint_diff(usevar="unequal") if known else (NAN, NAN)
    return float(one.mean() - two.mean()), float(low), float(high), number


def share_interval(hits: ArrayLike, groups: ArrayLike | None = None) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of per-picture ``hits`` (N,), 0 to 100, NaN ignored: Wilson's score interval.

    With ``groups`` as in ``mean_interval``: of the groups' mean on as many trials as there are groups.
    """
    hits = _per_group(hits, groups)
    if not len(hits):
        return NAN, NAN, NAN, 0
    return float(hits.mean()), *wilson(float(hits.mean()), len(hits)), len(hits)


def change_interval(changes: ArrayLike, groups: ArrayLike | None = None) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of a change of accuracy in points; ``changes``: 100 gained, -100 lost, 0 neither.

    The adjusted Wald interval of Bonett and Price 2012 ("Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data"): one more picture gained and one more lost. Unlike the t interval, it has a width
    where no picture changes. ``groups`` as in ``mean_interval``: one more of these gained and lost.
    """
    changes = _per_group(changes, groups)
    if not len(changes):
        return NAN, NAN, NAN, 0
    adjusted = np.append(changes, [-100.0, 100.0])
    low, high = norm.interval(0.95, adjusted.mean(), adjusted.std() / np.sqrt(len(adjusted)))
    return float(changes.mean()), float(low), float(high), len(changes)


def _per_group(values: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
    """``values`` (N,), or the mean of each group, without the missing ones."""
    values = pd.Series(np.asarray(values, float))
    values = values.groupby(np.asarray(groups)).mean() if groups is not None else values
    return values.dropna().to_numpy()


def _same(values: np.ndarray) -> bool:
    """Whether all values are equal but for the last digits of what computed them."""
    return np.allclose(values, values[0], rtol=1e-9, atol=0)
