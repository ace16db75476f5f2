import numpy as np
import pytest
import torch
from planted import detector, stripes

from fer_nb.nets import models
from fer_nb.saliency import speed
from fer_nb.speed import timing


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return models.build("lightResNetl").eval()


def faces(count):
    return torch.rand(count, 3, 44, 44, generator=torch.Generator().manual_seed(0)), torch.arange(count) % 7


def test_each_variant_is_measured(net, monkeypatch):
    monkeypatch.setattr(timing, "in_fresh_processes", lambda measure, cases, what: [measure(*case) for case in cases])
    # MP alone: the 512 forward passes of Score-CAM are for the notebook
    table = speed.compare(net, "lightResNetl", *faces(3), gflops=100, methods=["MP"], iterations=4, few=1)
    assert list(table["variant"]) == list(speed.VARIANTS["MP"]) and list(table["pictures"]) == [1, 1, 3, 3, 3]
    assert table["ratio"][0] == 1 and (table["seconds"] > 0).all() and (table["memory_mb"] > 50).all()
    assert table["bare_ratio"].isna().all() and table["correlation"][0] == 1


def measured(monkeypatch, installed):
    """``compare`` of both methods with made-up measurements, with or without pytorch-grad-cam."""
    taken = {("Score-CAM", "pytorch-grad-cam"): 8.0, ("Score-CAM", "ours"): 2.0, ("MP", "one at a time"): 9.0}
    taken |= {("MP", "one at a time, frozen weights"): 6.0, ("MP", "ours, float32"): 3.0, ("MP", "ours"): 2.0}
    taken |= {("MP", "ours, until settled"): 1.0}
    rng = np.random.default_rng(0)
    right, other = rng.random((3, 4, 4)), rng.random((3, 4, 4))

    def found(function, cases, what):
        for _, _, pictures, _, method, variant, _ in cases:
            maps = (other if "settled" in variant else right)[: len(pictures)]
            row = {"method": method, "variant": variant, "seconds": taken[method, variant], "memory_mb": 60.0}
            yield row | {"maps": maps}

    monkeypatch.setattr(timing, "in_fresh_processes", lambda *given: list(found(*given)))
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: installed or None)
    monkeypatch.setattr(speed, "bare", lambda name, gflops: 150 / gflops)
    return speed.compare(models.build("lightResNetl"), "lightResNetl", *faces(3), gflops=100, few=1, repeats=2)


def test_ratios_are_to_the_usual_code_and_aims_want_the_same_maps(monkeypatch):
    table = measured(monkeypatch, True).set_index(["method", "variant"])
    assert table["ratio"].tolist() == [1, 4, 1, 1.5, 3, 4.5, 9] and table["pictures"].tolist() == [1, 3, 1, 1, 3, 3, 3]
    assert table["correlation"].iloc[:6].tolist() == pytest.approx([1] * 6) and table["correlation"].iloc[6] < 0.9
    assert table["bare_ratio"].iloc[1] == pytest.approx(2 / 1.5) and table["bare_ratio"].iloc[2:].isna().all()
    first, second, third, fourth = speed.words(table.reset_index(), 20).split("\n")
    assert "**4.00** times" in first and first.endswith("(aim: 3.5 times, above 0.98: reached).")
    assert "**4.50** times" in second and "with 20 iterations;" in second and second.endswith("above 0.98: reached).")
    assert "**9.00** times" in third and "not reached" in third  # fast, but other maps
    assert "**1.33** times as long" in fourth and fourth.endswith("(aim: at most 1.4: reached).")


def test_without_pytorch_grad_cam_its_row_is_left_out_and_that_is_said(monkeypatch):
    table = measured(monkeypatch, False)
    assert table["variant"].iloc[0] == "ours" and table[["ratio", "correlation"]].iloc[0].isna().all()
    assert table["bare_ratio"].iloc[0] == pytest.approx(2 / 1.5)
    assert "pytorch-grad-cam is not installed here, so there is no ratio" in speed.words(table, 20).split("\n")[0]


def test_the_usual_code_and_ours_give_the_same_maps(net, monkeypatch):
    monkeypatch.setattr(speed, "LAYER", "stage2")
    inputs, target = faces(1)
    usual, ours = (speed.attribution(net, "Score-CAM", one, 0)(inputs, target) for one in speed.VARIANTS["Score-CAM"])
    assert usual.shape == ours.shape == (1, 1, 44, 44) and usual.max() > 0.99
    assert speed.lowest_correlation(usual[:, 0].numpy(), ours[:, 0].numpy()) > 0.999

    net, target = detector(), torch.tensor([1])
    first, *others = (speed.attribution(net, "MP", one, 20)(stripes(), target) for one in speed.VARIANTS["MP"])
    # Ours folds the batch norms; Adam carries the rounding on by up to some thousandths of the map, by processor.
    assert first.max() > 0.5 and all(torch.allclose(first, one, atol=1e-2) for one in others[:2])
    assert speed.lowest_correlation(first[:, 0].numpy(), others[2][:, 0].numpy()) > 0.98


def test_correlation_and_bare_forwards():
    maps = np.random.default_rng(0).random((3, 4, 4))
    assert speed.lowest_correlation(maps, maps[:2]) == pytest.approx(1)
    assert speed.lowest_correlation(maps, np.stack([maps[0], -maps[1]])) == pytest.approx(-1)
    assert speed.lowest_correlation(maps * 0, maps * 0) == 1 and speed.lowest_correlation(maps, maps * 0) == 0
    macs = models.count(models.build("lightResNetl"))["macs"].sum()
    assert speed.bare("lightResNetl", gflops=2e-9 * macs, channels=3) == pytest.approx(3)


def test_what_is_unknown_is_named(net):
    with pytest.raises(ValueError, match="unknown variant of MP 'theirs': choose one of one at a time"):
        speed.attribution(net, "MP", "theirs", 1)
    with pytest.raises(ValueError, match="unknown method 'CAM': choose one of Score-CAM, MP"):
        speed.compare(net, "lightResNetl", *faces(1), gflops=1, methods=["CAM"])
    with pytest.raises(ValueError, match="no picture to explain: give at least one"):
        speed.compare(net, "lightResNetl", *faces(1), gflops=1, few=0)
