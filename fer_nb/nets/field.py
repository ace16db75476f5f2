"""The effective receptive field: how much of a picture moves a net's answer, by the pool that ends the net.

W. Luo, Y. Li, R. Urtasun, R. Zemel: "Understanding the effective receptive field in deep convolutional neural
networks", NIPS 2016. In theory each answer here depends on every pixel; in effect the gradient fades towards the edge.
"""

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy.ndimage import uniform_filter
from torch import nn
from tqdm import tqdm

from fer_nb.intervals import mean_interval
from fer_nb.nets import models

NETS = ("ResNet18", "lightResNetl", "lightResNetm")  # VGG19 has a map of one position before its pool
FADED = 1 - 0.9545  # of the strongest pixel: one below it does not count (Luo et al. 2016)
STRIDE = 8  # pixels between two positions of the last map: those under a position have most of the gradient
POOLS = {"pool_4x4": models.TopLeftAveragePool(), "global_pool": nn.AdaptiveAvgPool2d(1)}


def effective_field(net: nn.Module, pictures: torch.Tensor) -> np.ndarray:
    """How much the surroundings of each pixel move the logits of ``net``: float (H, W), 1 at the strongest.

    The root mean square over ``pictures``, float (N, 3, H, W), and over ``STRIDE`` x ``STRIDE`` pixels of the gradient
    of a random sum of the logits. ``net`` is left in eval mode.
    """
    pictures = pictures.clone().requires_grad_()
    logits = net.eval()(pictures)
    (gradient,) = torch.autograd.grad(logits, pictures, torch.randn_like(logits))
    squares = gradient.sum(1).square().mean(0).numpy()  # the three channels are one grey picture
    field = np.sqrt(uniform_filter(squares, STRIDE))
    return field / field.max()


def share(field: np.ndarray) -> float:
    """The pixels of an effective field that count, in percent."""
    return 100 * float((field > FADED).mean())


def fields(seeds: int = 8, pictures: int = 2, size: int = 44) -> dict[str, dict[str, np.ndarray]]:
    """By net of ``NETS`` and pool of ``POOLS``, the fields of ``seeds`` untrained nets: float (seeds, size, size).

    Both pools end the same weights, and see the same ``pictures`` of noise.
    """
    found = {}
    with torch.random.fork_rng(devices=[]):
        for name in tqdm(NETS, "receptive fields", leave=False):
            found[name] = {pool: [] for pool in POOLS}
            for seed in range(seeds):
                torch.manual_seed(seed)
                net, noise = models.build(name), torch.rand(pictures, 1, size, size).expand(-1, 3, -1, -1)
                for pool, layer in POOLS.items():
                    net.pool = layer
                    found[name][pool].append(effective_field(net, noise))
    return {name: {pool: np.stack(of) for pool, of in by_pool.items()} for name, by_pool in found.items()}


def field_table(found: dict[str, dict[str, np.ndarray]]) -> pd.DataFrame:
    """A row per net of ``fields``: the pixels that count in percent, by pool.

    ``times``: how many times as many count with the global pool. Intervals are over the seeds (``mean_interval``).
    """
    rows = []
    for name, by_pool in found.items():
        row: dict[str, str | float] = {"model": name}
        shares = {pool: np.array([share(field) for field in of]) for pool, of in by_pool.items()}
        for key, values in {**shares, "times": shares["global_pool"] / shares["pool_4x4"]}.items():
            row[key], row[f"{key}_low"], row[f"{key}_high"], number = mean_interval(values)
        rows.append(row | {"seeds": number})
    return pd.DataFrame(rows)


def draw_fields(found: dict[str, dict[str, np.ndarray]]) -> Figure:
    """The mean fields: a row per net, a column per pool; the line surrounds the pixels that count."""
    figure = Figure(figsize=(4.6, 2 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), len(POOLS), squeeze=False)
    for ax, pool in zip(axes[0], POOLS, strict=True):
        ax.set_title({"pool_4x4": "average pool of 4x4", "global_pool": "global average pool"}[pool], fontsize=9)
    for line, (name, by_pool) in zip(axes, found.items(), strict=True):
        line[0].set_ylabel(name)
        for ax, of in zip(line, by_pool.values(), strict=True):
            mean = of.mean(0)
            image = ax.imshow(mean, cmap="inferno", vmin=0, vmax=1)
            if mean.min() < FADED:
                ax.contour(mean, [FADED], colors="white", linewidths=1)
            ax.set(xticks=[], yticks=[])
    figure.colorbar(image, ax=axes, aspect=40, label="gradient, share of the strongest")
    return figure
