"""The parts of the better recipe, each against its definition."""

from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from fer_nb.training import recipe as recipes
from fer_nb.training.protocol import Protocol


def of(**given):
    return Protocol(**{"epochs": 4, "batch_size": 6, **given})


def test_one_cycle_is_that_of_torch():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    scheduler = OneCycleLR(optimizer, 0.1, 50, pct_start=0.2, cycle_momentum=False)
    for step in range(50):
        expected = optimizer.param_groups[0]["lr"]
        assert 0.1 * recipes.rate_share(step, 10, 50, "onecycle") == pytest.approx(expected, rel=1e-6, abs=1e-9)
        optimizer.step()
        if step < 49:
            scheduler.step()
    assert recipes.rate_share(0, 0, 50, "onecycle") == 1


def test_cosine_rises_in_equal_steps_and_falls_to_nothing():
    shares = [recipes.rate_share(step, 4, 104, "cosine") for step in range(104)]
    assert shares[:5] == [0.25, 0.5, 0.75, 1, 1]
    assert shares[54] == pytest.approx(0.5)
    assert all(a > b for a, b in pairwise(shares[4:])) and 0 < shares[-1] < 0.001


def test_rates_are_a_function_of_the_step():
    protocol = of(schedule="cosine", warmup=1.5, lr=0.1)
    whole = [rate for epoch in range(4) for rate in recipes.rates(protocol, epoch, 6)]
    assert whole == [0.1 * recipes.rate_share(step, 9, 24, "cosine") for step in range(24)]
    assert max(whole) == 0.1


def test_rates_of_the_thesis():
    ckplus = of(lr=0.01, decay_start=20, decay_every=1, decay_factor=0.8)
    found = [recipes.thesis_rate(ckplus, epoch) for epoch in (0, 19, 20, 21, 22, 59)]
    assert found == pytest.approx([0.01, 0.01, 0.01, 0.008, 0.0064, 0.01 * 0.8**39])
    ferm = [recipes.thesis_rate(of(), epoch) for epoch in (80, 84, 85, 90, 199)]
    assert ferm == pytest.approx([0.01, 0.01, 0.009, 0.0081, 0.01 * 0.9**23])
    assert recipes.rates(of(), 90, 6) == [recipes.thesis_rate(of(), 90)] * 6


def test_batch_norm_and_biases_do_not_decay():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(recipes.parameter_groups(model, of(weight_decay=0.5, decay_all=False)), 0.1)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed == {"0.weight", "3.weight"}
    assert len(list(recipes.parameter_groups(model, of()))) == len(before)


def test_loss_without_a_recipe_is_cross_entropy():
    logits, labels = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    assert torch.equal(recipes.loss(logits, labels, of(), None), F.cross_entropy(logits, labels))
    smooth = recipes.loss(logits, labels, of(smoothing=0.2), None)
    spread = 0.8 * F.one_hot(labels, 4) + 0.05
    assert smooth.item() == pytest.approx(-(spread * logits.log_softmax(1)).sum(1).mean().item(), rel=1e-5)


def test_votes_are_not_smoothed():
    logits, votes = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    votes = votes.softmax(1)
    plain = F.cross_entropy(logits, votes)
    assert torch.equal(recipes.loss(logits, votes, of(smoothing=0.2, votes=True), None), plain)
    assert not torch.equal(recipes.loss(logits, votes, of(smoothing=0.2), None), plain)


def test_loss_with_a_teacher():
    generator = torch.Generator().manual_seed(0)
    logits, taught = torch.randn(2, 5, 3, generator=generator)
    labels = torch.tensor([0, 1, 2, 0, 1])
    p, q = (taught / 2).softmax(1), (logits / 2).softmax(1)
    expected = 0.7 * F.cross_entropy(logits, labels) + 0.3 * 4 * (p * (p / q).log()).sum(1).mean()
    protocol = of(teacher_weight=0.3, temperature=2.0)
    assert recipes.loss(logits, labels, protocol, taught).item() == pytest.approx(expected.item(), rel=1e-5)
    alone = of(teacher_weight=1.0, temperature=2.0)
    assert recipes.loss(logits, labels, alone, logits).item() == pytest.approx(0, abs=1e-6)


def test_average_of_weights_and_statistics():
    model = nn.BatchNorm2d(1)  # weight 1, mean 0
    average, follow = recipes.averaged(model, 0.9)
    for value in (2.0, 3.0):
        model.weight.data.fill_(value)
        model.running_mean.fill_(10 * value)
        follow()
    assert average.weight.item() == pytest.approx(0.9 * (0.9 * 1 + 0.1 * 2) + 0.1 * 3)
    assert average.running_mean.item() == pytest.approx(0.9 * 0.1 * 20 + 0.1 * 30)
    twin = nn.BatchNorm2d(1)
    theirs = AveragedModel(twin, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    for value in (1.0, 2.0, 3.0):  # it copies the first
        twin.weight.data.fill_(value)
        theirs.update_parameters(twin)
    assert torch.equal(theirs.module.weight, average.weight)
    assert recipes.averaged(model, 0.0) == (None, None)
