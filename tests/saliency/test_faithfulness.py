"""Nets whose answer rests on a known place: what a map of that place must score, and one of another place must not."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fer_nb.saliency import faithfulness, yardsticks
from fer_nb.saliency.maps import unit

PLACE = (slice(6, 18), slice(24, 36))  # rows and columns


class Bright(nn.Module):
    """Class 1 where PLACE is bright, as far as a sigmoid tells; nothing else counts."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(12.0))

    def forward(self, x):
        level = x[(..., *PLACE)].mean((1, 2, 3)) - 0.5
        return torch.stack([torch.zeros_like(level), self.scale * level], 1)


def conv_net():
    """stem, stage, pool, flatten, fc: the second class is brightness of PLACE's kind of texture, everywhere."""
    torch.manual_seed(0)
    parts = {"stem": nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU()), "stage": nn.Conv2d(8, 8, 3, 2, 1)}
    parts |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(8, 7)}
    net = nn.Sequential()
    for name, part in parts.items():
        net.add_module(name, part)
    return net.eval()


@pytest.fixture
def bright():
    return Bright().eval()


@pytest.fixture
def pictures():
    """Dark pictures with a bright square in PLACE, and class 1."""
    noise = torch.rand((5, 1, 44, 44), generator=torch.Generator().manual_seed(0)) * 0.2
    noise[(..., *PLACE)] += 0.7
    return noise.expand(-1, 3, -1, -1).contiguous(), torch.ones(5, dtype=torch.long)


def there(count=5):
    maps = torch.zeros(count, 1, 44, 44)
    maps[(..., *PLACE)] = 1.0
    return maps


def test_unit_scales_each_map_and_keeps_zeros():
    maps = torch.stack([torch.zeros(1, 3, 3), torch.full((1, 3, 3), 1e-30), torch.arange(9.0).view(1, 3, 3)])
    assert unit(maps).amax((1, 2, 3)).tolist() == [0, 1, 1]


@pytest.mark.parametrize("background", faithfulness.BACKGROUNDS)
def test_deletion_and_insertion(background, bright, pictures):
    inputs, target = pictures
    whole = faithfulness.probability(bright, inputs, target, "float32")
    gone = faithfulness.blurred(inputs) if background == "blur" else 0 * inputs
    none = faithfulness.probability(bright, gone, target, "float32")
    curve = {
        (kind, name): faithfulness.curves(bright, inputs, target, maps, kind, background, 11, "float32")
        for kind in ("deletion", "insertion")
        for name, maps in (("there", there()), ("elsewhere", 1 - there()), ("flat", torch.ones(5, 1, 44, 44)))
    }
    torch.testing.assert_close(curve["deletion", "there"][:, [0, -1]], torch.stack([whole, none], 1))
    torch.testing.assert_close(curve["insertion", "there"][:, [0, -1]], torch.stack([none, whole], 1))
    area = {key: faithfulness.area(value).mean().item() for key, value in curve.items()}
    assert area["deletion", "there"] < area["deletion", "flat"] - 0.1 < area["deletion", "elsewhere"] - 0.2
    assert area["insertion", "there"] > area["insertion", "flat"] + 0.1 > area["insertion", "elsewhere"] + 0.2
    # After the 144 pixels of the place (of 1,936: under one of 11 steps) nothing is left to lose.
    torch.testing.assert_close(curve["deletion", "there"][:, 1], none)


def test_area_under_a_line():
    assert faithfulness.area(torch.tensor([[1.0, 0.5, 0.0]])).item() == 0.5
    assert faithfulness.area(torch.ones(1, 9)).item() == pytest.approx(1)


def test_drop_and_increase(bright, pictures):
    inputs, target = pictures
    before, after = faithfulness.masked(bright, inputs, target, there(), "float32")
    torch.testing.assert_close(after, before)  # nothing that counts is taken away
    before, after = faithfulness.masked(bright, inputs, target, 1 - there(), "float32")
    assert (after < 0.01).all() and (before > 0.9).all()


