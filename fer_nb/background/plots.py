"""The figures of chapter 2 with pictures and curves: data in, matplotlib Figure out. Nothing here saves or shows."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fer_nb.background.features import HOG_BINS, HOG_CELL, gradients, hog_blocks, hog_cells

BLUE, ORANGE, *_ = seaborn.color_palette("colorblind")


def pictures(titled: dict[str, np.ndarray]) -> Figure:
    """Grey pictures (H, W) in a row, title above; values below 0 are black and above 255 white."""
    figure = Figure(figsize=(2.4 * len(titled), 2.7), layout="constrained")
    for ax, (title, picture) in zip(figure.subplots(1, len(titled), squeeze=False)[0], titled.items(), strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_title(title, fontsize=10)
        ax.set_axis_off()
    return figure


def pooled(titled: dict[str, np.ndarray], window: int = 2) -> Figure:
    """Figure 2-4: the values of small maps (H, W), and which window of the first each value of the others is from."""
    figure = Figure(figsize=(1.9 * len(titled), 2.3), layout="constrained")
    axes = figure.subplots(1, len(titled), squeeze=False)[0]
    for i, (ax, (title, values)) in enumerate(zip(axes, titled.items(), strict=True)):
        place = np.indices(values.shape) // (1 if i else window)
        ax.imshow(place[0] * (values.shape[1] // (1 if i else window)) + place[1], cmap="Pastel1", vmin=0, vmax=8)
        for (y, x), value in np.ndenumerate(values):
            ax.text(x, y, f"{value:.4g}", ha="center", va="center", fontsize=10 if i else 9)
        ax.set_xticks(np.arange(values.shape[1] + 1) - 0.5, labels=[])
        ax.set_yticks(np.arange(values.shape[0] + 1) - 0.5, labels=[])
        ax.tick_params(length=0)
        ax.grid(color="white", lw=2)
        ax.set_title(title, fontsize=10)
        seaborn.despine(ax=ax, left=True, bottom=True)
    return figure


def activations(curves_of: dict[str, pd.DataFrame]) -> Figure:
    """Figures 2-6, 2-7: each function and its derivative, a panel per table of ``activations.curves``.

    torch's values are lines, those of the thesis's formulas dots.
    """
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(4.4 * len(curves_of), 2.9), layout="constrained")
        axes = list(figure.subplots(1, len(curves_of), squeeze=False)[0])
    for ax, (name, table) in zip(axes, curves_of.items(), strict=True):
        dots = {"linestyle": "", "marker": "o", "markersize": 4, "mfc": "white", "markevery": 12}
        for torchs, formula, colour, label in (
            ("function", "formula", BLUE, "function"),
            ("autograd", "derivative", ORANGE, "derivative"),
        ):
            ax.plot(table["x"], table[torchs], color=colour, label=label)
            ax.plot(table["x"], table[formula], color=colour, label=f"{label}, formula", **dots)
        ax.set(title=name, xlabel="x")
        seaborn.despine(ax=ax)
    axes[-1].legend(frameon=False, fontsize=8)
    return figure


def hog_figure(face: np.ndarray) -> Figure:
    """Figure 2-14: a face (H, W), its gradients, and its HOG: in each cell a stroke per direction, as an edge runs."""
    figure = pictures({"face": face, "gradient": 255 - gradients(face), "HOG": np.full_like(face, 255)})
    ax, cells = figure.axes[-1], hog_cells(hog_blocks(face))
    angles = np.pi * (np.arange(HOG_BINS) + 0.5) / HOG_BINS  # of the gradient; the edge is at a right angle to it
    along = np.stack([-np.sin(angles), np.cos(angles)], axis=-1)  # x, y: y grows downwards, as in the picture
    middle = np.indices(cells.shape[:2])[::-1].transpose(1, 2, 0) * HOG_CELL + (HOG_CELL - 1) / 2  # x, y of each cell
    half = cells[..., None] / cells.max() * HOG_CELL / 2 * along  # (rows, columns, bins, 2)
    ends = middle[:, :, None, None] + np.stack([-half, half], axis=-2)
    shade = (cells / cells.max()).ravel()
    ax.add_collection(LineCollection(ends.reshape(-1, 2, 2), colors=[(0, 0, 0, a) for a in shade], linewidths=1.6))
    return figure
