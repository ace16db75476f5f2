"""The figures of chapter 4: data in, matplotlib Figure out. Nothing here saves or shows."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure

from fer_nb.evaluation.frame import frame, legend_above
from fer_nb.saliency.regions import NAMES

# Of maps, which are laid over their pictures: bright is high. "jet", the thesis's look, has edges that no map has.
COLORMAPS = ("inferno", "magma", "jet")
PALETTE = seaborn.color_palette("colorblind")
COLOURS = dict(zip(("MP", "Score-CAM"), PALETTE, strict=False))
LABELS = {"accuracy": "accuracy (%)", "probability": "probability of the true class", "spearman": "rank correlation"}


def gallery(titles: list[str], rows: dict[str, np.ndarray], pictures: np.ndarray, colormap: str = "inferno") -> Figure:
    """Figure 4-1 and similar ones: a column per picture, a row per kind of picture or map.

    Args:
        titles: above each of the N columns.
        rows: name -> float (N, 44, 44) in [0, 1], shown in grey, or maps (N, 1, 44, 44), laid over ``pictures``.
        pictures: float (N, 44, 44) in [0, 1].
        colormap: of the maps, one of ``COLORMAPS``.
    """
    figure, axes = frame((1.25 * len(titles) + 0.5, 1.2 * len(rows) + 0.7), len(rows), len(titles), "white")
    for line, (name, values) in zip(axes, rows.items(), strict=True):
        values = np.asarray(values)
        line[0].set_ylabel(name, fontsize=9)
        for ax, picture, value in zip(line, pictures, values, strict=True):
            _show(ax, picture if values.ndim == 4 else value, value[0] if values.ndim == 4 else None, colormap)
    _bar(figure, axes)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=8)
    return figure


def _show(ax, picture, heat=None, colormap="inferno"):
    """One picture (44, 44) in grey, with a map (44, 44) over it where one is given, without axes."""
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    if heat is not None:
        ax.imshow(heat, cmap=colormap, vmin=0, vmax=1, alpha=0.5)
    ax.set(xticks=[], yticks=[])
    seaborn.despine(ax=ax, left=True, bottom=True)


def _bar(figure, axes):
    """The colour bar of the maps that ``_show`` has drawn on ``axes``, where it has drawn any."""
    heats = [image for ax in np.ravel(axes) for image in ax.get_images()[1:]]
    if heats:
        figure.colorbar(heats[0], ax=axes, aspect=40, pad=0.1 / figure.get_figwidth(), label="map")


def region_heat(tables: dict[str, pd.DataFrame]) -> Figure:
    """Share of each map's mass per expression and region, a panel per method (regions.region_table).

    The number is the share in percent; the colour is how many times chance it is, as a power of two.
    """
    figure, axes = frame((4.2 * len(tables) + 0.8, 4.2), 1, len(tables), "white", sharey=True)
    for ax, (method, table) in zip(axes[0], tables.items(), strict=True):
        order = list(dict.fromkeys(table["expression"]))
        share, area = (table.pivot(index="expression", columns="region", values=name) for name in ("share", "area"))
        share, area = (values.loc[order, list(NAMES)] for values in (share, area))
        ratio = np.log2(share.clip(lower=1e-3) / area.clip(lower=1e-3))
        options = {"cmap": "RdBu_r", "norm": CenteredNorm(0, 1.5), "cbar": False, "linewidths": 0.5}
        seaborn.heatmap(ratio, ax=ax, annot=100 * share, fmt=".0f", **options)
        ax.set(title=method, xlabel="", ylabel="")
        ax.tick_params(length=0)
        ax.tick_params(axis="y", rotation=0)
    heat = axes.flat[0].collections[0]
    bar = figure.colorbar(heat, ax=axes, shrink=0.7, label="times the region's share of the area")
    bar.set_ticks([-1, 0, 1], labels=["1/2", "1", "2"])
    return figure


def erosion(curves: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Deletion and insertion: mean probability against the share of the pixels, a panel per metric, a line per method.

    ``curves``: metric (faithfulness.EROSIONS) -> method -> (N, steps + 1), faithfulness.curves.
    """
    figure, axes = frame((3.4 * len(curves), 3.3), 1, len(curves), sharey=True)
    for ax, (metric, of_metric) in zip(axes[0], curves.items(), strict=True):
        for (method, values), colour in zip(of_metric.items(), PALETTE, strict=False):
            values = np.asarray(values)
            ax.plot(np.linspace(0, 100, values.shape[1]), values.mean(axis=0), label=method, color=colour)
        what = "put back" if metric.startswith("insertion") else "deleted"
        ax.set(title=metric, xlabel=f"% of the pixels {what}", ylim=(0, 1))
    axes.flat[0].set_ylabel("probability of the class")
    legend_above(figure, axes, ncols=5, fontsize=8)
    return figure