def test_infidelity_is_least_for_the_map_that_foretells(bright, pictures):
    inputs, target = pictures
    maps = {"there": there(), "elsewhere": 1 - there(), "less": 0.2 * there()}
    found = faithfulness.infidelity(bright, inputs, target, maps, samples=200)
    scores = {name: values.mean().item() for name, values in found.items()}
    assert scores["there"] < 0.5 * scores["elsewhere"]
    assert scores["less"] == pytest.approx(scores["there"], rel=1e-4)  # a map has no unit


def test_infidelity_reads_each_picture_once_for_all_methods(bright, pictures, monkeypatch):
    maps, read, answer = {"there": there(), "elsewhere": 1 - there()}, [], faithfulness.probability

    def counted(net, inputs, *given, **options):
        read.append(len(inputs))
        return answer(net, inputs, *given, **options)

    monkeypatch.setattr(faithfulness, "probability", counted)
    alone = {
        name: faithfulness.infidelity(bright, *pictures, {name: one}, 8, chunk=2)[name] for name, one in maps.items()
    }
    pictures_of_both = sum(read)
    read.clear()
    together = faithfulness.infidelity(bright, *pictures, maps, 8, chunk=2)
    assert 2 * sum(read) == pictures_of_both < 2 * 2 * 5 * 8  # captum itself repeats the unchanged pictures
    torch.testing.assert_close(together, alone, rtol=0, atol=0)


def test_infidelity_of_the_contributions_to_a_linear_net_is_zero():
    weight = torch.rand(1, 1, 44, 44, generator=torch.Generator().manual_seed(1)) / 1936

    class Linear(nn.Module):
        """Its second class has the probability 0.1 plus the weighted sum of the picture's greys."""

        def __init__(self):
            super().__init__()
            self.least = nn.Parameter(torch.tensor(0.1))

        def forward(self, x):
            probability = self.least + (weight * x[:, :1]).sum((1, 2, 3))
            return torch.stack([1 - probability, probability], 1).log()

    inputs = torch.rand(3, 1, 44, 44, generator=torch.Generator().manual_seed(2)).expand(-1, 3, -1, -1).contiguous()
    maps = {"contributions": weight * inputs[:, :1], "slope": weight.expand(3, -1, -1, -1)}
    found = faithfulness.infidelity(Linear().eval(), inputs, torch.ones(3, dtype=torch.long), maps)
    assert (found["contributions"] < 1e-3 * found["slope"]).all()


def test_sensitivity_of_a_map_that_heeds_the_picture(bright, pictures):
    inputs, target = pictures
    still = faithfulness.sensitivity(yardsticks.centre(), inputs, target, chunk=2)
    assert still.shape == (5,) and still.tolist() == pytest.approx([0] * 5)

    def moving(inputs, target):
        return inputs[:, :1]

    found = faithfulness.sensitivity(moving, inputs, target)
    assert (found > 0).all()
    np.testing.assert_array_equal(found, faithfulness.sensitivity(moving, inputs, target))


def test_sensitivity_lets_methods_take_gradients(bright, pictures):
    assert (faithfulness.sensitivity(yardsticks.gradient(bright), *pictures) < 1e-3).all()


def test_loss_without_a_region(bright, pictures):
    region = there()[:, 0].bool()
    assert (faithfulness.loss_without(bright, *pictures, region, "float32") > 0.3).all()
    assert faithfulness.loss_without(bright, *pictures, ~region, "float32").tolist() == pytest.approx([0] * 5)


def test_measure_and_table(bright, pictures):
    maps = {"there": there(), "elsewhere": 1 - there()}
    erosion = {
        name: {key: faithfulness.curves(bright, *pictures, one, *of, 11) for key, of in faithfulness.EROSIONS.items()}
        for name, one in maps.items()
    }
    found = faithfulness.measure(bright, *pictures, maps, erosion, samples=20)
    found["there"]["sensitivity"] = 0.0
    table = faithfulness.faithfulness_table(found)
    assert list(table.columns) == ["metric", "better", "method", "mean", "low", "high", "pictures"]
    assert len(table) == 15 and set(table["metric"]) == set(faithfulness.BETTER)
    first = table.groupby("metric")["method"].first()
    assert (first.drop("increase") == "there").all()
    assert found["elsewhere"]["average drop"].min() > 90


