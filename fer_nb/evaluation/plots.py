"""The study's figures: data in, matplotlib Figure out. Nothing here saves or shows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure


def confusion_matrices(matrices: dict[str, pd.DataFrame]) -> Figure:
    """Figures 3-8 to 3-10: a heatmap per net, rows the true class, cells in percent of the row (evaluate.confusion)."""
    columns = min(len(matrices), 2)
    rows = -(-len(matrices) // 2)
    figure = Figure(figsize=(4.3 * columns + 0.6, 4.0 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in axes.flat[len(matrices) :]:
        ax.set_visible(False)
    for (model, matrix), ax in zip(matrices.items(), axes.flat, strict=False):
        seaborn.heatmap(
            matrix,
            ax=ax,
            annot=True,
            fmt=".0f",
            cmap="Blues",
            vmin=0,
            vmax=100,
            square=True,
            cbar=False,
            linewidths=0.5,
        )
        ax.set_title(model)
        ax.tick_params(length=0, labelbottom=True)
        ax.set_xticks(ax.get_xticks(), matrix.columns, rotation=45, ha="right", rotation_mode="anchor")
        ax.tick_params(axis="y", rotation=0)
    figure.supxlabel("named by the net", fontsize="medium")
    figure.supylabel("true class", fontsize="medium")
    figure.colorbar(axes.flat[0].collections[0], ax=axes, shrink=0.6, aspect=30, label="% of the true class")
    return figure


def learning_curves(histories: dict[str, pd.DataFrame], quantity: str) -> Figure:
    """Figures 3-11 (``quantity="accuracy"``, percent) and 3-12 (``"loss"``): a panel per net, a line per side.

    ``histories``: a run's history.csv per net; a side without values (CK+ has no validation side) is left out.
    """
    columns = min(len(histories), 2)
    rows = -(-len(histories) // 2)
    sides = {"train": "training side", "valid": "validation side", "test": "test side"}
    colours = dict(zip(sides, seaborn.color_palette("colorblind", 3), strict=True))
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(4.1 * columns, 2.7 * rows + 0.4), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax in axes.flat[len(histories) :]:
        ax.set_visible(False)
    for (model, history), ax in zip(histories.items(), axes.flat, strict=False):
        for side, label in sides.items():
            line = history[["epoch", f"{side}_{quantity}"]].dropna()
            if len(line):
                marker = "o" if len(line) < 10 else None  # a run of few epochs is still seen
                ax.plot(*line.to_numpy().T, label=label, color=colours[side], marker=marker, markersize=3.5)
        ax.set_title(model)
        ax.xaxis.get_major_locator().set_params(integer=True)
        seaborn.despine(ax=ax)
    figure.supxlabel("epoch", fontsize="medium")
    figure.supylabel("accuracy (%)" if quantity == "accuracy" else "cross-entropy", fontsize="medium")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def accuracy_intervals(table: pd.DataFrame) -> Figure:
    """Each accuracy as a dot with its 95% interval and the thesis's value as a diamond; a panel per ``dataset``.

    ``table``: columns dataset, model, accuracy, low, high, thesis_accuracy, in percent; rows without an accuracy
    show the thesis's value alone.
    """
    panels = dict(list(table.groupby("dataset", sort=False)))
    ours, thesis = seaborn.color_palette("colorblind")[0], seaborn.color_palette("colorblind")[3]
    with seaborn.axes_style("whitegrid"):
        figure = Figure(
            figsize=(8, 0.8 + sum(0.7 + 0.34 * len(rows) for rows in panels.values())), layout="constrained"
        )
        heights = [0.7 + 0.34 * len(rows) for rows in panels.values()]
        axes = figure.subplots(len(panels), squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for (name, rows), ax in zip(panels.items(), axes, strict=True):
        place = range(len(rows))
        error = [rows["accuracy"] - rows["low"], rows["high"] - rows["accuracy"]]
        ax.errorbar(
            rows["accuracy"], place, xerr=error, fmt="o", color=ours, capsize=3, label="this study, 95% interval"
        )
        ax.plot(rows["thesis_accuracy"], place, "D", color=thesis, markersize=6, mfc="none", mew=1.5, label="thesis")
        ax.set_yticks(place, rows["model"])
        ax.set_ylim(len(rows) - 0.4, -0.6)
        ax.set_title(name, loc="left", fontsize="medium", fontweight="bold")
        ax.grid(axis="y", visible=False)
        seaborn.despine(ax=ax, left=True)
    axes[-1].set_xlabel("accuracy (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure


def sample_grid(panels: dict[str, dict[str, Sequence[np.ndarray]]]) -> Figure:
    """Pictures in rows with a name before each row, a panel per data set.

    ``panels``: title -> row name -> grey pictures (H, W), uint8 or float in [0, 1], of any sizes and in any number.
    """
    columns = [max(map(len, rows.values())) for rows in panels.values()]
    height = max(map(len, panels.values()))
    figure = Figure(figsize=(0.55 * sum(columns) + 1.1 * len(panels), 0.55 * height + 0.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, width_ratios=columns)[0]
    for ax, (title, rows), width in zip(axes, panels.items(), columns, strict=True):
        side = 2 + max(max(picture.shape) for pictures in rows.values() for picture in pictures)
        mosaic = np.full((len(rows) * side, width * side), 255, np.uint8)
        for i, pictures in enumerate(rows.values()):
            for j, picture in enumerate(pictures):
                grey = picture if picture.dtype == np.uint8 else (picture * 255).round().astype(np.uint8)
                top, left = i * side + (side - len(grey)) // 2, j * side + (side - grey.shape[1]) // 2
                mosaic[top : top + len(grey), left : left + grey.shape[1]] = grey
        ax.imshow(mosaic, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_yticks([side * (i + 0.5) for i in range(len(rows))], list(rows))
        ax.set_xticks([])
        ax.tick_params(length=0)
        ax.set_title(title)
        seaborn.despine(ax=ax, left=True, bottom=True)
    return figure


def class_balance(tables: dict[str, pd.DataFrame]) -> Figure:
    """Share of each class in percent of its side, a panel per data set (``tables``: datasets.distribution)."""
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(4.6 * len(tables), 3.2), layout="constrained")
        axes = figure.subplots(1, len(tables), squeeze=False, sharey=True)[0]
    sides = {"train": "training side", "valid": "validation side", "test": "test side"}
    colours = dict(zip(sides.values(), seaborn.color_palette("colorblind", 3), strict=True))
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        share = 100 * table.drop(columns="Total").div(table["Total"], axis=0)
        long = share.rename(index=sides).T.reset_index(names="class").melt("class", var_name="side", value_name="share")
        seaborn.barplot(long, x="class", y="share", hue="side", palette=colours, ax=ax)
        ax.set(title=title, xlabel="", ylabel="% of the side's pictures")
        ax.tick_params(axis="x", rotation=45)
        ax.grid(axis="x", visible=False)
        ax.get_legend().remove()
        seaborn.despine(ax=ax, left=True)
    bars = {name: bar for ax in axes for bar, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(bars.values(), bars.keys(), loc="outside upper center", ncols=3, frameon=False)
    return figure


def fold_leaks(leaks: pd.DataFrame) -> Figure:
    """Nearest-neighbour accuracy of each fold of CK+ over the share of its test subjects known from training.

    ``leaks``: audit.fold_leaks.
    """
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        ax = figure.subplots()
    seaborn.scatterplot(
        leaks, x="shared_subjects", y="nearest_neighbour", hue="split", style="split", palette="colorblind", ax=ax, s=45
    )
    ax.set(xlabel="test pictures whose subject stands in training (%)", ylabel="nearest-neighbour accuracy (%)")
    ax.set(xlim=(-4, 104), ylim=(0, 104))
    ax.legend(title="folds", frameon=False)
    seaborn.despine(ax=ax, left=True, bottom=True)
    return figure


def disagreement(matrix: pd.DataFrame, rows: str, columns: str) -> Figure:
    """A heat map of two labellings, each row in percent; ``rows`` and ``columns`` name the two."""
    figure = Figure(figsize=(5.6, 4.8), layout="constrained")
    ax = figure.subplots()
    bar = {"label": "% of the row", "shrink": 0.7}
    seaborn.heatmap(
        matrix, ax=ax, annot=True, fmt=".0f", cmap="Blues", vmin=0, vmax=100, square=True, linewidths=0.5, cbar_kws=bar
    )
    ax.set(xlabel=columns, ylabel=rows)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=45)
    ax.tick_params(axis="y", rotation=0)
    return figure


def vote_entropy(entropies: dict[str, np.ndarray]) -> Figure:
    """Histograms of the votes' entropy in bits, stacked, a colour per reason (audit.vote_entropy)."""
    long = pd.DataFrame([(name, value) for name, values in entropies.items() for value in values])
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(7, 3.4), layout="constrained")
        ax = figure.subplots()
    seaborn.histplot(
        long, x=1, hue=0, hue_order=list(entropies), multiple="stack", binwidth=0.2, palette="colorblind", ax=ax, lw=0.3
    )
    ax.set(xlabel="entropy of the ten votes (bits)", ylabel="pictures")
    ax.get_legend().set(title="", frame_on=False)
    seaborn.despine(ax=ax, left=True)
    return figure
