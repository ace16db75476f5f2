"""95% intervals: of a mean over pictures by the bootstrap (Efron 1979), of a share by Wilson's score."""

import numpy as np
import pandas as pd
from scipy.stats import bootstrap
from statsmodels.stats.proportion import proportion_confint

RESAMPLES = 1000
LEAST = 8  # of fewer values the bootstrap's interval is far too narrow: they get none
BATCH = 100  # resamples held at a time: bounds the memory


def in_words(value: float, low: float, high: float, digits: int = 2, signed: bool = False) -> str:
    """``"72.22 [59.11, 82.38]"``; without the brackets where there is no interval (NaN), and "–" without a value.

    ``signed``: a plus sign before a positive value, for differences.
    """
    if pd.isna(value):
        return "–"
    sign = "+" if signed else ""
    span = "" if pd.isna(low) or pd.isna(high) else f" [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"
    return f"{value:{sign}.{digits}f}{span}".replace("-", "−")


def wilson(accuracy: float, pictures: int) -> tuple[float, float]:
    """95% Wilson score interval (low, high) in percent of an accuracy in percent on so many pictures."""
    low, high = proportion_confint(accuracy / 100 * pictures, pictures, method="wilson")
    return 100 * low, 100 * high


def per_group(values, groups=None) -> np.ndarray:
    """Values float (N,) without the missing ones; where ``groups`` (N,) are given, the mean of each group instead.

    The three frames of a sequence of CK+ are nearly one picture: as one group they count once.
    """
    values = pd.Series(np.asarray(values, float))
    values = values.groupby(np.asarray(groups)).mean() if groups is not None else values
    return values.dropna().to_numpy()


def mean_interval(values, seed: int = 0, groups=None) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of per-picture values, NaN left out: the 95% percentile bootstrap over the pictures.

    With ``groups``, over the groups' means. Fewer than ``LEAST`` values have no interval: low and high are NaN.
    """
    values = per_group(values, groups)
    return _interval((values,), _mean, seed)


def difference_interval(first, second, seed: int = 0, groups=(None, None)) -> tuple[float, float, float, int]:
    """(mean of first minus mean of second, low, high, number): two samples of other pictures, each drawn anew.

    A sample of fewer than ``LEAST`` values has no interval.
    """
    samples = tuple(per_group(*sample) for sample in zip((first, second), groups, strict=True))
    return _interval(samples, _difference, seed)


def change_interval(changes) -> tuple[float, float, float, int]:
    """(mean, low, high, number) of a change of accuracy in points; ``changes``: 100 gained, -100 lost, 0 neither.

    The adjusted Wald interval of Bonett and Price 2012 ("Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data"): with one more picture gained and one lost. It has a width even where no picture
    changes, which the bootstrap has not.
    """
    changes = per_group(changes)
    if not len(changes):
        return float("nan"), float("nan"), float("nan"), 0
    adjusted = np.append(changes, [-100.0, 100.0])
    half = 1.959964 * adjusted.std() / np.sqrt(len(adjusted))
    middle = adjusted.mean()
    return float(changes.mean()), float(middle - half), float(middle + half), len(changes)


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
