"""How alike two maps of one picture are: rank correlation, overlap of the top 20%, structural similarity."""

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from skimage.metrics import structural_similarity

from fer_nb.intervals import mean_interval
from fer_nb.saliency.maps import plain

TOP = 0.2  # share of the pixels that count as important
CHANCE_OVERLAP = TOP / (2 - TOP)  # intersection over union of two random fifths, on average


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

    Pixels as large as the last of the top count too, but a map's lowest value never does: two maps that are mostly
    zero do not agree on where they are zero. By chance: ``CHANCE_OVERLAP``.
    """
    one, two = (_top(pixels) for pixels in _pixels(first, second, valid))
    union = (one | two).sum(axis=1)
    known = one.any(axis=1) & two.any(axis=1)
    return np.divide((one & two).sum(axis=1), union, out=np.full(len(union), np.nan), where=known)


def ssim(first, second, valid=None) -> np.ndarray:
    """Structural similarity (Wang et al. 2004, scikit-image's) per picture, float (N,); maps are in [0, 1]."""
    first, second = plain(first), plain(second, np.asarray(first))
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


def summarise(measured: pd.DataFrame, seed: int = 0, groups=None) -> pd.DataFrame:
    """The columns of a table of one row a picture as rows: quantity, mean, low, high (bootstrap), pictures."""
    rows = [(name, *mean_interval(measured[name], seed, groups)) for name in measured]
    return pd.DataFrame(rows, columns=["quantity", "mean", "low", "high", "pictures"])


def agreement_table(maps: dict, expressions: np.ndarray, seed: int = 0, groups=None) -> pd.DataFrame:
    """How alike the maps of every two methods are, per expression and for "all".

    Columns first, second (methods), expression, quantity (spearman, overlap, ssim), mean, low, high, pictures, and
    other: the mean that the first method's maps have with the second's of other pictures, which tells how much of it
    is only that faces are alike.
    """
    names, expressions, tables = list(maps), np.asarray(expressions), []
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            own = similarity(maps[first], maps[second])
            other = similarity(maps[first], np.roll(plain(maps[second]), len(expressions) // 2, axis=0)[:, None])
            for expression in ("all", *sorted(set(expressions.tolist()))):
                here = np.ones(len(own), bool) if expression == "all" else expressions == expression
                together = None if groups is None else np.asarray(groups)[here]
                table = summarise(own[here], seed, together).assign(other=other[here].mean().to_numpy())
                tables.append(table.assign(first=first, second=second, expression=expression))
    columns = ["first", "second", "expression", "quantity", "mean", "low", "high", "other", "pictures"]
    return pd.concat(tables, ignore_index=True)[columns] if tables else pd.DataFrame(columns=columns)


def _pixels(first, second, valid):
    first = plain(first)
    second = plain(second, first[:, None])
    chosen = slice(None) if valid is None else np.asarray(valid, bool).ravel()
    return [maps.reshape(len(maps), -1)[:, chosen] for maps in (first, second)]


def _top(pixels):
    count = max(1, round(TOP * pixels.shape[1]))
    last = np.partition(pixels, -count, axis=1)[:, [-count]]
    return (pixels >= last) & (pixels > pixels.min(axis=1, keepdims=True))
