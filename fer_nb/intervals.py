"""95% intervals: of a mean over pictures by the bootstrap (Efron 1979), of a share by Wilson's score."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import bootstrap, norm
from statsmodels.stats.proportion import proportion_confint

from fer_nb.names import decimal

RESAMPLES = 1000
LEAST = 8  # values: the bootstrap's interval of fewer is far too narrow, so they get none
BATCH = 100  # resamples in memory at a time


def in_words(value: float, low: float, high: float, digits: int = 2, signed: bool = False) -> str:
    """``"72.22 [59.11, 82.38]"``; without the brackets where there is no interval (NaN), and "–" without a value.

    ``signed``: a plus sign before a positive value, for differences.
    """
    if pd.isna(value):
        return "–"
    middle, *ends = (decimal(one, digits, signed) for one in (value, low, high))
    return middle if pd.isna(low) or pd.isna(high) else f"{middle} [{', '.join(ends)}]"


def wilson(accuracy: float, pictures: int) -> tuple[float, float]:
    """95% Wilson score interval (low, high), in percent, of an accuracy in percent on ``pictures`` pictures."""
    low, high = proportion_confint(accuracy / 100 * pictures, pictures, method="wilson")
    return 100 * low, 100 * high


def mean_interval(values: ArrayLike, seed: int = 0, groups: ArrayLike | None = None) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of per-picture ``values`` (N,), NaN ignored: 95% percentile bootstrap over pictures.

    With ``groups`` (N,), over the means of the groups: the three frames of a sequence of CK+ are nearly one picture, so
    they count once. ``low`` and ``high`` are NaN for fewer than ``LEAST`` values.
    """
    return _interval((_per_group(values, groups),), _mean, seed)


def difference_interval(
    first: ArrayLike, second: ArrayLike, seed: int = 0, groups: tuple[ArrayLike | None, ArrayLike | None] = (None, None)
) -> tuple[float, float, float, int]:
    """(mean of first minus mean of second, low, high, number) of two samples of different pictures.

    The bootstrap draws from each sample; ``groups`` of each as in ``mean_interval``. ``low`` and ``high`` are NaN where
    a sample has fewer than ``LEAST`` values.
    """
    samples = tuple(_per_group(*sample) for sample in zip((first, second), groups, strict=True))
    return _interval(samples, _difference, seed)


def change_interval(changes: ArrayLike) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of a change of accuracy in points; ``changes``: 100 gained, -100 lost, 0 neither.

    The adjusted Wald interval of Bonett and Price 2012 ("Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data"): one more picture gained and one more lost. Unlike the bootstrap's, it has a
    width where no picture changes.
    """
    changes = _per_group(changes)
    if not len(changes):
        return float("nan"), float("nan"), float("nan"), 0
    adjusted = np.append(changes, [-100.0, 100.0])
    low, high = norm.interval(0.95, adjusted.mean(), adjusted.std() / np.sqrt(len(adjusted)))
    return float(changes.mean()), float(low), float(high), len(changes)


def _per_group(values: ArrayLike, groups: ArrayLike | None = None) -> np.ndarray:
    """``values`` (N,), or the mean of each group, without the missing ones."""
    values = pd.Series(np.asarray(values, float))
    values = values.groupby(np.asarray(groups)).mean() if groups is not None else values
    return values.dropna().to_numpy()


def _interval(samples, statistic, seed):
    number = sum(map(len, samples))
    if min(map(len, samples)) == 0:
        return float("nan"), float("nan"), float("nan"), number
    value = float(statistic(*samples, axis=-1))
    if min(map(len, samples)) < LEAST:
        return value, float("nan"), float("nan"), number
    rng = np.random.default_rng(seed)
    drawn = bootstrap(samples, statistic, n_resamples=RESAMPLES, batch=BATCH, method="percentile", rng=rng)
    return value, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high), number


def _mean(values, axis):
    return np.mean(values, axis=axis)


def _difference(first, second, axis):
    return np.mean(first, axis=axis) - np.mean(second, axis=axis)
