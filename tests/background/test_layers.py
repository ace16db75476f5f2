import pytest
import torch
from torch import nn

from fer_nb.background import layers


def test_connections():
    table = layers.connections(channels=2, maps=3, side=4).set_index("layer")["parameters"]
    assert table.to_dict() == {"fully connected": 2 * 16 * 3 * 16 + 3 * 16, "3x3 convolution": 2 * 9 * 3 + 3}


def test_a_separable_layer_has_the_same_shape_and_fewer_parameters():
    standard = nn.Conv2d(6, 10, 3, stride=2, padding=1, bias=False)
    light = layers.separable(standard)
    picture = torch.rand(1, 6, 9, 9)
    assert light(picture).shape == standard(picture).shape
    assert layers.parameters(light) == 9 * 6 + 6 * 10


def test_macs_leave_the_bias_out():
    assert layers.macs(nn.Conv2d(2, 3, 3, padding=1), (2, 5, 5)) == 25 * 9 * 2 * 3


def test_the_savings_are_those_of_equations_3_1_and_3_2():
    table = layers.savings()
    assert table["layer"].iloc[0] == "3x3, 64 to 64" and table["layer"].iloc[-1] == "3x3, 512 to 512"
    assert len(table) == 7 and table["parameters"].iloc[0] == 64 * 64 * 9
    assert table["macs"].iloc[0] == 44 * 44 * 64 * 64 * 9
    for ratio in ("parameter_ratio", "mac_ratio"):
        assert table[ratio].tolist() == pytest.approx(table["formula"].tolist())
    assert table["formula"].iloc[0] == pytest.approx(1 / 64 + 1 / 9)
    assert table["pointwise"].iloc[0] == pytest.approx(64 * 64 / (64 * 64 + 64 * 9))
