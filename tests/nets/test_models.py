import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fer_nb.evaluation import thesis
from fer_nb.nets import models


@pytest.mark.parametrize("name", models.NAMES)
def test_counts_equal_table_3_1(name):
    totals = models.count(models.build(name))[["parameters", "flops"]].sum()
    assert totals.to_dict() == thesis.TABLE_3_1[name]


@pytest.mark.parametrize("name", models.NAMES)
def test_macs_agree_with_torch(name):
    model = models.build(name).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 44, 44))
    assert 2 * models.count(model)["macs"].sum() == counter.get_total_flops()


@pytest.mark.parametrize("name", models.NAMES)
def test_every_parameter_is_counted_once_and_gets_a_gradient(name):
    model = models.build(name, num_classes=5)
    assert models.count(model)["parameters"].sum() == sum(p.numel() for p in model.parameters())
    logits = model(torch.rand(2, 3, 44, 44))
    assert logits.shape == (2, 5)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_counting_restores_training_mode():
    model = models.build("lightResNetl").train()
    models.count(model)
    assert model.training
    assert not any(layer._forward_hooks for layer in model.modules())


def test_resolution_and_width_of_the_stages():
    counts = models.count(models.build("lightResNetl")).set_index("layer")["output"]
    ends = [counts[f"stage{stage}.1.block.7"] for stage in (2, 3, 4, 5)]
    assert ends == ["64x44x44", "128x22x22", "256x11x11", "512x6x6"]


def test_thesis_pool_sees_the_top_left_alone():
    x = torch.rand(1, 512, 6, 6)
    changed = x.clone()
    changed[:, :, 4:, :] += 1
    changed[:, :, :, 4:] += 1
    pool = models.build("ResNet18", pool="4x4").pool
    assert torch.equal(pool(x), pool(changed))
    torch.testing.assert_close(pool(x), torch.nn.functional.avg_pool2d(x, 4))


def test_block_relu_cuts_the_negative_outputs():
    x = torch.randn(2, 8, 6, 6)
    assert models.BasicBlock1(8, 16, 8)(x).min() < 0
    assert models.BasicBlock2(8, 16, 8, stride=2, block_relu=True)(x).min() == 0


def test_same_seed_same_weights():
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(models.build("lightResNetl").state_dict())
    assert all(torch.equal(a, b) for a, b in zip(nets[0].values(), nets[1].values(), strict=True))


def test_unknown_names():
    with pytest.raises(ValueError, match="did you mean lightResNetl"):
        models.build("lightresnetl")
    with pytest.raises(ValueError, match="unknown pool"):
        models.build("ResNet18", pool="max")
