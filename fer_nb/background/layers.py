"""What layers cost, counted on torch's modules: fully connected beside convolution, and depthwise separable ones."""

import pandas as pd
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fer_nb.nets import models


def parameters(layer: nn.Module) -> int:
    return sum(value.numel() for value in layer.parameters())


def macs(layer: nn.Module, inputs: tuple[int, ...]) -> int:
    """Multiply-adds of one input of shape ``inputs`` (C, H, W), as torch counts them; those of biases are left out."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        layer(torch.zeros(1, *inputs))
    return counter.get_total_flops() // 2


def connections(channels: int = 3, maps: int = 64, side: int = 44, kernel: int = 3) -> pd.DataFrame:
    """The layer that makes ``maps`` maps of a (channels, side, side) picture: fully connected, and a convolution."""
    pixels = side * side
    # On the device "meta" a layer has shapes and no numbers: the fully connected one would not fit into memory.
    connected = nn.Linear(channels * pixels, maps * pixels, device="meta")
    convolution = nn.Conv2d(channels, maps, kernel, padding=kernel // 2, device="meta")
    rows = [("fully connected", connected), (f"{kernel}x{kernel} convolution", convolution)]
    return pd.DataFrame({"layer": name, "parameters": parameters(layer)} for name, layer in rows)


def separable(standard: nn.Conv2d) -> nn.Sequential:
    """A depthwise separable convolution of the same shape: one kernel for each input map, then 1x1 (section 3.1.2)."""
    shape = {"kernel_size": standard.kernel_size, "stride": standard.stride, "padding": standard.padding}
    inputs, outputs = standard.in_channels, standard.out_channels
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, groups=inputs, bias=False, **shape), nn.Conv2d(inputs, outputs, 1, bias=False)
    )


def savings(size: int = 44) -> pd.DataFrame:
    """Equations 3-1 and 3-2 on each kind of 3x3 convolution in the stages of ResNet18, for pictures of ``size`` pixels.

    Columns: layer, output (C x H x W), parameters and macs of the layer and of ``separable``, their ratios, formula
    (1/N + 1/9 for N output maps), and pointwise (the 1x1 part's share of the separable layer's parameters).
    """
    net = models.build("ResNet18")
    counted = models.count(net, size)
    counted = counted[(counted["kernel"] == "3x3") & counted["layer"].str.startswith("stage")]
    rows = {}
    for name, output in zip(counted["layer"], counted["output"], strict=True):
        layer = net.get_submodule(name)
        inputs, outputs, stride = layer.in_channels, layer.out_channels, layer.stride[0]
        word = f"3x3, {inputs} to {outputs}" + (f", stride {stride}" if stride > 1 else "")
        side = int(output.split("x")[1]) * stride
        light = separable(layer)
        row = {"layer": word, "output": output}
        row |= {"parameters": parameters(layer), "separable_parameters": parameters(light)}
        row |= {"macs": macs(layer, (inputs, side, side)), "separable_macs": macs(light, (inputs, side, side))}
        row["parameter_ratio"] = row["separable_parameters"] / row["parameters"]
        row["mac_ratio"] = row["separable_macs"] / row["macs"]
        row["formula"] = 1 / outputs + 1 / layer.weight[0, 0].numel()
        rows[word] = row | {"pointwise": parameters(light[1]) / row["separable_parameters"]}
    return pd.DataFrame(rows.values())
