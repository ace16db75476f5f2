"""The figures of notebook 11's inference half: data in, matplotlib Figure out. Nothing here saves or shows."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from fer_nb.efficiency import LATENCY, REFERENCE


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

    On the line a net is as much faster as its MACs say, above it slower than that.
    """
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        ax = figure.subplots()
    markers = dict(zip(LATENCY, zip(seaborn.color_palette("colorblind", 2), "os", strict=True), strict=True))
    for runtime, column in LATENCY.items():
        colour, marker = markers[runtime]
        ax.loglog(table["macs_ratio"], table[column], marker, color=colour, label=runtime, markersize=6)
    ends = np.array([table["macs_ratio"].min() / 1.5, 1.5])
    ax.loglog(ends, ends, "--", color="0.5", lw=1, label="as light as the MACs say")
    for row in table.itertuples():
        top = max(getattr(row, column) for column in LATENCY.values())
        name_point(ax, row.model, row.macs_ratio, top)
    ax.set(xlabel=f"MACs as a share of {REFERENCE}'s", ylabel=f"latency as a share of {REFERENCE}'s")
    ax.margins(0.2)
    ax.legend(frameon=False, loc="lower right")
    seaborn.despine(ax=ax, left=True, bottom=True)
    return figure


def accuracy_over_latency(table: pd.DataFrame) -> Figure:
    """Accuracy over the latency of one picture, a panel per data set (efficiency.accuracy_and_latency).

    Ours as dots with their 95% interval, the thesis's value as a diamond, at the latency measured here.
    """
    panels = dict(list(table.groupby("dataset", sort=False)))
    ours, thesis = seaborn.color_palette("colorblind")[0], seaborn.color_palette("colorblind")[3]
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(4.6 * len(panels), 3.8), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for (dataset, rows), ax in zip(panels.items(), axes, strict=True):
        error = [rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]]
        x = rows["latency_ms"]
        ax.errorbar(x, rows["accuracy"], error, fmt="o", color=ours, capsize=3, label="this study, 95% interval")
        ax.plot(x, rows["thesis_accuracy"], "D", color=thesis, mfc="none", mew=1.5, label="accuracy of the thesis")
        for row in rows.itertuples():
            top = np.nanmax([row.high, row.thesis_accuracy])
            name_point(ax, row.model, row.latency_ms, top)
        ax.set(title=dataset, xlabel="milliseconds for one picture (ONNX Runtime)", ylabel="accuracy (%)")
        ax.set_xlim(left=0)
        ax.margins(0.2)
        seaborn.despine(ax=ax, left=True)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure


def name_point(ax, name, x, y):
    """Write a net's name above a point, slanted: neighbours stay legible."""
    ax.annotate(name, (x, y), (0, 6), textcoords="offset points", rotation=40, rotation_mode="anchor", fontsize=8)
