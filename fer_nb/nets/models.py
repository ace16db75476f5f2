"""The four networks of the thesis (section 3.1.3, figure 3-5), and what they cost (table 3-1).

Input: float (N, 3, 44, 44) in [0, 1], a grey picture as three equal channels. Output: logits (N, num_classes).

- VGG19: Simonyan and Zisserman 2015, batch norm after each convolution, one 512 -> num_classes layer.
- ResNet18: He et al. 2016 with the stem that CIFAR nets use (3x3, stride 1, no max pool).
- lightResNetl, lightResNetm: ResNet18's stages built from inverted residual blocks (Sandler et al. 2018).
"""

from collections import OrderedDict

import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from fer_nb.names import refuse_unknown, suggestion

NAMES = ("VGG19", "ResNet18", "lightResNetl", "lightResNetm")
POOLS = ("global", "4x4")

VGG19_WIDTHS = ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4)  # a max pool closes each group
STAGE_WIDTHS = (64, 128, 256, 512)  # stages 2 to 5; stages 3, 4 and 5 halve the resolution

# Hidden width of the two inverted residual blocks of stages 2 to 5 (figure 3-5).
HIDDEN_WIDTHS = {
    "lightResNetl": ((128, 128), (256, 256), (512, 512), (1024, 1024)),
    "lightResNetm": ((128, 128), (256, 512), (512, 1024), (1024, 2048)),
}


def conv_bn(inputs, outputs, kernel, stride=1, **options):
    """Convolution that keeps the resolution at stride 1, without bias by default, and its batch norm."""
    options = {"bias": False, **options}
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, **options)
    return conv, nn.BatchNorm2d(outputs)


