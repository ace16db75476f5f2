"""Layers that train on the CPU with the kernels of kernels.py.

Parameters, outputs and gradients are those of the plain layers; training takes fewer passes over memory. In
evaluation each layer is the plain one, as it is where its batch norms alone are (frozen ones).
"""

import torch
from torch import nn

from fer_nb.nets import kernels, models


class FusedSequential(nn.Sequential):
    """nn.Sequential that trains each batch norm and the ReLU after it in one pass."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        layers = list(self)
        while layers:
            layer = layers.pop(0)
            if not isinstance(layer, nn.BatchNorm2d) or not layer.training:
                x = layer(x)
                continue
            relu = bool(layers) and isinstance(layers[0], nn.ReLU)
            x = kernels.batch_norm(layer, x, relu)
            layers = layers[relu:]
        return x


class FusedBlock(models.BasicBlock1):
    """BasicBlock1 (figure 3-4) that trains by ``kernels.normalised_depthwise``."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        expand, norm1, _, depthwise, norm2, _, project, norm3 = self.block
        if not (self.training and norm1.training and norm2.training and norm3.training):  # folded ones are no norms
            return super().forward(x)
        hidden = kernels.normalised_depthwise(expand(x), norm1, depthwise, norm2)
        return self.activation(kernels.batch_norm(norm3, project(hidden), residual=self.shortcut(x)))


def fuse(model: nn.Module) -> bool:
    """Let the light blocks, the batch norms and the searched cells of ``model`` train with the kernels.

    Layers outside cells whose width is not a multiple of 16, batch norms without weight and bias, and blocks of another
    stride than 1 or 2 stay as they are.

    Returns:
        Whether this machine has the kernels; without a C++ compiler the model stays as it is.
    """
    if kernels.library() is None:
        return False
    for layer in model.modules():
        if hasattr(layer, "fused"):  # a cell of a searched net: it knows how
            layer.fused = True
            continue
        light = isinstance(layer, models.BasicBlock1)
        norms = [part for part in (layer.block if light else layer.children()) if isinstance(part, nn.BatchNorm2d)]
        if any(norm.num_features % kernels.LANES or not norm.affine for norm in norms):
            continue
        if light and layer.block[3].stride[0] in (1, 2):
            layer.__class__ = FusedBlock
        elif norms and type(layer) is nn.Sequential:
            layer.__class__ = FusedSequential
    return True
