"""What Score-CAM and MP require of a net, its input and the target class, and the errors where it is missing."""

import reprlib

import torch
from torch import nn

from fer_nb.data.augment import CROP
from fer_nb.names import suggestion

SCORES = ("logit", "probability")


def check_net(model: nn.Module) -> None:
    """Raises ValueError for a net without a convolution layer, and for one in training mode."""
    if not any(is_convolution(layer) for layer in model.modules()):
        raise ValueError(f"{type(model).__name__} has no convolution layer (nn.Conv2d): give a convolutional net")
    training = next((name or "the net" for name, layer in model.named_modules() if layer.training), None)
    if training:
        raise ValueError(f"{training} is in training mode, where dropout and batch norm change scores: call .eval()")


def check_score(score: str) -> None:
    """Raises ValueError for a word that is not in ``SCORES``."""
    if score not in SCORES:
        raise ValueError(f"unknown score {score!r}: choose 'logit' (the thesis) or 'probability'")


def check_least(least: float, name: str, number: float | None) -> None:
    """Raises ValueError for a number below ``least``; None passes."""
    if number is not None and number < least:
        raise ValueError(f"{name} is {number}: it must be at least {least}")


def check_inputs(inputs: torch.Tensor, model: nn.Module) -> torch.Tensor:
    """``inputs`` on the device and in the number format of ``model``.

    Raises ValueError where they are not float (N, 3, 44, 44) in [0, 1], N > 0, or hold NaN.
    """
    if not isinstance(inputs, torch.Tensor) or not inputs.is_floating_point():
        kind = inputs.dtype if isinstance(inputs, torch.Tensor) else type(inputs).__name__
        raise ValueError(
            f"inputs are {kind}: give a float tensor in [0, 1], as fer_nb.data.augment.center_crop makes it"
        )
    if inputs.dim() != 4 or not len(inputs) or inputs.shape[1:] != (3, CROP, CROP):
        raise ValueError(f"inputs have the shape {tuple(inputs.shape)}, not (N, 3, {CROP}, {CROP}) with N > 0")
    spoilt = inputs.isnan().flatten(1).any(1).nonzero()
    if len(spoilt):
        raise ValueError(f"picture {spoilt[0].item()} of the inputs holds NaN")
    low, high = inputs.min().item(), inputs.max().item()
    if low < 0 or high > 1:
        raise ValueError(
            f"inputs range from {low:.9g} to {high:.9g}, not within [0, 1]: divide by 255, do not normalise"
        )
    parameter = next(model.parameters())
    return inputs.to(parameter.device, parameter.dtype)


def check_target(target: int | torch.Tensor, inputs: torch.Tensor, classes: int) -> torch.Tensor:
    """The target class of each picture, int64 (N,) on the device of ``inputs``.

    Args:
        target: one class for all pictures, or int64 (N,).
        classes: how many the net has.

    Raises:
        ValueError: another type or length, or a class that the net does not have.
    """
    try:
        target = torch.as_tensor(target, device=inputs.device)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise ValueError(f"target is {reprlib.repr(target)}: give a class number, or int64 (N,)") from error
    if target.is_floating_point() or target.dtype == torch.bool or target.dim() > 1:
        raise ValueError(f"target is {target.dtype} {tuple(target.shape)}: give a class number, or int64 (N,)")
    if target.dim() and len(target) not in (1, len(inputs)):
        raise ValueError(f"{len(target)} targets for {len(inputs)} pictures: give one class for all, or one for each")
    outside = target[(target < 0) | (target >= classes)]
    if outside.numel():
        first = outside.flatten()[0].item()
        raise ValueError(f"target {first} is out of range: the net has classes 0 to {classes - 1}")
    return target.long().expand(len(inputs))


def find_layer(model: nn.Module, name: str | None = None) -> tuple[str, nn.Module]:
    """(name, layer) by its path in the net, as ``named_modules`` writes it ("stage5.1.block").

    None: the last child of the net that holds a convolution, "stage5" in the nets of the thesis, or the last part of
    that child where it is a list, "cells.4" in a searched net of five cells.

    Raises ValueError for an unknown name, with the nearest one.
    """
    layers = dict(model.named_modules())
    if name is None:
        name = [child for child, part in model.named_children() if any(map(is_convolution, part.modules()))][-1]
        if isinstance(layers[name], nn.ModuleList):  # which never runs, only its parts do
            name = f"{name}.{len(layers[name]) - 1}"
    if not name or name not in layers:
        raise ValueError(f"the net has no layer {name!r}: {suggestion(name, dict(model.named_children()))}")
    return name, layers[name]


def is_convolution(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d)


def class_scores(logits: torch.Tensor, target: torch.Tensor, score: str) -> torch.Tensor:
    """The score (N,) of class ``target`` (N,) in ``logits`` (N, classes): the logit itself, or its softmax."""
    values = logits if score == "logit" else logits.softmax(1)
    return values.gather(1, target[:, None]).squeeze(1)