class ResidualBlock(nn.Module):
    """3x3 - BN - ReLU - 3x3 - BN, plus the input, ReLU (He et al. 2016; figure 3-1a)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.block = nn.Sequential(*conv_bn(inputs, outputs, 3, stride), nn.ReLU(), *conv_bn(outputs, outputs, 3))
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else nn.Sequential(*conv_bn(inputs, outputs, 1, stride))

    def forward(self, x):
        return F.relu(self.block(x) + self.shortcut(x))


class BasicBlock1(nn.Module):
    """Inverted residual: 1x1 expand - BN - ReLU - 3x3 depthwise - BN - ReLU - 1x1 project - BN, plus the input.

    Figure 3-4b. The depthwise convolution has a bias: the parameter count of table 3-1 asks for it. Whether a ReLU
    follows the addition is not said; ``block_relu=False`` is the linear bottleneck of Sandler et al. 2018.
    """

    def __init__(self, inputs, hidden, outputs, stride=1, block_relu=False):
        super().__init__()
        self.block = nn.Sequential(
            *conv_bn(inputs, hidden, 1),
            nn.ReLU(),
            *conv_bn(hidden, hidden, 3, stride, groups=hidden, bias=True),
            nn.ReLU(),
            *conv_bn(hidden, outputs, 1),
        )
        self.shortcut = nn.Identity()
        self.activation = nn.ReLU() if block_relu else nn.Identity()

    def forward(self, x):
        return self.activation(self.block(x) + self.shortcut(x))


class BasicBlock2(BasicBlock1):
    """BasicBlock1 with a 1x1 convolution and BN beside it, which lets it change resolution and width (figure 3-4c)."""

    def __init__(self, inputs, hidden, outputs, stride, block_relu=False):
        super().__init__(inputs, hidden, outputs, stride, block_relu)
        self.shortcut = nn.Sequential(*conv_bn(inputs, outputs, 1, stride))


class TopLeftAveragePool(nn.Module):
    """Average of the top-left 4x4: what ``avg_pool2d(x, 4)`` leaves of a 6x6 map in the code the thesis builds on."""

    def forward(self, x):
        return x[:, :, :4, :4].mean((2, 3), keepdim=True)


def vgg19(num_classes: int) -> nn.Module:
    groups, inputs = OrderedDict(), 3
    for stage, group in enumerate(VGG19_WIDTHS, start=1):
        layers = []
        for outputs in group:
            layers += [*conv_bn(inputs, outputs, 3, bias=True), nn.ReLU()]
            inputs = outputs
        groups[f"stage{stage}"] = nn.Sequential(*layers, nn.MaxPool2d(2))
    return nn.Sequential(OrderedDict(**groups, **head(nn.AvgPool2d(1), num_classes)))  # (N, 512, 1, 1) before the pool


def resnet(block, pool, num_classes):
    """Stem and stages 2 to 5 of two blocks each; ``block(stage, index, inputs, outputs, stride)`` makes one."""
    layers, inputs = OrderedDict(stem=nn.Sequential(*conv_bn(3, 64, 3), nn.ReLU())), 64
    for stage, outputs in enumerate(STAGE_WIDTHS, start=2):
        stride = 1 if stage == 2 else 2
        first = block(stage, 0, inputs, outputs, stride)
        layers[f"stage{stage}"] = nn.Sequential(first, block(stage, 1, outputs, outputs, 1))
        inputs = outputs
    return nn.Sequential(OrderedDict(**layers, **head(pool, num_classes)))  # (N, 512, 6, 6) before the pool


def head(pool, num_classes):
    return {"pool": pool, "flatten": nn.Flatten(), "dropout": nn.Dropout(0.5), "fc": nn.Linear(512, num_classes)}


def unknown(name: str) -> ValueError:
    """The error that names a model nobody knows."""
    return ValueError(f"unknown model {name!r}: {suggestion(name, NAMES)}")


def build(name: str, num_classes: int = 7, pool: str = "global", block_relu: bool = False) -> nn.Module:
    """A network with torch's default initialisation (seed it with ``torch.manual_seed``).

    Args:
        name: one of ``NAMES``.
        num_classes: width of the last layer.
        pool: "global", or "4x4": ResNet18 then averages only the top-left 4x4 of its 6x6 map, as in the public
            code the thesis builds on. The other nets are the same either way.
        block_relu: a ReLU after the addition of BasicBlock1 and BasicBlock2.

    Raises:
        ValueError: unknown ``name`` or ``pool``.
    """
    refuse_unknown("pool", [pool], POOLS)
    if name not in NAMES:
        raise unknown(name)
    if name == "VGG19":
        return vgg19(num_classes)
    if name == "ResNet18":
        average = TopLeftAveragePool() if pool == "4x4" else nn.AdaptiveAvgPool2d(1)
        return resnet(lambda stage, index, *shape: ResidualBlock(*shape), average, num_classes)

    def light_block(stage, index, inputs, outputs, stride):
        block = BasicBlock1 if stride == 1 else BasicBlock2
        return block(inputs, HIDDEN_WIDTHS[name][stage - 2][index], outputs, stride, block_relu)

    return resnet(light_block, nn.AdaptiveAvgPool2d(1), num_classes)


def layer_cost(layer, output):
    """(MACs, FLOPs as table 3-1 prints them) of one picture through ``layer``; ``output`` (1, ...) is what it gave."""
    size = output.numel()
    if isinstance(layer, nn.Conv2d):
        macs = size * layer.weight[0].numel()
        return macs, macs + size * (layer.bias is not None)
    if isinstance(layer, nn.BatchNorm2d):
        return 0, 2 * size
    if isinstance(layer, nn.AvgPool2d):
        return 0, size
    return (layer.weight.numel(),) * 2


def count(model: nn.Module, size: int = 44) -> pd.DataFrame:
    """Parameters, MACs and the thesis's "FLOPs" of each layer that has any, for one (3, size, size) picture.

    The thesis's column is: convolution multiply-adds + bias adds + 2 x every batch-norm output + multiply-adds of the
    last layer (+ the outputs of VGG19's average pool). It is closer to MACs than to floating-point operations.

    Returns:
        DataFrame with the columns layer, type, kernel, output (C x H x W), parameters, macs, flops; sum it for totals.
    """
    rows = []

    def record(name, layer, output):
        macs, flops = layer_cost(layer, output)
        parameters = sum(p.numel() for p in layer.parameters())
        shape = "x".join(map(str, output.shape[1:]))
        rows.append((name, type(layer).__name__, kernel_of(layer), shape, parameters, macs, flops))

    counted = (nn.Conv2d, nn.BatchNorm2d, nn.AvgPool2d, nn.Linear)
    hooks = [
        layer.register_forward_hook(lambda layer, _, output, name=name: record(name, layer, output))
        for name, layer in model.named_modules()
        if isinstance(layer, counted)
    ]
    training = model.training
    parameter = next(model.parameters())
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, 3, size, size, device=parameter.device, dtype=parameter.dtype))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows, columns=["layer", "type", "kernel", "output", "parameters", "macs", "flops"])


def kernel_of(layer):
    """ "3x3", "3x3 dw" (depthwise), or "" for what is no convolution."""
    if not isinstance(layer, nn.Conv2d):
        return ""
    return "x".join(map(str, layer.kernel_size)) + (" dw" if layer.groups > 1 else "")


def stage_table(counts: pd.DataFrame) -> pd.DataFrame:
    """The rows of figure 3-5 for one net: its convolutions by stage, the output of each, parameters and MACs.

    Args:
        counts: from ``count``.

    Returns:
        DataFrame: stage, convolutions (kernel and width, each block in brackets), output, parameters, macs.
    """
    counts = counts[counts["parameters"] > 0].assign(stage=counts["layer"].str.split(".").str[0])
    rows = []
    for stage, layers in counts.groupby("stage", sort=False):
        main = layers[layers["kernel"].ne("") & ~layers["layer"].str.contains("shortcut")]
        block = main["layer"].str.extract(r"^(stage\d\.\d)\.block", expand=False).fillna(stage)
        words = main["kernel"] + " " + main["output"].str.split("x").str[0]
        described = words.groupby(block, sort=False).agg(lambda block: f"[{', '.join(block)}]")
        rows.append((stage, " ".join(described), layers["output"].iloc[-1], *layers[["parameters", "macs"]].sum()))
    return pd.DataFrame(rows, columns=["stage", "convolutions", "output", "parameters", "macs"])
