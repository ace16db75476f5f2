import numpy as np
import pytest
import torch
from planted import detector, stripes

from fer_nb import models
from fer_nb.saliency import speed


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return models.build("lightResNetl").eval()


def faces(count):
    return torch.rand(count, 3, 44, 44, generator=torch.Generator().manual_seed(0)), torch.arange(count) % 7


def test_each_variant_is_measured_in_a_process_of_its_own(net, monkeypatch):
    monkeypatch.setattr(speed, "VARIANTS", {"MP": speed.VARIANTS["MP"]})  # 512 forwards a picture are for the notebook
    table = speed.compare(net, "lightResNetl", *faces(3), iterations=4, few=1)
    assert list(table["variant"]) == list(speed.VARIANTS["MP"]) and list(table["pictures"]) == [1, 1, 3, 3]
    assert table["ratio"][0] == 1 and (table["seconds"] > 0).all() and (table["memory_mb"] > 50).all()


def test_the_usual_code_and_ours_give_the_same_maps(net, monkeypatch):
    monkeypatch.setattr(speed, "LAYER", "stage2")
    inputs, target = faces(1)
    usual, ours = (speed.attribution(net, "Score-CAM", one, 0)(inputs, target) for one in speed.VARIANTS["Score-CAM"])
    assert usual.shape == ours.shape == (1, 1, 44, 44) and usual.max() > 0.99
    assert speed.lowest_correlation(usual[:, 0].numpy(), ours[:, 0].numpy()) > 0.999

    net, target = detector(), torch.tensor([1])
    first, *others = (speed.attribution(net, "MP", one, 20)(stripes(), target) for one in speed.VARIANTS["MP"])
    assert first.max() > 0.5 and all(torch.allclose(first, one, atol=1e-3) for one in others[:2])


def test_correlation_and_bare_forwards():
    maps = np.random.default_rng(0).random((3, 4, 4))
    assert speed.lowest_correlation(maps, maps[:2]) == pytest.approx(1)
    assert speed.lowest_correlation(maps, np.stack([maps[0], -maps[1]])) == pytest.approx(-1)
    assert speed.lowest_correlation(maps * 0, maps * 0) == 1 and speed.lowest_correlation(maps, maps * 0) == 0
    macs = models.count(models.build("lightResNetl"))["macs"].sum()
    assert speed.bare("lightResNetl", gflops=2e-9 * macs, channels=3) == pytest.approx(3)


def test_what_is_unknown_is_named(net):
    with pytest.raises(ValueError, match="unknown variant 'theirs' of 'MP': choose one of Score-CAM: pytorch-grad-cam"):
        speed.attribution(net, "MP", "theirs", 1)
