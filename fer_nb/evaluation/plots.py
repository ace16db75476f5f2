"""The study's figures: data in, matplotlib Figure out. Nothing here saves or shows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_nb.evaluation.frame import frame, legend_above, panels, stacked

SPLITS = {"train": "training split", "valid": "validation split", "test": "test split"}
BLUE, *_, RED = seaborn.color_palette("colorblind", 4)


def _heatmap(matrix: pd.DataFrame, ax: Axes, **options) -> None:
    """``matrix`` in percent of its rows, names slanted below; ``options``: of ``seaborn.heatmap``."""
    cells = {"annot": True, "fmt": ".0f", "cmap": "Blues", "vmin": 0, "vmax": 100, "square": True, "linewidths": 0.5}
    seaborn.heatmap(matrix, ax=ax, **cells, **options)
    ax.tick_params(length=0, labelbottom=True)
    ax.set_xticks(ax.get_xticks(), matrix.columns, rotation=45, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="y", rotation=0)


def confusion_matrices(matrices: dict[str, pd.DataFrame]) -> Figure:
    """Figures 3-8 to 3-10: a heatmap per net, rows the true class, in percent of the row (``measures.confusion``)."""
    figure, axes = panels(len(matrices), 4.4, 4.0, style="white", sharex=True, sharey=True)
    for (model, matrix), ax in zip(matrices.items(), axes, strict=True):
        _heatmap(matrix, ax, cbar=False)
        ax.set_title(model)
    figure.supxlabel("predicted class", fontsize="medium")
    figure.supylabel("true class", fontsize="medium")
    figure.colorbar(axes[0].collections[0], ax=axes, shrink=0.6, aspect=30, label="% of the true class")
    return figure


def learning_curves(histories: dict[str, pd.DataFrame], quantity: str) -> Figure:
    """Figures 3-11 (``quantity="accuracy"``, percent) and 3-12 (``"loss"``): a panel per net, a line per split.

    ``histories``: a run's history.csv per net; a split without values (CK+ has no validation split) gets no line.
    """
    figure, axes = panels(len(histories), 4.1, 2.9, sharex=True, sharey=True)
    colours = dict(zip(SPLITS, seaborn.color_palette("colorblind", 3), strict=True))
    for (model, history), ax in zip(histories.items(), axes, strict=True):
        for split, label in SPLITS.items():
            line = history[["epoch", f"{split}_{quantity}"]].dropna()
            if len(line):
                marker = "o" if len(line) < 10 else None  # a run of few epochs is still seen
                ax.plot(*line.to_numpy().T, label=label, color=colours[split], marker=marker, markersize=3.5)
        ax.set_title(model)
        ax.locator_params(axis="x", integer=True, min_n_ticks=1)
    figure.supxlabel("epoch", fontsize="medium")
    figure.supylabel("accuracy (%)" if quantity == "accuracy" else "cross-entropy", fontsize="medium")
    legend_above(figure, axes)
    return figure


def accuracy_intervals(table: pd.DataFrame) -> Figure:
    """Each accuracy as a dot with its 95% interval and the thesis's value as a diamond; a panel per ``dataset``.

    ``table``: columns dataset, model, accuracy, low, high, thesis_accuracy, in percent; rows without an accuracy
    show the thesis's value alone.
    """
    figure, parts = stacked(table, "dataset", "accuracy (%)")
    ours = {"fmt": "o", "color": BLUE, "capsize": 3, "label": "this study, 95% interval"}
    thesis = {"color": RED, "markersize": 6, "mfc": "none", "mew": 1.5, "label": "thesis"}
    for rows, ax in parts:
        place, middle = range(len(rows)), rows["accuracy"]
        ax.errorbar(middle, place, xerr=[middle - rows["low"], rows["high"] - middle], **ours)
        ax.plot(rows["thesis_accuracy"], place, "D", **thesis)
        ax.set_yticks(place, rows["model"])
        ax.set_ylim(len(rows) - 0.4, -0.6)
    legend_above(figure, [ax for _, ax in parts])
    return figure


def mistakes(table: pd.DataFrame, pictures: np.ndarray) -> Figure:
    """Wrong predictions, a row per true class; above each picture what it is taken for and how surely.

    Args:
        table: measures.confident_mistakes. pictures: uint8 (N, H, W), one for each of its rows.
    """
    places = table.groupby("label", sort=False).cumcount()
    names = list(dict.fromkeys(table["label"]))
    size = 0.95 * (places.max() + 1) + 0.8, 1.15 * len(names) + 0.2
    figure, axes = frame(size, len(names), places.max() + 1, style="white")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        seaborn.despine(ax=ax, left=True, bottom=True)
    for row, place, picture in zip(table.itertuples(), places, pictures, strict=True):
        ax = axes[names.index(row.label), place]
        ax.imshow(picture, cmap="gray", vmin=0, vmax=255)
        ax.set_title(f"{row.predicted}\n{row.confidence:.2f}", fontsize=7)
    for ax, name in zip(axes[:, 0], names, strict=True):
        ax.set_ylabel(name, fontsize=8)
    return figure


def sample_grid(panels: dict[str, dict[str, Sequence[np.ndarray]]]) -> Figure:
    """Pictures in rows with a name before each row, a panel per data set.

    ``panels``: title -> row name -> grey pictures (H, W), uint8 or float in [0, 1], of any sizes and in any number.
    """
    columns = [max(map(len, rows.values())) for rows in panels.values()]
    size = 0.55 * sum(columns) + 1.1 * len(panels), 0.55 * max(map(len, panels.values())) + 0.4
    figure, axes = frame(size, 1, len(panels), style="white", width_ratios=columns)
    for ax, (title, rows), width in zip(axes.flat, panels.items(), columns, strict=True):
        edge = 2 + max(max(picture.shape) for pictures in rows.values() for picture in pictures)
        mosaic = np.full((len(rows) * edge, width * edge), 255, np.uint8)
        for i, pictures in enumerate(rows.values()):
            for j, picture in enumerate(pictures):
                grey = picture if picture.dtype == np.uint8 else (picture * 255).round().astype(np.uint8)
                top, left = i * edge + (edge - len(grey)) // 2, j * edge + (edge - grey.shape[1]) // 2
                mosaic[top : top + len(grey), left : left + grey.shape[1]] = grey
        ax.imshow(mosaic, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        ax.set_yticks([edge * (i + 0.5) for i in range(len(rows))], list(rows))
        ax.set_xticks([])
        ax.tick_params(length=0)
        ax.set_title(title)
        seaborn.despine(ax=ax, left=True, bottom=True)
    return figure


def class_balance(tables: dict[str, pd.DataFrame]) -> Figure:
    """Share of each class in percent of its split, a panel per data set (``tables``: datasets.distribution)."""
    figure, axes = frame((4.6 * len(tables), 3.2), 1, len(tables), sharey=True)
    colours = dict(zip(SPLITS.values(), seaborn.color_palette("colorblind", 3), strict=True))
    for ax, (title, table) in zip(axes.flat, tables.items(), strict=True):
        share = 100 * table.drop(columns="Total").div(table["Total"], axis=0)
        long = share.rename(index=SPLITS).T.reset_index(names="class")
        long = long.melt("class", var_name="split", value_name="share")
        seaborn.barplot(long, x="class", y="share", hue="split", palette=colours, ax=ax)
        ax.set(title=title, xlabel="", ylabel="% of the pictures of the split")
        ax.tick_params(axis="x", rotation=45)
        ax.grid(axis="x", visible=False)
        ax.get_legend().remove()
    legend_above(figure, axes)
    return figure


def fold_leaks(leaks: pd.DataFrame) -> Figure:
    """Nearest-neighbour accuracy of each fold of CK+ over the share of its test subjects known from training.

    ``leaks``: audit.fold_leaks.
    """
    figure, ((ax,),) = frame((6, 3.6))
    looks = {"hue": "split", "style": "split", "palette": "colorblind", "s": 45}
    seaborn.scatterplot(leaks, x="shared_subjects", y="nearest_neighbour", ax=ax, **looks)
    ax.set(xlabel="test pictures whose subject is in training too (%)", ylabel="nearest-neighbour accuracy (%)")
    ax.set(xlim=(-4, 104), ylim=(0, 104))
    ax.legend(title="folds", frameon=False)
    return figure


def disagreement(matrix: pd.DataFrame, rows: str, columns: str) -> Figure:
    """A heatmap of two labellings, each row in percent; ``rows`` and ``columns`` name the two."""
    figure, ((ax,),) = frame((5.6, 4.8), style="white")
    _heatmap(matrix, ax, cbar_kws={"label": "% of the row", "shrink": 0.7})
    ax.set(xlabel=columns, ylabel=rows)
    return figure


def vote_entropy(entropies: dict[str, np.ndarray]) -> Figure:
    """Histograms of the votes' entropy in bits, stacked, a colour per reason (audit.vote_entropy)."""
    long = pd.DataFrame([(name, value) for name, values in entropies.items() for value in values])
    figure, ((ax,),) = frame((7, 3.4))
    looks = {"multiple": "stack", "binwidth": 0.2, "palette": "colorblind", "lw": 0.3}
    seaborn.histplot(long, x=1, hue=0, hue_order=list(entropies), ax=ax, **looks)
    ax.set(xlabel="entropy of the ten votes (bits)", ylabel="pictures")
    ax.get_legend().set(title="", frame_on=False)
    seaborn.despine(ax=ax, left=True)
    return figure
