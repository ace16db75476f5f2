"""The networks drawn: the blocks of figure 3-4, the cost of the stages of figure 3-5. Nothing here saves or shows."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

BLOCK = (
    "1x1 convolution, expand",
    "BN, ReLU",
    "3x3 depthwise convolution",
    "BN, ReLU",
    "1x1 convolution, project",
    "BN",
)
STAGES = (
    "3x3 convolution, BN, ReLU",
    "stage 2: BasicBlock1, BasicBlock1",
    "stage 3: BasicBlock2, BasicBlock1",
    "stage 4: BasicBlock2, BasicBlock1",
    "stage 5: BasicBlock2, BasicBlock1",
    "global average pool, dropout, fc",
)
FILL = {"BN": "#f3efe4", "1x1": "#d8e6f3", "3x3": "#f6d9c6", "sta": "#dfeadb", "glo": "#ece3f1"}
HEIGHT = 0.62  # of a box; the step from one to the next is 1


def rounded(ax, x, y, width, height, radius, colour, **style):
    """A box around (x, y) with round corners."""
    shape = f"round,pad=0,rounding_size={radius}"
    place = (x - width / 2, y - height / 2)
    ax.add_patch(FancyBboxPatch(place, width, height, boxstyle=shape, fc=colour, ec="#555", **style))


def box(ax, x, y, text, width):
    rounded(ax, x, y, width, HEIGHT, 0.08, FILL[text[:3].strip(",")], lw=0.8)
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5)


def arrow(ax, *points):
    """A line through the points that ends in an arrow head."""
    xs, ys = zip(*points, strict=True)
    ax.plot(xs[:-1], ys[:-1], color="#555", lw=1)
    style = {"arrowstyle": "-|>", "color": "#555", "lw": 1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-2], arrowprops=style)


def column(ax, texts, width, title):
    """Boxes from the top down, arrows between them; the place below the last."""
    for i, text in enumerate(texts):
        arrow(ax, (0, -i + 1 - HEIGHT / 2), (0, -i + HEIGHT / 2))
        box(ax, 0, -i, text, width)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    ax.set_aspect("equal")
    return -len(texts) + 1 - HEIGHT / 2


def basic_block(ax, title, shortcut):
    """One inverted residual block; ``shortcut`` is the text on its way round, empty for the input itself."""
    end = column(ax, BLOCK, 3.6, title)
    ax.add_patch(FancyBboxPatch((-0.16, end - 0.66), 0.32, 0.32, boxstyle="circle,pad=0.02", fc="white", ec="#555"))
    ax.text(0, end - 0.5, "+", ha="center", va="center", fontsize=10)
    arrow(ax, (0, end), (0, end - 0.3))
    arrow(ax, (0, end - 0.7), (0, end - 1.3))
    if shortcut:
        arrow(ax, (0, 0.5), (3.6, 0.5), (3.6, -2.5 + HEIGHT / 2))
        box(ax, 3.6, -2.5, shortcut, 2.9)
        arrow(ax, (3.6, -2.5 - HEIGHT / 2), (3.6, end - 0.5), (0.2, end - 0.5))
    else:
        arrow(ax, (0, 0.5), (2.3, 0.5), (2.3, end - 0.5), (0.2, end - 0.5))


def blocks() -> Figure:
    """Figure 3-4: lightResNets, BasicBlock1 and BasicBlock2."""
    figure = Figure(figsize=(9.6, 4.9), layout="constrained")
    axes = figure.subplots(1, 3, gridspec_kw={"width_ratios": [5.1, 5.1, 7.8]})
    column(axes[0], STAGES, 4.6, "(a) lightResNets")
    basic_block(axes[1], "(b) BasicBlock1", "")
    basic_block(axes[2], "(c) BasicBlock2", "1x1 convolution, BN")
    for ax, right in zip(axes, (2.6, 2.6, 5.3), strict=True):
        ax.set_xlim(-2.5, right)
        ax.set_ylim(-7.3, 1)
    return figure


def costs_in_words(tables: dict[str, pd.DataFrame]) -> str:
    """Which share of its parameters and MACs the costliest stage of each net has (``models.stage_table``)."""
    said = []
    for column, title in (("parameters", "parameters"), ("macs", "MACs")):
        shares = {name: 100 * table.set_index("stage")[column] / table[column].sum() for name, table in tables.items()}
        words = ", ".join(f"{name} {share.max():.0f}% ({share.idxmax()})" for name, share in shares.items())
        said.append(f"Largest share of the {title} in one stage: {words}.")
    return " ".join(said)


def stage_costs(tables: dict[str, pd.DataFrame]) -> Figure:
    """Parameters and MACs of each net by stage, stacked; ``tables`` holds models.stage_table of each net."""
    stages = list(dict.fromkeys(stage for table in tables.values() for stage in table["stage"]))
    order = ["stem", *sorted(stage for stage in stages if stage.startswith("stage")), "fc"]
    colours = dict(zip(order, seaborn.color_palette("crest", len(order)), strict=True))
    with seaborn.axes_style("whitegrid"):
        figure = Figure(figsize=(9, 2.9), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
    for ax, column_name, label in zip(
        axes, ("parameters", "macs"), ("parameters, millions", "MACs, millions"), strict=True
    ):
        costs = pd.DataFrame({name: table.set_index("stage")[column_name] for name, table in tables.items()}).T / 1e6
        costs = costs.reindex(columns=order).fillna(0)
        left = pd.Series(0.0, index=costs.index)
        for stage in order:
            ax.barh(costs.index, costs[stage], left=left, color=colours[stage], label=stage, height=0.66)
            left += costs[stage]
        for name, total in left.items():
            ax.text(total, name, f" {total:,.1f}" if total < 100 else f" {total:,.0f}", va="center", fontsize=9)
        ax.set_xlabel(label)
        ax.set_xlim(0, left.max() * 1.14)
        ax.grid(axis="y", visible=False)
        seaborn.despine(ax=ax, left=True)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(order), frameon=False)
    return figure