def cascades(tables: dict[str, pd.DataFrame], quantity: str = "spearman") -> Figure:
    """Similarity to the trained net's maps while weights become random, a line per method (sanity.cascade).

    An empty map is similar to none: the legend says of how many nets a method's maps are known.
    """
    figure, axes = frame((6.2, 3.4))
    ax = axes.flat[0]
    for (method, table), colour in zip(tables.items(), PALETTE, strict=False):
        rows = table[table["quantity"] == quantity]
        known = rows["mean"].notna().sum()
        label = method if known == len(rows) else f"{method} ({known} of {len(rows)}: the other maps are empty)"
        _band(ax, rows["depth"], rows, colour, label)
        ax.set_xticks(rows["depth"], ["trained", *rows["stage"].iloc[1:]])
    ax.axhline(0, color="0.6", lw=0.8)
    ax.set(xlabel="last layer made random, from the end of the net", ylabel=LABELS.get(quantity, quantity))
    ax.legend(frameon=False, fontsize=8)
    return figure


def robustness(curves: pd.DataFrame, examples: dict[str, dict], trained: dict[str, float]) -> Figure:
    """Curves against strength with 95% bands: a column per transform, a row per quantity.

    Args:
        curves: transform, strength, quantity, mean, low, high, and ``method`` ("" where it is not about maps): a line
            per method in each row. Rows are the quantities in their order.
        examples: transform -> an entry of thesis.FIGURES_4_2 with ``strength``, marked in the row "probability"; where
            it gives the probability of another class than the true one, only that of the picture as it is.
        trained: transform -> largest strength in training, shaded.
    """
    quantities, names = list(dict.fromkeys(curves["quantity"])), list(dict.fromkeys(curves["transform"]))
    size = 2.3 * len(names) + 0.6, 2.1 * len(quantities) + 0.6
    figure, axes = frame(size, len(quantities), len(names), sharey="row", sharex="col")
    for (quantity, name), ax in zip([(q, n) for q in quantities for n in names], axes.flat, strict=True):
        rows = curves[(curves["quantity"] == quantity) & (curves["transform"] == name)]
        for method, line in rows.groupby("method", sort=False):
            _band(ax, line["strength"], line, COLOURS.get(method, "0.25"), method or None)
        if "flip" in name:
            ax.set(xticks=[0, 1], xlim=(-0.3, 1.3))
            ax.set_xticklabels(["as it is", "flipped"])
        elif name in trained:
            ax.axvspan(-trained[name], trained[name], color="0.92", zorder=0)
        if quantity == "probability" and name in examples:
            _mark(ax, examples[name])
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name, fontsize=10)
    for ax, quantity in zip(axes[:, 0], quantities, strict=True):
        ax.set_ylabel(LABELS.get(quantity, quantity), fontsize=9)
    legend_above(figure, axes, fontsize=8)
    return figure


def _mark(ax, example):
    """The thesis's single picture, as it is and changed, at our strength: the thesis does not give its own."""
    places, values = [0], [example["probability_before"]]
    if example["predicted"] == example["label"]:
        places, values = [0, example["strength"]], [*values, example["probability"]]
    ax.plot(places, values, "D:", color=PALETTE[3], mfc="none", ms=5, lw=1, label="thesis, one picture")


def _band(ax, place, rows, colour, label):
    """A line through the means with their 95% intervals; unknown intervals are not drawn."""
    ax.plot(place, rows["mean"], "o-", color=colour, ms=3, lw=1.4, label=label)
    ax.fill_between(place, rows["low"], rows["high"], color=colour, alpha=0.18, lw=0)


def explanation(picture, probabilities: dict[str, float], maps: dict[str, np.ndarray], explained: str) -> Figure:
    """One picture (44, 44) in [0, 1], the probability of each class as bars, and its maps (44, 44) by name.

    ``explained``: the class that the maps explain; its bar is highlighted.
    """
    widths = {"width_ratios": [1, 1.3, *[1] * len(maps)]}
    figure, axes = frame((2.0 * (1 + len(maps)) + 3.0, 2.4), 1, 2 + len(maps), "white", **widths)
    left, bars, *others = axes[0]
    _show(left, picture)
    left.set_title("what the net sees", fontsize=9)
    colours = [PALETTE[0] if name == explained else "0.75" for name in probabilities]
    bars.barh(list(probabilities), list(probabilities.values()), color=colours)
    bars.set(xlim=(0, 1))
    bars.set_title("probability", fontsize=9)
    bars.invert_yaxis()
    bars.tick_params(labelsize=8)
    for ax, (name, heat) in zip(others, maps.items(), strict=True):
        _show(ax, picture, heat)
        ax.set_title(f"{name}: {explained}", fontsize=9)
    _bar(figure, others)
    return figure
