"""The figures of notebook 09 but the cells (nas/drawing.py): data in, matplotlib Figure out. Saves nothing."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from fer_nb.evaluation.frame import frame, legend_above
from fer_nb.nets.operations import OPERATIONS


def curves(histories: dict[str, pd.DataFrame]) -> Figure:
    """Accuracy on the half that teaches the weights (dashed) and on the other, and skips, after each epoch.

    histories: name -> history of ``search``; the epochs of a search in stages are counted through.
    """
    colours = seaborn.color_palette("colorblind", len(histories))
    figure, ((left, right),) = frame((9, 3.4), columns=2)
    for (name, history), colour in zip(histories.items(), colours, strict=True):
        epochs, shown = np.arange(1, len(history) + 1), {"color": colour, "marker": _marker(len(history))}
        left.plot(epochs, history["accuracy"], "--", lw=1, **shown)
        left.plot(epochs, history["alpha_accuracy"], label=name, **shown)
        right.plot(epochs, history["skips"], label=name, **shown)
    left.set(xlabel="epoch", ylabel="accuracy, percent", title="Half of the alphas (dashed: of the weights)")
    right.set(xlabel="epoch", ylabel="skips", title="Skips in the normal cell, without a limit", ylim=(-0.2, None))
    left.locator_params(axis="x", integer=True, min_n_ticks=1)
    right.locator_params(integer=True, min_n_ticks=1)
    left.legend(frameon=False)
    return figure


def drift(alphas: dict[str, np.ndarray]) -> Figure:
    """How the weight of each operation moves, a panel an operation: mean over the edges of a cell, band of the edges.

    The dotted line is where all operations start.

    alphas: "normal" and "reduce" -> (epochs, edges, operations), softmax; ``search``'s history.attrs["alphas"].
    """
    colours = seaborn.color_palette("colorblind", len(alphas))
    names = {"normal": "normal cell", "reduce": "reduction cell"}
    figure, axes = frame((9, 4.4), 2, 4, sharex=True, sharey=True)
    *panels, unused = axes.flat
    for place, (name, ax) in enumerate(zip(OPERATIONS, panels, strict=True)):
        for (kind, values), colour in zip(alphas.items(), colours, strict=True):
            epochs, of_edges = np.arange(1, len(values) + 1), values[:, :, place]
            ax.plot(epochs, of_edges.mean(1), color=colour, label=names[kind], marker=_marker(len(values)))
            ax.fill_between(epochs, of_edges.min(1), of_edges.max(1), color=colour, alpha=0.15, lw=0)
        ax.axhline(1 / len(OPERATIONS), color="0.4", lw=1, ls=":")
        ax.set_title(name, fontsize="medium")
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    unused.set_visible(False)
    panels[3].tick_params(labelbottom=True)  # the one above the unused place
    figure.supxlabel("epoch", fontsize="medium")
    figure.supylabel("weight (mean and range of the edges)", fontsize="medium")
    legend_above(figure, axes)
    return figure


def accuracy_over_parameters(table: pd.DataFrame) -> Figure:
    """Accuracy with its interval over parameters; ``table``: model, parameters, accuracy, low, high (notebook 10)."""
    colours = seaborn.color_palette("colorblind", len(table))
    figure, ((ax,),) = frame((7, 4))
    for row, colour in zip(table.itertuples(), colours, strict=True):
        ax.vlines(row.parameters, row.low, row.high, color=colour)
        ax.plot(row.parameters, row.accuracy, "o", color=colour, label=row.model)
    ax.set(xscale="log", xlabel="parameters", ylabel="accuracy, percent, with its 95% interval")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(EngFormatter(sep=""))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def among_random(table: pd.DataFrame) -> Figure:
    """Found nets as dots among the random ones, drawn as ticks, for each data set (``luck.accuracies``)."""
    titles, nets = list(dict.fromkeys(table["data"])), list(dict.fromkeys(table.loc[~table["random"], "model"]))
    colours = dict(zip(nets, seaborn.color_palette("colorblind", len(nets)), strict=True))
    figure, ((ax,),) = frame((7, 0.9 + 0.7 * len(titles)))
    for row in table.itertuples():
        place = titles.index(row.data)
        if row.random:
            ax.vlines(row.accuracy, place - 0.3, place + 0.3, color="#999999", lw=1.2, zorder=1)
        else:
            aside = 0.5 * ((nets.index(row.model) + 1) / (len(nets) + 1) - 0.5)
            ax.plot(row.accuracy, place + aside, "o", color=colours[row.model], zorder=2)
    for net, colour in colours.items():
        ax.plot([], [], "o", color=colour, label=net)
    ax.plot([], [], "|", color="#999999", label="random")
    ax.set_yticks(range(len(titles)), titles)
    ax.invert_yaxis()
    ax.set_xlabel("accuracy, percent")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def micro_scores(table: pd.DataFrame) -> Figure:
    """UF1 with its interval for each kind of picture, a colour per net (``searched.micro_table``)."""
    rows = table[table["measure"] == "UF1"]
    kinds, nets = list(dict.fromkeys(rows["data"])), list(dict.fromkeys(rows["model"]))
    colours = seaborn.color_palette("colorblind", len(nets))
    figure, ((ax,),) = frame((7, 0.8 + 0.7 * len(kinds)))
    for row in rows.itertuples():
        place = kinds.index(row.data) + 0.16 * (nets.index(row.model) - (len(nets) - 1) / 2)
        first, colour = row.data == kinds[0], colours[nets.index(row.model)]
        ax.hlines(place, row.low, row.high, color=colour)  # the bootstrap's need not hold the value
        ax.plot(row.value, place, "o", color=colour, label=row.model if first else None)
    ax.set_yticks(range(len(kinds)), kinds)
    ax.invert_yaxis()
    ax.set_xlabel("UF1, percent, with its 95% interval over subjects")
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def micro_curves(table: pd.DataFrame) -> Figure:
    """UF1 and UAR with their intervals over what makes drawn clips hard, a line a kind of picture (``micro.graded``).

    ``table`` is of one net.
    """
    units = {"motion": "pixels of motion", "noise": "noise, grey levels", "drift": "drift of the head, pixels"}
    varied, kinds = list(dict.fromkeys(table["varied"])), list(dict.fromkeys(table["kind"]))
    colours = seaborn.color_palette("colorblind", len(kinds))
    figure, rows = frame((3.2 * len(varied) + 1, 5.6), rows=2, columns=len(varied), sharey=True)
    for panels, measure in zip(rows, ("UF1", "UAR"), strict=True):
        for ax, of in zip(panels, varied, strict=True):
            for kind, colour in zip(kinds, colours, strict=True):
                own = table[(table["varied"] == of) & (table["kind"] == kind) & (table["measure"] == measure)]
                ax.plot(own["level"], own["value"], marker="o", color=colour, label=kind)
                ax.fill_between(own["level"], own["low"], own["high"], color=colour, alpha=0.1, lw=0)
            ax.set(xlabel=units[of])
        panels[0].set_ylabel(f"{measure}, percent")
    legend_above(figure, rows)
    return figure


def _marker(epochs: int) -> str | None:
    """A line of one epoch would not be seen."""
    return "." if epochs == 1 else None
