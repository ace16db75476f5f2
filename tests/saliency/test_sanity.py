"""Maps that follow the net change with its weights; maps that only show the picture do not."""

import copy

import pytest
import torch

from fer_nb.nets import models
from fer_nb.saliency import sanity, yardsticks


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return models.build("lightResNetl").eval()


@pytest.fixture(scope="module")
def pictures():
    inputs = torch.rand((2, 1, 44, 44), generator=torch.Generator().manual_seed(1)).expand(-1, 3, -1, -1)
    return inputs.contiguous(), torch.tensor([0, 1])


def edges(net):
    """A detector of edges: it looks at no net at all."""
    return lambda inputs, target: (inputs[:, :1] - inputs[:, :1].roll(1, 2)).abs()


def test_stages_from_the_last(net):
    assert sanity.stages(net) == ["fc", "stage5", "stage4", "stage3", "stage2", "stem"]


def test_cascade_follows_the_net_and_leaves_it_alone(net, pictures):
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    table = sanity.cascade(net, yardsticks.gradient, *pictures)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert table["depth"].tolist() == sorted(3 * list(range(7))) and set(table["pictures"]) == {2}
    assert table.drop_duplicates("depth")["stage"].tolist() == ["", *sanity.stages(net)]
    mean = table.pivot(index="depth", columns="quantity", values="mean")
    assert mean.loc[0].to_numpy() == pytest.approx(1)
    assert mean.loc[6, "spearman"] < 0.6  # the strides leave one grid in both
    again = sanity.cascade(net, yardsticks.gradient, *pictures)
    assert table.equals(again)


def test_an_edge_detector_fails(net, pictures):
    table = sanity.cascade(net, edges, *pictures)
    assert table["mean"].to_numpy() == pytest.approx(1)


def test_reset_changes_every_weight_of_its_part_only(net):
    other = copy.deepcopy(net)
    sanity.reset(other.stage4, seed=3)
    for name, value in other.named_parameters():
        same = torch.equal(value, dict(net.named_parameters())[name])
        # Batch norm starts at 1 and 0, as it still is in a net that was never trained.
        assert same == (not name.startswith("stage4") or (value == value.flatten()[0]).all()), name
