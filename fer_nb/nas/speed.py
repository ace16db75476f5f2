"""Seconds of a search step by each method, beside DARTS's mixed operation as it is usually written.

A search step is one step of the weights and one of the alphas. The plain variant follows cnn/model_search.py in
github.com/quark0/darts: each operation runs on its own, float32, NCHW, all gradients in both steps. The others train by
the fused passes that ``search`` uses (fused_cells.py); a found net's own training is measured by speed/throughput.py.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch

from fer_nb.data import augment
from fer_nb.names import refuse_unknown
from fer_nb.nas import search, steps
from fer_nb.nas.supernet import Supernet
from fer_nb.nets import device as devices
from fer_nb.speed import timing

VARIANTS: dict[str, dict[str, Any]] = {  # -> options of the supernet; ratios are to the first
    "plain": {"method": "mixture"},
    "mixture": {"method": "mixture"},
    "partial": {"method": "mixture", "partial": 4},
    "sample": {"method": "sample"},
    "sample-partial": {"method": "sample", "partial": 4},
}
CLASSES = 7


class PlainMixed(Supernet):
    """The net of method "mixture": same parameters and outputs, computed edge by edge without sharing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
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


def plain_step(net, optimizer, alpha_optimizer, batch, other, clip: float = 5.0) -> None:
    """Step the alphas on ``other``, then the weights on ``batch``; both steps take all gradients."""
    steps.learn(net, of_alphas=True, of_weights=True)
    for chosen, given in ((alpha_optimizer, other), (optimizer, batch)):
        net.zero_grad()
        steps.logits_and_loss(net, given)[1].backward()
        if chosen is optimizer:
            torch.nn.utils.clip_grad_norm_(net.weights(), clip)
        chosen.step()


def measure(
    variant: str, batch_size: int, seconds: float, channels: int, cells: int, nodes: int, stem_stride: int
) -> float:
    """Median seconds of a search step of ``variant`` on the CPU or GPU, in this process, after one that does not count.

    In float32, on pictures of 44x44.

    Args:
        variant: one of ``VARIANTS``.
        batch_size: pictures of each of the two batches of a step.
        seconds: to go on for, but at least two steps.
        channels, cells, nodes, stem_stride: see ``Supernet``.

    Raises:
        ValueError: unknown variant.
    """
    refuse_unknown("variant", [variant], VARIANTS)
    device, plain = devices.select(), variant == "plain"
    layout = torch.contiguous_format if plain else torch.channels_last
    if device.type == "cpu" and not plain:
        devices.keep_heap()
    torch.manual_seed(0)
    kind = PlainMixed if plain else Supernet
    net = kind(CLASSES, channels, cells, nodes, stem_stride=stem_stride, **VARIANTS[variant]).train()
    net = net.to(device) if plain else devices.prepare(net, device)
    net.tau = 10.0
    optimizer, alpha_optimizer = search.make_optimizers(net, 0.025, 0.9, 3e-4, 3e-4, 1e-3)
    generator = torch.Generator(device).manual_seed(0)
    pictures = torch.rand(2, batch_size, 3, augment.CROP, augment.CROP).to(device)
    labels = torch.arange(batch_size, device=device) % CLASSES

    def step():
        batch, other = [(x.contiguous(memory_format=layout), labels) for x in pictures]
        if plain:
            plain_step(net, optimizer, alpha_optimizer, batch, other)
        else:
            net.draw(generator)
            steps.alpha_step(net, alpha_optimizer, other)
            net.draw(generator)
            steps.weights_step(net, optimizer, batch)

    return float(np.median(timing.repeat(step, seconds)))


def compare(
    batch_size: int = 64,
    seconds: float = 10.0,
    channels: int = 16,
    cells: int = 5,
    nodes: int = 4,
    stem_stride: int = 1,
    variants: Iterable[str] = tuple(VARIANTS),
) -> pd.DataFrame:
    """``measure`` each variant in a fresh process.

    Returns:
        DataFrame: variant, ratio (of speeds, to the first variant), seconds (a search step, median).

    Raises:
        ValueError: unknown variant.
    """
    cases = [(variant, batch_size, seconds, channels, cells, nodes, stem_stride) for variant in variants]
    found = np.array(timing.in_fresh_processes(measure, cases, "search step"))
    return pd.DataFrame({"variant": [case[0] for case in cases], "ratio": found[0] / found, "seconds": found})
