"""A hand-made net that decides its classes at known places, for the tests of the saliency methods."""

from collections import OrderedDict

import torch
from torch import nn

PLACES = {0: (slice(6, 18), slice(6, 18)), 1: (slice(26, 38), slice(24, 36))}  # rows, columns
CONSTANT, DEAD = 2, 3  # channels of the last stage


def stripes():
    """float (1, 3, 44, 44): horizontal stripes at PLACES[0], vertical ones at PLACES[1], grey elsewhere."""
    picture = torch.full((1, 3, 44, 44), 0.3)
    lines = (torch.arange(12) % 2).float()
    picture[0, :, *PLACES[0]] = lines[:, None].expand(12, 12)
    picture[0, :, *PLACES[1]] = lines[None, :].expand(12, 12)
    return picture


def layers():
    stem = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU())
    stage = nn.Sequential(nn.Conv2d(2, 4, 5, stride=4, padding=2), nn.ReLU())
    head = {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "dropout": nn.Dropout(), "fc": nn.Linear(4, 3)}
    return nn.Sequential(OrderedDict(stem=stem, stage=stage, **head)).eval()


def detector():
    """A net with the classes 0 horizontal stripes, 1 vertical stripes, 2 nothing; its maps are (4, 11, 11)."""
    net = layers()
    across = torch.tensor([-1.0, 2.0, -1.0]) / 18
    with torch.no_grad():
        net.stem[0].weight[0] = across[:, None].expand(3, 3)
        net.stem[0].weight[1] = across[None, :].expand(3, 3)
        net.stem[1].running_mean += 0.1  # the weak answers along the edges of the other patch fall away
        net.stage[0].weight.zero_()
        net.stage[0].weight[0, 0] = net.stage[0].weight[1, 1] = 1
        net.stage[0].bias.copy_(torch.tensor([0.0, 0.0, 0.5, -1.0]))
        net.fc.weight.zero_()
        net.fc.weight[0, 0] = net.fc.weight[1, 1] = 10
        net.fc.bias.zero_()
    return net


def random_net(seed, dtype=torch.float32):
    """The same layers with random weights, running statistics included."""
    torch.manual_seed(seed)
    net = layers()
    for norm in (layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.2)
        nn.init.normal_(norm.running_mean, std=0.2)
        nn.init.uniform_(norm.running_var, 0.05, 0.15)
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
    return net.to(dtype)


def share(maps, place):
    """How much of the mass of a map (..., 44, 44) lies at a place or up to 3 pixels from it."""
    rows, columns = (slice(part.start - 3, part.stop + 3) for part in place)
    return (maps[..., rows, columns].sum() / maps.sum().clamp(min=1e-9)).item()


def follows(maps_of, nets):
    """How much more of a map lies at the place of its class than at that of the other: 1 all of it, 0 no more.

    Args:
        maps_of: function (net, pictures, targets) to maps.
        nets: to take the mean over.
    """
    targets = torch.tensor(list(PLACES))
    found = [maps_of(net, stripes().expand(len(targets), -1, -1, -1), targets) for net in nets]
    leads = [share(maps[t], PLACES[t]) - share(maps[t], PLACES[1 - t]) for maps in found for t in PLACES]
    return sum(leads) / len(leads)


class Fails(nn.Module):
    """Fails where ``when(x)``, else passes x on."""

    def __init__(self, when):
        super().__init__()
        self.when = when

    def forward(self, x):
        if self.when(x):
            raise RuntimeError("planted")
        return x


def traces(net):
    """What a method could change in a net and not restore."""
    modes = [layer.training for layer in net.modules()]
    hooks = [len(layer._forward_hooks) + len(layer._backward_hooks) for layer in net.modules()]
    wanted = [parameter.requires_grad for parameter in net.parameters()]
    kinds = [type(layer) for layer in net.modules()]
    gradients = [parameter.grad is None for parameter in net.parameters()]
    return modes, hooks, wanted, kinds, gradients
