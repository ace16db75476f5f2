"""Layers that train on the CPU with the kernels of kernels.py.

Parameters, outputs and gradients are those of the plain layers; training takes fewer passes over memory. In
evaluation each layer is the plain one.
"""

from torch import nn

from fer_nb.nets import kernels, models


def with_batch_norms(layers, x):
    """``x`` through ``layers`` in order, each batch norm with the ReLU that follows it as one pass."""
    layers = list(layers)
    while layers:
        layer = layers.pop(0)
        if not isinstance(layer, nn.BatchNorm2d):
            x = layer(x)
            continue
        relu = bool(layers) and isinstance(layers[0], nn.ReLU)
        x = kernels.batch_norm(layer, x, relu)
        layers = layers[relu:]
    return x


class FusedSequential(nn.Sequential):
    def forward(self, x):
        return with_batch_norms(self, x) if self.training else super().forward(x)


class FusedBlock(models.BasicBlock1):
    def forward(self, x):
        if not self.training:
            return super().forward(x)
        expand, norm1, _, depthwise, norm2, _, project, norm3 = self.block
        hidden = kernels.normalised_depthwise(expand(x), norm1, depthwise, norm2)
        return self.activation(kernels.batch_norm(norm3, project(hidden), residual=self.shortcut(x)))


def fuse(model):
    """Let the light blocks and the batch norms of ``model`` (from ``models.build``) train with the kernels.

    Returns whether there are kernels on this machine; without a C++ compiler the model stays as it is. So do layers
    of a width that is no multiple of 16, and batch norms without affine map.
    """
    if kernels.library() is None:
        return False
    for layer in model.modules():
        light = isinstance(layer, models.BasicBlock1)
        norms = [part for part in (layer.block if light else layer.children()) if isinstance(part, nn.BatchNorm2d)]
        if any(norm.num_features % kernels.LANES or not norm.affine for norm in norms):
            continue
        if light:
            layer.__class__ = FusedBlock
        elif norms and type(layer) is nn.Sequential:
            layer.__class__ = FusedSequential
    return True