def test_yardsticks_find_the_place(bright, pictures):
    for method in (yardsticks.gradient, yardsticks.integrated_gradients, yardsticks.occlusion):
        maps = method(bright)(*pictures)
        assert maps.shape == (5, 1, 44, 44) and not maps.requires_grad
        assert maps.amax((1, 2, 3)).tolist() == pytest.approx([1] * 5) and maps.min() >= 0
        assert (maps * there()).sum() / maps.sum() > (0.5 if method is yardsticks.occlusion else 0.99)


def test_every_yardstick_fits_the_signature_in_any_chunk(pictures):
    net, (inputs, target) = conv_net(), pictures
    names = ("MP", "Score-CAM", "gradient", "integrated gradients", "occlusion", "Grad-CAM", "random", "centre")
    every = yardsticks.makers(names, {"iterations": 2}, {"layer": "stage"})
    assert tuple(every) == names
    for name, make in every.items():
        maps = make(net)(inputs, target)
        assert maps.shape == (5, 1, 44, 44) and maps.isfinite().all() and maps.min() >= 0 and maps.max() <= 1, name
    for make in (yardsticks.gradient, yardsticks.integrated_gradients, yardsticks.occlusion, yardsticks.grad_cam):
        torch.testing.assert_close(make(net, chunk=2)(inputs, target), make(net)(inputs, target), atol=1e-4, rtol=0)


def test_grad_cam_is_the_weighted_sum_of_the_last_stage(pictures):
    net, (inputs, target) = conv_net(), pictures
    target = torch.arange(5)
    activation = net.stage(net.stem(inputs)).detach()
    weights = net.fc.weight[target] / activation[0, 0].numel()  # gradient of the logit through the mean
    expected = torch.einsum("nc,nchw->nhw", weights, activation).relu()[:, None]
    expected = torch.nn.functional.interpolate(expected, (44, 44), mode="bilinear", align_corners=False)
    torch.testing.assert_close(yardsticks.grad_cam(net)(inputs, target), unit(expected).detach())


def test_clear_errors(bright, pictures):
    inputs, target = pictures
    with pytest.raises(ValueError, match=r"training mode: call model.eval"):
        faithfulness.probability(bright.train(), inputs, target)
    bright.eval()
    with pytest.raises(ValueError, match="no method 'GradCAM': did you mean Grad-CAM"):
        yardsticks.makers(["random", "GradCAM"], {}, {})
    with pytest.raises(ValueError, match="kind is 'delete'"):
        faithfulness.curves(bright, inputs, target, there(), "delete", "blur")
    with pytest.raises(ValueError, match="unknown background 'grey': choose one of blur, black"):
        faithfulness.curves(bright, inputs, target, there(), "deletion", "grey")
    with pytest.raises(ValueError, match="5 of 11x11, what they are compared with is 5 of 44x44"):
        faithfulness.curves(bright, inputs, target, torch.ones(5, 1, 11, 11), "deletion", "blur")
    with pytest.raises(ValueError, match="5 pictures and 4 targets"):
        yardsticks.gradient(bright)(inputs, target[:4])
    with pytest.raises(ValueError, match=r"no layer 'stag': did you mean stage"):
        yardsticks.grad_cam(conv_net(), "stag")


def test_table_leaves_out_what_was_not_measured():
    table = faithfulness.faithfulness_table({"a": pd.DataFrame({"deletion, blur": [0.1, 0.3]})})
    assert table["metric"].tolist() == ["deletion, blur"] and table["mean"].tolist() == pytest.approx([0.2])
