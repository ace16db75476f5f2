"""Do maps depend on what the net has learned? J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.

A map that stays as it is while the net's weights turn into random numbers, or while the net has learned labels that
mean nothing, shows the picture and not the net.
"""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fer_nb.data.faceset import FaceSet
from fer_nb.saliency.agreement import similarity, summarise
from fer_nb.saliency.maps import Attribution

Make = Callable[[nn.Module], Attribution]  # lambda net: ScoreCAM(net, "stage5").attribute


def stages(model: nn.Module) -> list[str]:
    """The parts of a net that have weights, from the last to the first: fc, stage5, ..., stem."""
    return [name for name, part in model.named_children() if any(True for _ in part.parameters())][::-1]


def cascade(model: nn.Module, make: Make, inputs, target, seed: int = 0, groups=None) -> pd.DataFrame:
    """Similarity of the maps to the trained net's while the weights become random, from the last layer to the first.

    Works on a copy of the net; random weights are torch's initialisation of each layer, batch norm included.

    Args:
        model: a net in evaluation mode.
        make: gives the attribution of a net.
        inputs: float (N, 3, 44, 44) in [0, 1]. target: int64 (N,).

    Returns:
        DataFrame: depth (0 is the trained net), stage (the last that was made random, "" at 0), quantity (spearman,
        overlap, ssim), mean, low, high (bootstrap), pictures.
    """
    net = copy.deepcopy(model)
    trained, tables = make(net)(inputs, target).cpu(), []
    for depth, stage in enumerate(tqdm(["", *stages(net)], "random weights", leave=False, mininterval=5)):
        if stage:
            reset(getattr(net, stage), seed + depth)
        maps = make(net)(inputs, target).cpu() if stage else trained
        tables.append(summarise(similarity(trained, maps), seed, groups).assign(depth=depth, stage=stage))
    return pd.concat(tables, ignore_index=True)[["depth", "stage", "quantity", "mean", "low", "high", "pictures"]]


def reset(part: nn.Module, seed: int):
    """Give every layer of ``part`` initial weights drawn from ``seed``; torch's own generator is untouched."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in part.modules():
            if hasattr(layer, "reset_parameters"):
                device = next((p.device for p in layer.parameters()), None)
                layer.cpu().reset_parameters()  # drawn on the CPU: the same weights on any device
                layer.to(device)


def permute_labels(faces: FaceSet, seed: int = 0) -> FaceSet:
    """The same pictures with the labels of the train side, and those of the valid side, dealt out anew at random.

    A net that is trained on them can only learn them by heart. The test side keeps its labels.
    """
    labels, rng = faces.labels.copy(), np.random.default_rng(seed)
    for side in ("train", "valid"):
        here = faces.split == side
        labels[here] = rng.permutation(labels[here])
    return replace(faces, labels=labels)


def compare_nets(model: nn.Module, other: nn.Module, make: Make, inputs, target, seed: int = 0, groups=None):
    """Similarity of the maps of two nets, the second trained on permuted labels (``permute_labels``).

    Returns:
        DataFrame: quantity (spearman, overlap, ssim), mean, low, high (bootstrap), pictures.
    """
    maps = [make(net)(inputs, target).cpu() for net in (model, other)]
    return summarise(similarity(*maps), seed, groups)
