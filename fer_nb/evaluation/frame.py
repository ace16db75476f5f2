"""The frame that the study's plots share: white grid, constrained layout, no spines on top and right."""

import numpy as np
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


def legend_above(figure: Figure, axes: np.ndarray | list[Axes], **options) -> None:
    """One legend above all ``axes``, with each of their labels once."""
    found = {label: line for ax in np.ravel(axes) for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    options = {"ncols": max(1, len(found)), "frameon": False} | options
    figure.legend(found.values(), found.keys(), loc="outside upper center", **options)
