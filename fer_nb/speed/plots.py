"""The figures of notebook 11: data in, matplotlib Figure out. Nothing here saves or shows."""

from collections.abc import Iterable
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fer_nb.evaluation.frame import frame, legend_above, stacked
from fer_nb.speed.breakdown import KINDS
from fer_nb.speed.efficiency import LATENCY, REFERENCE


def speeds(table: pd.DataFrame) -> Figure:
    """Training speed by variant, one panel a net (throughput.compare): bars with lowest and highest, and ratios."""
    figure, nets = stacked(table, "model", "pictures a second")
    for rows, ax in nets:
        middle, names = rows["pictures_per_second"], [fill(variant, 42) for variant in rows["variant"]]
        spread = [middle - rows["lowest"], rows["highest"] - middle]
        ax.barh(names, middle, xerr=spread, color=seaborn.color_palette("crest")[2], height=0.6)
        for place, (end, ratio) in enumerate(zip(rows["highest"], rows["ratio"], strict=True)):
            ax.text(end, place, f"  {ratio:.1f} times", va="center", fontsize=9)
        ax.set_xlim(0, rows["highest"].max() * 1.18)
        ax.invert_yaxis()
    return figure


def step_shares(table: pd.DataFrame) -> Figure:
    """A bar a net of the shares of a training step's time, with the milliseconds of the larger ones (breakdown.table).

    Light and dark of one colour are forward and backward.
    """
    shares, spent = (
        table.pivot(index="model", columns="kind", values=value).reindex(table["model"].unique(), columns=KINDS)
        for value in ("share", "milliseconds")
    )
    palette = seaborn.color_palette("Paired", 12)
    colours = [*palette[:6], *palette[10:], palette[8], palette[6], "0.55", "0.8"]
    figure, ((ax,),) = frame((9, 1.7 + 0.5 * len(shares)))
    left = pd.Series(0.0, shares.index)
    for kind, colour in zip(KINDS, colours, strict=True):
        width = shares[kind].fillna(0)
        if width.any():
            bars = ax.barh(shares.index, width, left=left, color=colour, label=kind, height=0.65)
            texts = [f"{ms:.0f} ms" if share > 5 else "" for ms, share in zip(spent[kind], width, strict=True)]
            ax.bar_label(bars, texts, label_type="center", fontsize=8)
            left += width
    ax.set(xlim=(0, 100), xlabel="% of a training step's time")
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    legend_above(figure, [ax], ncols=3, fontsize="small")
    return figure


def latencies(measured: pd.DataFrame) -> Figure:
    """Latency of one picture by net, a bar a runtime with its 10th and 90th percentile (latency.compare)."""
    names = list(measured["model"].unique())
    runtimes = dict(list(measured.groupby("runtime", sort=False)))
    figure, ((ax,),) = frame((8, 0.9 + 0.5 * len(names)))
    height = 0.8 / len(runtimes)
    for i, (runtime, rows) in enumerate(runtimes.items()):
        place = [names.index(name) + (i - (len(runtimes) - 1) / 2) * height for name in rows["model"]]
        middle = rows["latency_ms"]
        spread = [middle - rows["p10_ms"], rows["p90_ms"] - middle]
        colour = seaborn.color_palette("colorblind")[i]
        ax.barh(place, middle, height, xerr=spread, color=colour, label=runtime, error_kw={"lw": 0.8})
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xlabel("milliseconds for one picture on one thread (median, 10th to 90th percentile)")
    ax.grid(axis="y", visible=False)
    ax.legend(frameon=False)
    return figure


def lightness(table: pd.DataFrame) -> Figure:
    """Latency over MACs, both as shares of ResNet18's on logarithmic axes (efficiency.light_table).

    A net on the line is as much faster as its MACs say, above the line it is slower than that. A colour a net, a
    marker a runtime.
    """
    colours = colours_of(table["model"])
    figure, ((ax,),) = frame((7.6, 4.6))
    for marker, (runtime, column) in zip("os", LATENCY.items(), strict=True):
        for row in table.itertuples():
            ax.loglog(row.macs_ratio, getattr(row, column), marker, color=colours[row.model], markersize=7)
        ax.plot([], [], marker, color="0.3", label=runtime)
    ends = np.array([table["macs_ratio"].min() / 1.5, 1.5])
    ax.loglog(ends, ends, "--", color="0.5", lw=1, label="as light as the MACs say")
    ax.set(xlabel=f"MACs as a share of {REFERENCE}'s", ylabel=f"latency as a share of {REFERENCE}'s")
    ax.legend(frameon=False, loc="lower right")
    legend_of_nets(figure, colours)
    return figure


