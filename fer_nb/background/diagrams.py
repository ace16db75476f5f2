"""Diagrams of chapter 2: two kinds of layers (figure 2-5), the system (figure 2-8). Nothing here saves or shows."""

import seaborn
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch
from torch import nn

from fer_nb.background.layers import parameters
from fer_nb.nets.diagrams import arrow

INPUTS, KERNEL = 6, 3
OUTPUTS = INPUTS - KERNEL + 1
SYSTEM = {
    "Picture": "still or\nsequence",
    "Preprocessing": "augmentation,\nlight and pose evened",
    "Face": "found, aligned,\ncut out",
    "Features": "designed by hand\nor learned by a net",
    "Expression": "one of\nseven classes",
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
    width, step = 2.1, 2.6
    for i, (name, text) in enumerate(SYSTEM.items()):
        shape = "round,pad=0,rounding_size=0.1"
        place = (i * step - width / 2, -0.6), width, 1.2
        ax.add_patch(FancyBboxPatch(*place, boxstyle=shape, fc="#d8e6f3" if i in (1, 2, 3) else "#f3efe4", ec="#555"))
        ax.text(i * step, 0.33, name, ha="center", va="center", fontsize=9.5, fontweight="bold")
        ax.text(i * step, -0.18, text, ha="center", va="center", fontsize=8)
        if i:
            arrow(ax, (i * step - step + width / 2, 0), (i * step - width / 2, 0))
    ax.set(xlim=(-width / 2 - 0.1, (len(SYSTEM) - 1) * step + width / 2 + 0.1), ylim=(-0.7, 0.7), aspect="equal")
    ax.set_axis_off()
    return figure
