"""How similar two maps of one picture are: rank correlation, overlap of the top 20%, structural similarity."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from skimage.metrics import structural_similarity

from fer_nb.intervals import mean_interval
from fer_nb.saliency.maps import as_array, rows_by_name

TOP = 0.2  # share of the pixels that count as important
CHANCE_OVERLAP = TOP / (2 - TOP)  # mean intersection over union of two random fifths


def spearman(first, second, valid=None) -> np.ndarray:
    """Spearman's rank correlation of the pixels, per picture, float (N,); NaN where a map is constant.

    Args:
        first, second: maps (N, 1, H, W), from 0 on. valid: bool (H, W), the pixels that count; None for all.
    """
    ranks = [rankdata(pixels, axis=1) for pixels in _pixels(first, second, valid)]
    one, two = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    norm = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    return np.divide((one * two).sum(axis=1), norm, out=np.full(len(norm), np.nan), where=norm > 0)


def overlap(first, second, valid=None) -> np.ndarray:
    """Intersection over union of the top 20% of the pixels, per picture, float (N,); NaN where a map is constant.

    Pixels that equal the last of the top count too, but a map's lowest value never does: two maps that are mostly
    zero do not agree on where they are zero. By chance: ``CHANCE_OVERLAP``.
    """
    one, two = (_top(pixels) for pixels in _pixels(first, second, valid))
    union = (one | two).sum(axis=1)
    known = one.any(axis=1) & two.any(axis=1)
    return np.divide((one & two).sum(axis=1), union, out=np.full(len(union), np.nan), where=known)


def ssim(first, second, valid=None) -> np.ndarray:
    """Structural similarity (Wang et al. 2004, scikit-image's) per picture, float (N,); maps are in [0, 1]."""
    first, second = as_array(first), as_array(second, np.asarray(first))
    chosen = np.ones(first.shape[1:], bool) if valid is None else np.asarray(valid, bool)
    return np.array(
        [
            structural_similarity(one, two, data_range=1.0, full=True)[1][chosen].mean()
            for one, two in zip(first, second, strict=True)
        ]
    )


def similarity(first, second, valid=None) -> pd.DataFrame:
    """A row per picture: spearman, overlap, ssim of its two maps (see these functions)."""
    measures = {"spearman": spearman, "overlap": overlap, "ssim": ssim}
    return pd.DataFrame({name: measure(first, second, valid) for name, measure in measures.items()})


def of_other_expressions(expressions: np.ndarray, seed: int = 0) -> np.ndarray:
    """For each picture the position of a random one with another expression, int (N,); empty where all have the same.

    ``expressions``: str (N,).
    """
    rng, expressions = np.random.default_rng(seed), np.asarray(expressions)
    if len(set(expressions.tolist())) < 2:
        return np.zeros(0, int)
    return np.array([rng.choice(np.flatnonzero(expressions != one)) for one in expressions])


def with_other_pictures(
    measure: Callable, first, second, expressions: np.ndarray, seed: int = 0
) -> np.ndarray | pd.DataFrame:
    """``measure(first, second)`` with each map of ``second`` replaced by that of a picture with another expression.

    What two maps share because faces are alike. NaN where all pictures have the same expression.
    """
    others = of_other_expressions(expressions, seed)
    if not len(others):
        return measure(first, second) * np.nan
    return measure(first, as_array(second)[others][:, None])


def mean_table(measured: pd.DataFrame, groups=None) -> pd.DataFrame:
    """The columns of a table of one row a picture as rows: quantity, mean, low, high (t interval), pictures."""
    rows = [(name, *mean_interval(measured[name], groups)) for name in measured]
    return pd.DataFrame(rows, columns=["quantity", "mean", "low", "high", "pictures"])


def agreement_table(maps: dict, expressions: np.ndarray, seed: int = 0, groups=None) -> pd.DataFrame:
    """How similar the maps of every two methods are, per expression and for "all".

    Returns:
        DataFrame: first, second (methods), expression, quantity (spearman, overlap, ssim), mean, low, high, pictures,
        and other: the mean with the second method's maps of pictures with another expression (``with_other_pictures``).
    """
    names, tables = list(maps), []
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            own = similarity(maps[first], maps[second])
            other = with_other_pictures(similarity, maps[first], maps[second], expressions, seed)
            for expression, here in rows_by_name(expressions).items():
                together = None if groups is None else np.asarray(groups)[here]
                table = mean_table(own[here], together).assign(other=other[here].mean().to_numpy())
                tables.append(table.assign(first=first, second=second, expression=expression))
    columns = ["first", "second", "expression", "quantity", "mean", "low", "high", "other", "pictures"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _pixels(first, second, valid):
    first = as_array(first)
    second = as_array(second, first[:, None])
    chosen = slice(None) if valid is None else np.asarray(valid, bool).ravel()
    return [maps.reshape(len(maps), -1)[:, chosen] for maps in (first, second)]


def _top(pixels):
    count = max(1, round(TOP * pixels.shape[1]))
    last = np.partition(pixels, -count, axis=1)[:, [-count]]
    return (pixels >= last) & (pixels > pixels.min(axis=1, keepdims=True))
