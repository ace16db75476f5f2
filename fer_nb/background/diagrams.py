"""Diagrams of chapter 2: two kinds of layers (figure 2-5), the system (2-8), a detector (2-11). Nothing here saves."""

import seaborn
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import nn

from fer_nb.background.layers import parameters
from fer_nb.nets.diagrams import arrow, rounded

INPUTS, KERNEL = 6, 3
OUTPUTS = INPUTS - KERNEL + 1
SYSTEM = {
    "Picture": "still or\nsequence",
    "Preprocessing": "augmentation,\nlight and pose evened",
    "Face": "found, aligned,\ncut out",
    "Features": "designed by hand\nor learned by a net",
    "Expression": "one of\nseven classes",
}
# CenterFace (Xu et al. 2020): a map of a quarter of the picture's resolution, and what four heads read in it.
DETECTOR = {
    "Picture": "sides of\n32 n pixels",
    "MobileNetV2": "maps of 1/4, 1/8,\n1/16 and 1/32",
    "Pyramid": "deep maps added\nto shallow ones: 1/4",
}
HEADS = {
    "heat map": "a face's middle",
    "size": "of its box",
    "offset": "within the cell",
    "points": "five, x and y",
}


def layers() -> Figure:
    """Figure 2-5: the weights of a fully connected layer and of a convolution along a line, shared ones in colour."""
    connected, convolution = nn.Linear(INPUTS, OUTPUTS), nn.Conv1d(1, 1, KERNEL)
    every = [(i, o, "#9a9a9a") for o in range(OUTPUTS) for i in range(INPUTS)]
    shared = seaborn.color_palette("colorblind", KERNEL)
    local = [(o + k, o, shared[k]) for o in range(OUTPUTS) for k in range(KERNEL)]
    figure = Figure(figsize=(8, 3), layout="constrained")
    for ax, title, layer, lines in zip(
        figure.subplots(1, 2), ("fully connected", "convolution"), (connected, convolution), (every, local), strict=True
    ):
        shift = (INPUTS - OUTPUTS) / 2
        for i, o, colour in lines:
            ax.plot([i, o + shift], [0, 2], color=colour, lw=1.4, zorder=1)
        for x, y in [(i, 0) for i in range(INPUTS)] + [(o + shift, 2) for o in range(OUTPUTS)]:
            ax.add_patch(Circle((x, y), 0.24, fc="#f3efe4", ec="#555", zorder=2))
        biases = layer.bias.numel()
        text = f"{parameters(layer) - biases} weights + {biases} bias" + ("es" if biases > 1 else "")
        ax.set_title(f"{title}: {text}", fontsize=10)
        ax.set(xlim=(-0.6, INPUTS - 0.4), ylim=(-0.5, 2.5), aspect="equal")
        ax.set_axis_off()
    return figure


def system() -> Figure:
    """Figure 2-8: the steps from a picture to an expression."""
    figure = Figure(figsize=(9.6, 1.5), layout="constrained")
    ax = figure.subplots()
    _steps(ax, SYSTEM, coloured=(1, 2, 3))
    ax.set(xlim=(-1.15, 2.6 * (len(SYSTEM) - 1) + 1.15), ylim=(-0.7, 0.7), aspect="equal")
    return figure


def detector() -> Figure:
    """Figure 2-11: the structure of CenterFace, from a picture to its four maps."""
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    ax = figure.subplots()
    _steps(ax, DETECTOR, coloured=(1, 2))
    last = 2.6 * (len(DETECTOR) - 1)
    for i, (name, text) in enumerate(HEADS.items()):
        height = 1.4 * (1.5 - i)
        _step(ax, last + 3.2, height, name, text, "#f3efe4")
        arrow(ax, (last + 1.05, 0), (last + 2.15, height))
    ax.set(xlim=(-1.15, last + 4.35), ylim=(-2.8, 2.8), aspect="equal")
    return figure


def _steps(ax, steps: dict[str, str], coloured: tuple[int, ...]) -> None:
    """A row of boxes, an arrow from each to the next."""
    for i, (name, text) in enumerate(steps.items()):
        _step(ax, 2.6 * i, 0, name, text, "#d8e6f3" if i in coloured else "#f3efe4")
        if i:
            arrow(ax, (2.6 * i - 1.55, 0), (2.6 * i - 1.05, 0))
    ax.set_axis_off()


def _step(ax, x: float, y: float, name: str, text: str, colour: str) -> None:
    """A box of 2.1 x 1.2 around (x, y) with a name and what it does."""
    rounded(ax, x, y, 2.1, 1.2, 0.1, colour)
    ax.text(x, y + 0.33, name, ha="center", va="center", fontsize=9.5, fontweight="bold")
    ax.text(x, y - 0.18, text, ha="center", va="center", fontsize=8)
