"""The figures of chapter 4: data in, matplotlib Figure out. Nothing here saves or shows."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure

from fer_nb.saliency.regions import NAMES

# As thesis figure 4-1: hot where the map is high, laid over the picture.
HEAT = {"cmap": "jet", "vmin": 0, "vmax": 1, "alpha": 0.45}
COLOURS = dict(zip(("MP", "Score-CAM"), seaborn.color_palette("colorblind"), strict=False))
LABELS = {"accuracy": "accuracy (%)", "probability": "probability of the true class", "spearman": "rank correlation"}


def gallery(titles: list[str], rows: dict[str, np.ndarray], pictures: np.ndarray) -> Figure:
    """Figure 4-1 and its like: a column a picture, a row a kind of picture or map.

    Args:
        titles: above each of the N columns.
        rows: name -> float (N, 44, 44) in [0, 1], shown in grey, or maps (N, 1, 44, 44), laid over ``pictures``.
        pictures: float (N, 44, 44) in [0, 1].
    """
    figure = Figure(figsize=(1.25 * len(titles) + 0.5, 1.2 * len(rows) + 0.7), layout="constrained")
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for line, (name, values) in zip(axes, rows.items(), strict=True):
        values = np.asarray(values)
        line[0].set_ylabel(name, fontsize=9)
        for ax, picture, value in zip(line, pictures, values, strict=True):
            show(ax, picture if values.ndim == 4 else value, value[0] if values.ndim == 4 else None)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=8)
    return figure


def show(ax, picture, heat=None):
    """One picture (44, 44) in grey, a map (44, 44) over it where one is given, without axes."""
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    if heat is not None:
        ax.imshow(heat, **HEAT)
    ax.set(xticks=[], yticks=[])
    ax.tick_params(length=0)
    seaborn.despine(ax=ax, left=True, bottom=True)


def region_heat(tables: dict[str, pd.DataFrame]) -> Figure:
    """Share of each map's mass per expression and region, a panel a method (regions.region_table).

    The number is the share in percent; the colour is how many times chance it is, as a power of two.
    """
    figure = Figure(figsize=(4.2 * len(tables) + 0.8, 4.2), layout="constrained")
    axes = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    for ax, (method, table) in zip(axes, tables.items(), strict=True):
        order = list(dict.fromkeys(table["expression"]))
        share, area = (table.pivot(index="expression", columns="region", values=name) for name in ("share", "area"))
        share, area = (values.loc[order, list(NAMES)] for values in (share, area))
        ratio = np.log2(share.clip(lower=1e-3) / area.clip(lower=1e-3))
        options = {"cmap": "RdBu_r", "norm": CenteredNorm(0, 1.5), "cbar": False, "linewidths": 0.5}
        seaborn.heatmap(ratio, ax=ax, annot=100 * share, fmt=".0f", **options)
        ax.set(title=method, xlabel="", ylabel="")
        ax.tick_params(length=0)
        ax.tick_params(axis="y", rotation=0)
    bar = figure.colorbar(axes[0].collections[0], ax=axes, shrink=0.7, label="times the region's share of the area")
    bar.set_ticks([-1, 0, 1], labels=["1/2", "1", "2"])
    return figure


def erosion(curves: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Deletion and insertion: mean probability against the share of the pixels, a panel a kind, a line a method.

    ``curves``: kind -> method -> (N, steps + 1), faithfulness.curves.
    """
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(4.2 * len(curves), 3.3), layout="constrained")
        axes = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for ax, (kind, of_kind) in zip(axes, curves.items(), strict=True):
        colours = seaborn.color_palette("colorblind", len(of_kind))
        for (method, values), colour in zip(of_kind.items(), colours, strict=True):
            values = np.asarray(values)
            ax.plot(np.linspace(0, 100, values.shape[1]), values.mean(axis=0), label=method, color=colour)
        ax.set(title=kind, xlabel=f"% of the pixels {'put back' if kind == 'insertion' else 'deleted'}", ylim=(0, 1))
        seaborn.despine(ax=ax, left=True)
    axes[0].set_ylabel("probability of the class")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False, fontsize=8)
    return figure


