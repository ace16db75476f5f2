"""The figures of notebook 11's inference half: data in, matplotlib Figure out. Nothing here saves or shows."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fer_nb.speed.efficiency import LATENCY, REFERENCE


def latencies(measured: pd.DataFrame) -> Figure:
    """Latency of one picture by net, a bar per runtime with its 10th and 90th percentile (latency.compare)."""
    names = list(measured["model"].unique())
    runtimes = dict(list(measured.groupby("runtime", sort=False)))
    colours = seaborn.color_palette("colorblind", len(runtimes))
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(8, 0.9 + 0.5 * len(names)), layout="constrained")
        ax = figure.subplots()
    height = 0.8 / len(runtimes)
    for i, ((runtime, rows), colour) in enumerate(zip(runtimes.items(), colours, strict=True)):
        place = [names.index(name) + (i - (len(runtimes) - 1) / 2) * height for name in rows["model"]]
        middle = rows["latency_ms"]
        spread = [middle - rows["p10_ms"], rows["p90_ms"] - middle]
        ax.barh(place, middle, height, xerr=spread, color=colour, label=runtime, error_kw={"lw": 0.8})
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("milliseconds for one picture on one thread (median, 10th to 90th percentile)")
    ax.grid(axis="y", visible=False)
    ax.legend(frameon=False)
    seaborn.despine(ax=ax, left=True)
    return figure


def lightness(table: pd.DataFrame) -> Figure:
    """Latency over MACs, both as shares of ResNet18's on logarithmic axes (efficiency.light_table).

    On the line a net is as much faster as its MACs say, above it slower than that. A colour per net, a marker per
    runtime.
    """
    colours = colours_of(table["model"])
    markers = dict(zip(LATENCY, "os", strict=True))
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(7.6, 4.6), layout="constrained")
        ax = figure.subplots()
    for runtime, column in LATENCY.items():
        for row in table.itertuples():
            ax.loglog(row.macs_ratio, getattr(row, column), markers[runtime], color=colours[row.model], markersize=7)
    ends = np.array([table["macs_ratio"].min() / 1.5, 1.5])
    (line,) = ax.loglog(ends, ends, "--", color="0.5", lw=1)
    ax.set(xlabel=f"MACs as a share of {REFERENCE}'s", ylabel=f"latency as a share of {REFERENCE}'s")
    shapes = {name: Line2D([], [], color="0.3", ls="", marker=marker) for name, marker in markers.items()}
    shapes["as light as the MACs say"] = line
    ax.legend(shapes.values(), shapes.keys(), frameon=False, loc="lower right")
    name_colours(figure, colours)
    seaborn.despine(ax=ax, left=True, bottom=True)
    return figure


def accuracy_over_latency(table: pd.DataFrame) -> Figure:
    """Accuracy over the latency of one picture, a panel per data set (efficiency.accuracy_and_latency).

    Ours as dots with their 95% interval, the thesis's value as a diamond, at the latency measured here; a colour per
    net.
    """
    panels, colours = dict(list(table.groupby("dataset", sort=False))), colours_of(table["model"])
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(4.0 * len(panels) + 1.4, 3.8), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for (dataset, rows), ax in zip(panels.items(), axes, strict=True):
        for row in rows.itertuples():
            colour = colours[row.model]
            error = [[row.accuracy - row.low], [row.high - row.accuracy]]
            ax.errorbar(row.latency_ms, row.accuracy, error, fmt="o", color=colour, capsize=3)
            ax.plot(row.latency_ms, row.thesis_accuracy, "D", color=colour, mfc="none", mew=1.5)
        ax.set(title=dataset, xlabel="milliseconds for one picture (ONNX Runtime)", ylabel="accuracy (%)")
        ax.set_xlim(0, 1.1 * rows["latency_ms"].max())
        seaborn.despine(ax=ax, left=True)
    ours = Line2D([], [], color="0.3", ls="", marker="o")
    thesis = Line2D([], [], color="0.3", ls="", marker="D", mfc="none", mew=1.5)
    words = ["this study, 95% interval", "accuracy of the thesis"]
    figure.legend([ours, thesis], words, loc="outside upper center", ncols=2, frameon=False)
    name_colours(figure, colours)
    return figure


def colours_of(names) -> dict:
    """A colour for each net, in the order in which they come."""
    names = list(dict.fromkeys(names))
    return dict(zip(names, seaborn.color_palette("colorblind", len(names)), strict=True))


def name_colours(figure, colours) -> None:
    """A legend of the nets at the right: they lie too close to be named beside their points."""
    patches = [Patch(color=colour) for colour in colours.values()]
    figure.legend(patches, colours.keys(), loc="outside right upper", frameon=False)
