"""Do maps depend on what the net has learned? J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018.

A map that stays the same while the net's weights become random numbers shows the picture and not the net. The test
with permuted labels is in ``labels``.
"""

import copy

import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fer_nb.saliency.agreement import mean_table, similarity
from fer_nb.saliency.maps import Make


def stages(model: nn.Module) -> list[str]:
    """The parts of a net that have weights, from the last to the first: fc, stage5, ..., stem."""
    return [name for name, part in model.named_children() if any(True for _ in part.parameters())][::-1]


def cascade(model: nn.Module, make: Make, inputs, target, seed: int = 0, groups=None) -> pd.DataFrame:
    """Similarity to the trained net's maps while the weights become random, from the last layer to the first.

    Works on a copy of the net; random weights are torch's initialisation of each layer, batch norm included.

    Args:
        model: a net in evaluation mode.
        make: gives the attribution of a net.
        inputs: float (N, 3, 44, 44) in [0, 1]. target: int64 (N,).

    Returns:
        DataFrame: depth (0 is the trained net), stage (the last that became random, "" at 0), quantity (spearman,
        overlap, ssim), mean, low, high (t interval), pictures.
    """
    net = copy.deepcopy(model)
    trained, tables = make(net)(inputs, target).cpu(), []
    for depth, stage in enumerate(tqdm(["", *stages(net)], "random weights", leave=False, mininterval=5)):
        if stage:
            reset(getattr(net, stage), seed + depth)
        maps = make(net)(inputs, target).cpu() if stage else trained
        tables.append(mean_table(similarity(trained, maps), groups).assign(depth=depth, stage=stage))
    return pd.concat(tables, ignore_index=True)[["depth", "stage", "quantity", "mean", "low", "high", "pictures"]]


def reset(part: nn.Module, seed: int) -> None:
    """Give every layer of ``part`` initial weights from a random seed; torch's own generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in part.modules():
            if hasattr(layer, "reset_parameters"):
                device = next((p.device for p in layer.parameters()), None)
                layer.cpu().reset_parameters()  # drawn on the CPU: the same weights on any device
                layer.to(device)
