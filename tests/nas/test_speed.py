import pytest
import torch

from fer_nb.nas import speed
from fer_nb.nas.supernet import Supernet
from fer_nb.speed import timing


def test_each_variant_is_measured_and_held_against_the_plain_one(monkeypatch):
    monkeypatch.setattr(timing, "in_fresh_processes", lambda measure, cases, what: [measure(*case) for case in cases])
    table = speed.compare(batch_size=4, seconds=0.0, channels=8, cells=3, nodes=1, stem_stride=2)
    assert list(table) == ["variant", "ratio", "seconds"] and tuple(table["variant"]) == tuple(speed.VARIANTS)
    assert table["ratio"][0] == 1 and (table["seconds"] > 0).all()
    assert table["ratio"].tolist() == pytest.approx((table["seconds"][0] / table["seconds"]).tolist())


def test_the_first_step_does_not_count(monkeypatch):
    """It did: the step before it was on 8 pictures, and the buffers of a whole batch were new."""
    given = []
    monkeypatch.setattr(timing, "repeat", lambda step, seconds, warmup=1: given.append(warmup) or [1.0])
    assert speed.measure("sample", 4, 0.0, 8, 3, 1, 2) == 1 and given == [1]


def test_a_step_of_the_plain_one_learns_both():
    torch.manual_seed(0)
    net = speed.PlainMixed(3, channels=4, cells=3, nodes=1, method="mixture")
    before = {name: value.detach().clone() for name, value in net.named_parameters()}
    sgd, adam = torch.optim.SGD(net.weights(), 0.1), torch.optim.SGD(net.alphas.values(), 0.1)
    batches = [(torch.rand(4, 3, 12, 12), torch.arange(4) % 3) for _ in range(2)]
    speed.plain_step(net, sgd, adam, *batches)
    assert all(not torch.equal(value, before[name]) for name, value in net.named_parameters())
    assert isinstance(net, Supernet)


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match="unknown variant 'darts': choose one of plain, mixture, partial, sample, "):
        speed.measure("darts", 2, 0.0, 4, 3, 1, 1)


def test_the_net_that_is_timed_has_the_stem_of_the_search(monkeypatch):
    built, own = [], speed.Supernet
    monkeypatch.setattr(speed, "Supernet", lambda *given, **named: built.append(own(*given, **named)) or built[-1])
    speed.measure("sample", 4, 0.0, 8, 3, 1, 2)
    assert built[0].stem[0].stride == (2, 2)