def accuracy_over_latency(table: pd.DataFrame) -> Figure:
    """Accuracy over the latency of one picture, a panel a data set (efficiency.accuracy_and_latency).

    Dots are this study's values with their 95% interval, diamonds the thesis's at the latency measured here; a colour
    a net.
    """
    datasets, colours = dict(list(table.groupby("dataset", sort=False))), colours_of(table["model"])
    figure, axes = frame((4.0 * len(datasets) + 1.4, 3.8), 1, len(datasets))
    for (dataset, rows), ax in zip(datasets.items(), axes.flat, strict=True):
        for row in rows.itertuples():
            colour = colours[row.model]
            error = [[row.accuracy - row.low], [row.high - row.accuracy]]
            ax.errorbar(row.latency_ms, row.accuracy, error, fmt="o", color=colour, capsize=3)
            ax.plot(row.latency_ms, row.thesis_accuracy, "D", color=colour, mfc="none", mew=1.5)
        ax.plot([], [], "o", color="0.3", label="this study, 95% interval")
        ax.plot([], [], "D", color="0.3", mfc="none", mew=1.5, label="accuracy of the thesis")
        ax.set(title=dataset, xlabel="milliseconds for one picture (ONNX Runtime)", ylabel="accuracy (%)")
        ax.set_xlim(0, 1.1 * rows["latency_ms"].max())
    legend_above(figure, axes)
    legend_of_nets(figure, colours)
    return figure


def accuracy_over_time(curves: pd.DataFrame, thesis_accuracy: float) -> Figure:
    """Validation accuracy over minutes of training, a line a run (time_to_accuracy.curves).

    A colour a net and change, a line style a seed. Dots: the training views get another size from there. Dashed: the
    thesis's accuracy on the test split. The axis ends 30 points below the highest value: the first epochs take little
    of the time.
    """
    nets, seeds = colours_of(curves["net"]), list(curves["seed"].unique())
    figure, ((ax,),) = frame((9, 4.8))
    for (net, seed), line in curves.groupby(["net", "seed"], sort=False):
        style = {"ls": ["-", "-.", ":"][seeds.index(seed) % 3], "marker": "o" if len(line) == 1 else None}
        ax.plot(line["minutes"], line["valid_accuracy"], color=nets[net], label=f"{net}, seed {seed}", **style)
        resized = line[line["side"].diff().fillna(0) != 0]
        ax.plot(resized["minutes"], resized["valid_accuracy"], "o", color=nets[net], ms=5, mec="white")
    if curves.groupby(["net", "seed"])["side"].nunique().gt(1).any():
        ax.plot([], [], "o", color="0.4", ms=5, label="first epoch with views of another size")
    label = f"{thesis_accuracy:.2f}%: lightResNetl in the thesis, test split"
    ax.axhline(thesis_accuracy, color="0.3", ls="--", lw=1, label=label)
    ax.set(xlabel="minutes of training and scoring", ylabel="accuracy on the validation split (%)")
    ax.set_xlim(0, 1.05 * curves["minutes"].max())
    ax.set_ylim(bottom=max(curves["valid_accuracy"].min() - 1, curves["valid_accuracy"].max() - 30))
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    return figure


def colours_of(names: Iterable[str]) -> dict[str, tuple]:
    """A colour for each net, in the order in which they come."""
    names = list(dict.fromkeys(names))
    return dict(zip(names, seaborn.color_palette("colorblind", len(names)), strict=True))


def legend_of_nets(figure: Figure, colours: dict[str, tuple]) -> None:
    """A legend of the nets at the right: their points lie too close for names beside them."""
    patches = [Patch(color=colour) for colour in colours.values()]
    figure.legend(patches, colours.keys(), loc="outside right center", frameon=False)
