"""Seconds of a search step by each method beside the plain mixed operation, each in a fresh process of its own.

A search step is one of the weights and one of the alphas. The plain one is DARTS as it is usually written
(cnn/model_search.py in github.com/quark0/darts): every operation run on its own, float32, NCHW, all gradients in both
steps.
"""

import time

import pandas as pd
import torch

from fer_nb.data import augment
from fer_nb.nas import search, steps
from fer_nb.nas.supernet import Supernet
from fer_nb.nets import device as devices
from fer_nb.speed import latency

VARIANTS = {  # -> options of the supernet; the ratios are taken to the first
    "plain": {"method": "mixture"},
    "mixture": {"method": "mixture"},
    "partial": {"method": "mixture", "partial": 4},
    "sample": {"method": "sample"},
    "sample-partial": {"method": "sample", "partial": 4},
}
CLASSES = 7


class PlainMixed(Supernet):
    """The net of method "mixture" with the same parameters and outputs, computed edge by edge without any sharing."""

    def forward(self, x):
        weights = self.probabilities()
        before2 = before = self.stem(x)
        for cell in self.cells:
            before2, before = before, self.cell(cell, weights[cell.kind], before2, before)
        return self.classifier(before.mean((2, 3)))

    def cell(self, cell, weights, before2, before):
        states, start = [cell.fit2(before2), cell.fit(before)], 0
        for _ in range(cell.nodes):
            edges = zip(cell.edges[start:], weights[start:], states, strict=False)  # one a state
            start += len(states)
            states.append(sum(self.mixed(edge, w, state) for edge, w, state in edges))
        return torch.cat(states[2:], dim=1)

    @staticmethod
    def mixed(operations, weights, state):
        return sum(w * operation(state) for w, operation in zip(weights, operations, strict=True))


def plain_step(net, optimizer, alpha_optimizer, batch, other, clip=5.0):
    """A step of the alphas on ``other``, then one of the weights on ``batch``; both take all gradients."""
    steps.learn(net, of_alphas=True, of_weights=True)
    for chosen, given in ((alpha_optimizer, other), (optimizer, batch)):
        net.zero_grad()
        steps.logits_and_loss(net, given)[1].backward()
        if chosen is optimizer:
            torch.nn.utils.clip_grad_norm_(net.weights(), clip)
        chosen.step()


def measure(variant, batch_size, seconds, channels, cells, nodes, size=augment.CROP):
    """Median seconds of a search step of ``variant`` on the CPU or GPU, in this process, after one on 8 pictures.

    Args:
        variant: one of ``VARIANTS``.
        batch_size: pictures of each of the two batches of a step.
        seconds: to go on for, but at least two steps.
        channels, cells, nodes: see ``Supernet``.
        size: side of the pictures.

    Raises:
        ValueError: unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}: choose one of {', '.join(VARIANTS)}")
    device, plain = devices.select(), variant == "plain"
    layout = torch.contiguous_format if plain else torch.channels_last
    if device.type == "cpu" and not plain:
        devices.keep_heap()
    torch.manual_seed(0)
    kind = PlainMixed if plain else Supernet
    net = kind(CLASSES, channels, cells, nodes, **VARIANTS[variant]).to(device, memory_format=layout).train()
    net.tau = 10.0
    optimizer, alpha_optimizer = search.make_optimizers(net, 0.025, 0.9, 3e-4, 3e-4, 1e-3)
    generator = torch.Generator(device).manual_seed(0)

    def step(count):
        batch, other = [
            (
                torch.rand(count, 3, size, size).to(device, memory_format=layout),
                torch.arange(count).to(device) % CLASSES,
            )
            for _ in range(2)
        ]
        start = time.perf_counter()
        if plain:
            plain_step(net, optimizer, alpha_optimizer, batch, other)
        else:
            net.draw(generator)
            steps.alpha_step(net, alpha_optimizer, other)
            net.draw(generator)
            steps.weights_step(net, optimizer, batch)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    step(min(batch_size, 8))
    times = []
    while len(times) < 2 or sum(times) < seconds:
        times.append(step(batch_size))
    return float(pd.Series(times).median())


def compare(
    batch_size=64, seconds=10.0, repeats=1, channels=16, cells=5, nodes=4, size=augment.CROP, variants=tuple(VARIANTS)
):
    """``measure`` of each variant, ``repeats`` times in turn, each in a fresh process; medians.

    Returns:
        DataFrame: variant, ratio (of speeds, to the first variant), seconds (a search step), lowest, highest.

    Raises:
        ValueError: as ``measure``.
    """
    cases = [
        (variant, batch_size, seconds, channels, cells, nodes, size) for _ in range(repeats) for variant in variants
    ]
    found = latency.in_fresh_processes(measure, cases, "search step")
    rows = pd.DataFrame({"variant": [case[0] for case in cases], "seconds": found})
    groups = rows.groupby("variant", sort=False)["seconds"]
    table = groups.agg(seconds="median", lowest="min", highest="max").reset_index()
    table.insert(1, "ratio", table["seconds"].iloc[0] / table["seconds"])
    return table