def cascades(tables: dict[str, pd.DataFrame], quantity: str = "spearman") -> Figure:
    """Similarity to the trained net's maps while weights turn random, a line a method (sanity.cascade)."""
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(6.2, 3.4), layout="constrained")
        ax = figure.subplots()
    for (method, table), colour in zip(tables.items(), seaborn.color_palette("colorblind", len(tables)), strict=True):
        rows = table[table["quantity"] == quantity]
        band(ax, rows["depth"], rows, colour, method)
        ax.set_xticks(rows["depth"], ["trained", *rows["stage"].iloc[1:]])
    ax.axhline(0, color="0.6", lw=0.8)
    ax.set(xlabel="last layer made random, from the end of the net", ylabel=LABELS.get(quantity, quantity))
    ax.legend(frameon=False, fontsize=8)
    seaborn.despine(ax=ax, left=True)
    return figure


def robustness(curves: pd.DataFrame, examples: dict[str, dict], trained: dict[str, float]) -> Figure:
    """Curves against strength with 95% bands: a column a transform, a row a quantity.

    Args:
        curves: transform, strength, quantity, mean, low, high, and ``method`` ("" where it is no map's): a line a
            method in each row. Rows are the quantities in their order.
        examples: transform -> an entry of thesis.FIGURES_4_2 with ``strength``, marked in the row "probability".
        trained: transform -> largest strength in training, shaded.
    """
    quantities, names = list(dict.fromkeys(curves["quantity"])), list(dict.fromkeys(curves["transform"]))
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(2.3 * len(names) + 0.6, 2.1 * len(quantities) + 0.6), layout="constrained")
        axes = figure.subplots(len(quantities), len(names), squeeze=False, sharey="row", sharex="col")
    for (quantity, name), ax in zip([(q, n) for q in quantities for n in names], axes.flat, strict=True):
        rows = curves[(curves["quantity"] == quantity) & (curves["transform"] == name)]
        for method, line in rows.groupby("method", sort=False):
            band(ax, line["strength"], line, COLOURS.get(method, "0.25"), method or None)
        if "flip" in name:
            ax.set(xticks=[0, 1], xlim=(-0.3, 1.3))
            ax.set_xticklabels(["as it is", "flipped"])
        elif name in trained:
            ax.axvspan(-trained[name], trained[name], color="0.92", zorder=0)
        if quantity == "probability" and name in examples:
            mark(ax, examples[name])
        seaborn.despine(ax=ax, left=True)
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name, fontsize=10)
    for line, quantity in zip(axes[:, 0], quantities, strict=True):
        line.set_ylabel(LABELS.get(quantity, quantity), fontsize=9)
    lines = {name: line for ax in axes.flat for line, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(lines.values(), lines.keys(), loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    return figure


def mark(ax, example):
    """The thesis's single picture: as it is, and changed. It does not say by how much: the place across is ours."""
    points = [0, example["strength"]], [example["probability_before"], example["probability"]]
    ax.plot(
        *points, "D:", color=seaborn.color_palette("colorblind")[3], mfc="none", ms=5, lw=1, label="thesis, one picture"
    )


def band(ax, place, rows, colour, label):
    """A line through the means with their 95% intervals; intervals that are not known are left out."""
    ax.plot(place, rows["mean"], "o-", color=colour, ms=3, lw=1.4, label=label)
    ax.fill_between(place, rows["low"], rows["high"], color=colour, alpha=0.18, lw=0)


def explanation(picture, probabilities: dict[str, float], maps: dict[str, np.ndarray], explained: str) -> Figure:
    """One picture (44, 44) in [0, 1], the probability of each class as bars, and its maps (44, 44) by name.

    ``explained``: the class that the maps speak of; its bar stands out.
    """
    figure = Figure(figsize=(2.0 * (1 + len(maps)) + 3.0, 2.4), layout="constrained")
    axes = figure.subplots(1, 2 + len(maps), width_ratios=[1, 1.3, *[1] * len(maps)])
    show(axes[0], picture)
    axes[0].set_title("what the net sees", fontsize=9)
    strong, weak = seaborn.color_palette("colorblind")[0], "0.75"
    axes[1].barh(
        list(probabilities),
        list(probabilities.values()),
        color=[strong if name == explained else weak for name in probabilities],
    )
    axes[1].set(xlim=(0, 1))
    axes[1].set_title("probability", fontsize=9)
    axes[1].invert_yaxis()
    axes[1].tick_params(labelsize=8)
    seaborn.despine(ax=axes[1])
    for ax, (name, heat) in zip(axes[2:], maps.items(), strict=True):
        show(ax, picture, heat)
        ax.set_title(f"{name}: {explained}", fontsize=9)
    return figure
