"""The figures of faces found and aligned: data in, matplotlib Figure out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fer_nb.data.detection import Detector, Face, crop, find
from fer_nb.evaluation.frame import frame, legend_above, stacked
from fer_nb.evaluation.plots import BLUE, RED

AXES = {"turned": "turned by (degrees)", "enlarged": "enlarged (times)", "moved": "moved (pixels)"}


def found(table: pd.DataFrame) -> Figure:
    """The share of pictures in which each detector finds a face, with its interval: ``detection.found_table``."""
    figure, parts = stacked(table, "data", "faces found (%)")
    for rows, ax in parts:
        place, middle = range(len(rows)), rows["found"]
        ax.errorbar(middle, place, xerr=[middle - rows["low"], rows["high"] - middle], fmt="o", color=BLUE, capsize=3)
        ax.set_yticks(place, rows["detector"])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_xlim(right=101)
    return figure


def landmark_errors(table: pd.DataFrame) -> Figure:
    """The error of each point as bars, per detector: ``detection.landmark_errors``."""
    figure, axes = frame((7, 3.2))
    (ax,) = axes.flat
    seaborn.barplot(table, x="point", y="nme", hue="detector", palette="colorblind", ax=ax)
    ax.set(xlabel="", ylabel="mean error (% of the eyes' distance)")
    ax.set_xticks(ax.get_xticks(), [name.replace("_", " ") for name in dict.fromkeys(table["point"])])
    ax.get_legend().remove()
    legend_above(figure, axes)
    return figure


def accuracy_curve(table: pd.DataFrame) -> Figure:
    """Accuracy on faces found and cut out again beside that of the original crops: ``detection.accuracy_curve``.

    A panel per change, a line per detector, dashed where the crops are aligned.
    """
    changes = list(dict.fromkeys(table["change"]))
    figure, axes = frame((3.6 * len(changes), 3.2), 1, len(changes), sharey=True)
    colours = dict(zip(dict.fromkeys(table["detector"]), seaborn.color_palette("colorblind"), strict=False))
    for ax, change in zip(axes.flat, changes, strict=True):
        rows = table[table["change"] == change]
        original = rows.drop_duplicates("amount")
        ax.plot(original["amount"], original["original"], color="0.5", linestyle=":", label="original crops")
        for (detector, aligned), of in rows.groupby(["detector", "aligned"], sort=False):
            label, style = (f"{detector}, aligned", "--") if aligned else (detector, "-")
            ax.plot(of["amount"], of["accuracy"], style, color=colours[detector], marker="o", markersize=4, label=label)
        ax.set_xlabel(AXES[change])
    axes.flat[0].set_ylabel("accuracy (%)")
    legend_above(figure, axes, ncols=4)
    return figure


def detected(picture: np.ndarray, detectors: dict[str, Detector]) -> Figure:
    """What each detector finds in one picture, grey or RGB: boxes, landmarks and scores, a panel per detector."""
    figure, axes = frame((4 * len(detectors), 4), 1, len(detectors), style="white")
    for ax, (name, detector) in zip(axes.flat, detectors.items(), strict=True):
        faces = find(picture, detector)
        _show(ax, picture, faces)
        scores = ", ".join(f"{face.score:.2f}" for face in faces)
        ax.set_title(f"{name}: " + (f"score {scores}" if faces else "none found"))
    return figure


def before_and_after(pictures: Sequence[np.ndarray], detector: Detector) -> Figure:
    """Figures 2-12 and 2-13: pictures with the surest face marked, above the same face cut out and aligned.

    ``pictures``: uint8, grey or RGB, of any sizes; where no face is found, the place below is empty.
    """
    figure, axes = frame((1.3 * len(pictures), 2.9), 2, len(pictures), style="white")
    for picture, (above, below) in zip(pictures, axes.T, strict=True):
        faces = find(picture, detector)[:1]
        _show(above, picture, faces)
        below.set_axis_off()
        if faces:
            below.imshow(crop(picture, faces[0]), cmap="gray", vmin=0, vmax=255)
    for ax, title in zip(axes[:, 0].flat, ("before", "after"), strict=True):
        ax.set_title(title, loc="left", fontsize="medium")
    return figure


def _show(ax: Axes, picture: np.ndarray, faces: list[Face]) -> None:
    ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
    ax.set_axis_off()
    for face in faces:
        x, y, width, height = face.box
        # matplotlib, too, has the middle of the first pixel at 0, 0; a box begins at the pixel's corner.
        ax.add_patch(Rectangle((x - 0.5, y - 0.5), width, height, fill=False, edgecolor=RED, linewidth=1.5))
        if face.landmarks is not None:
            ax.plot(*face.landmarks.T, ".", color=BLUE, markersize=4)
    ax.set(xlim=(-0.5, picture.shape[1] - 0.5), ylim=(picture.shape[0] - 0.5, -0.5))
