"""The frame that the study's plots share: white grid, constrained layout, no spines on top and right."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def frame(
    size: tuple[float, float], rows: int = 1, columns: int = 1, style: str = "whitegrid", **options
) -> tuple[Figure, np.ndarray]:
    """An empty figure of ``size`` (width, height in inches) and its axes, an array (rows, columns).

    ``style``: of seaborn. ``options``: of ``Figure.subplots`` (sharex, width_ratios, ...).
    """
    with seaborn.axes_style(style):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    for ax in axes.flat:
        seaborn.despine(ax=ax)
    return figure, axes


def panels(count: int, width: float, height: float, **options) -> tuple[Figure, list[Axes]]:
    """``frame`` of ``count`` axes of equal size (inches each), two in a row."""
    rows, columns = -(-count // 2), min(count, 2)
    figure, axes = frame((width * columns, height * rows), rows, columns, **options)
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return figure, list(axes.flat[:count])


def stacked(table: pd.DataFrame, by: str, label: str) -> tuple[Figure, list[tuple[pd.DataFrame, Axes]]]:
    """A panel for each value of ``by``, one below the other, as high as its rows; ``label`` of the x axis."""
    parts = dict(list(table.groupby(by, sort=False)))
    heights = [0.6 + 0.37 * len(rows) for rows in parts.values()]
    figure, axes = frame((8, 0.7 + sum(heights)), len(parts), height_ratios=heights)
    for name, ax in zip(parts, axes.flat, strict=True):
        ax.set_title(name, loc="left", fontsize="medium", fontweight="bold")
        ax.grid(axis="y", visible=False)
        ax.spines["left"].set_visible(False)
    axes.flat[-1].set_xlabel(label)
    return figure, list(zip(parts.values(), axes.ravel(), strict=True))


def legend_above(figure: Figure, axes: np.ndarray | list[Axes], **options) -> None:
    """One legend above all ``axes``, with each of their labels once."""
    found = {label: line for ax in np.ravel(axes) for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    options = {"ncols": max(1, len(found)), "frameon": False} | options
    figure.legend(found.values(), found.keys(), loc="outside upper center", **options)
