"""Changes of the picture: each against torchvision or by hand, and back; the tables on a net that sees brightness."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.transforms import functional

from fer_nb.data import augment
from fer_nb.intervals import wilson
from fer_nb.saliency import robustness

CLASSES = ("Sad", "Happy")


class TopBright(nn.Module):
    """Happy where the upper half is brighter than 0.5."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, x):
        level = x[:, :, :22].mean((1, 2, 3)) - 0.5
        return torch.stack([-self.scale * level, self.scale * level], 1)


@pytest.fixture
def images():
    return torch.randint(0, 256, (6, 48, 48), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.fixture
def smooth():
    y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    return (128 + 60 * torch.sin(x / 7) + 60 * torch.cos(y / 9)).to(torch.uint8)[None]


@pytest.mark.parametrize("name", robustness.LADDER)
def test_strength_0_is_the_picture_and_every_rung_is_a_picture(name, images):
    assert torch.equal(robustness.transform(images, {name: 0.0}), augment.center_crop(images))
    for strength in robustness.LADDER[name]:
        found = robustness.transform(images, {name: strength})
        assert found.shape == (6, 3, 44, 44) and found.dtype == torch.float32
        assert found.min() >= 0 and found.max() <= 1
    assert torch.equal(robustness.transform(images.numpy(), {name: 1.0}), robustness.transform(images, {name: 1.0}))


def test_brightness_and_contrast(images):
    middle = augment.center_crop(images)
    torch.testing.assert_close(robustness.transform(images, {"brightness": 0.2}), (middle + 0.2).clamp(max=1))
    less = robustness.transform(images, {"contrast": -0.5})
    torch.testing.assert_close(less.mean((2, 3)), middle.mean((2, 3)))
    torch.testing.assert_close(less.std((2, 3)), middle.std((2, 3)) / 2)


def test_flips_are_torchvisions(images):
    middle = augment.center_crop(images)
    assert torch.equal(robustness.transform(images, {"horizontal flip": 1}), functional.hflip(middle))
    assert torch.equal(robustness.transform(images, {"vertical flip": 1}), functional.vflip(middle))


@pytest.mark.parametrize("degrees", [-20.0, 10.0, 45.0])
def test_rotation_is_torchvisions(degrees, smooth):
    ours = robustness.transform(smooth, {"rotation": degrees})
    bilinear = functional.InterpolationMode.BILINEAR
    theirs = functional.rotate(augment.as_input(smooth), degrees, bilinear)[..., 2:46, 2:46]
    torch.testing.assert_close(ours[..., 10:34, 10:34], theirs[..., 10:34, 10:34], atol=0.01, rtol=0)


@pytest.mark.parametrize(("name", "strength"), [("rotation", 30.0), ("vertical flip", 1.0), ("horizontal flip", 1.0)])
def test_a_map_is_laid_back_on_its_picture(name, strength, smooth):
    changed = robustness.transform(smooth, {name: strength})[:, :1]
    assert (changed - robustness.transform(smooth, {name: 0.0})[:, :1]).abs().max() > 0.2
    back, known = robustness.turn_back(changed, name, strength), robustness.known_after(name, strength)
    difference = (back - robustness.transform(smooth, {name: 0.0})[:, :1]).abs()[0, 0].numpy()
    assert difference[known].max() < 0.03
    assert known.mean() == 1 if "flip" in name else 0.7 < known.mean() < 0.95


def test_predictions_and_curves():
    model = TopBright().eval()
    shade = np.array([100, 120, 140, 200], np.uint8)  # Sad Sad Happy Happy
    images = np.tile(shade[:, None, None], (1, 48, 48))
    ladder = {"brightness": (-0.1, 0.1), "vertical flip": (1.0,)}
    table = robustness.predictions(model, images, np.array([0, 0, 1, 0]), CLASSES, ladder, "float32", progress=False)
    assert len(table) == 4 * (3 + 2)
    darker = table[table["strength"] == -0.1]
    assert darker["before"].tolist() == ["Sad", "Sad", "Happy", "Happy"]
    assert darker["predicted"].tolist() == ["Sad", "Sad", "Sad", "Happy"]
    level = 10 * (140 / 255 - 0.1 - 0.5)
    assert darker["probability"].iloc[2] == pytest.approx(1 / (1 + np.exp(-2 * level)), rel=1e-4)

    curves = robustness.curves(table).set_index(["transform", "strength", "quantity"])
    assert curves.loc[("brightness", 0.0, "accuracy"), ["mean", "low", "high"]].tolist() == pytest.approx(
        [75, *wilson(75, 4)]
    )
    assert curves.loc[("brightness", -0.1, "accuracy"), "mean"] == 50
    assert curves.loc[("brightness", -0.1, "accuracy change"), "mean"] == -25
    assert curves.loc[("brightness", -0.1, "kept"), ["mean", "pictures"]].tolist() == pytest.approx([200 / 3, 3])
    assert curves.loc[("brightness", 0.1, "accuracy change"), "mean"] == -25  # 120 becomes Happy
    assert curves.loc[("vertical flip", 1.0, "kept"), "mean"] == 100


def test_three_frames_of_a_sequence_count_once():
    """The curves of 33 pictures and of the same ones three times each."""
    rng, model = np.random.default_rng(0), TopBright().eval()
    images = np.tile(rng.integers(90, 170, (33, 1, 1), np.uint8), (1, 48, 48))
    labels, ladder = rng.integers(0, 2, 33), {"brightness": (-0.1, 0.1)}
    given = {"ladder": ladder, "precision": "float32", "progress": False}
    once = robustness.predictions(model, images, labels, CLASSES, **given)
    tripled = [np.repeat(values, 3, axis=0) for values in (images, labels, np.arange(33))]
    thrice = robustness.predictions(model, *tripled[:2], CLASSES, **given, groups=tripled[2])
    pd.testing.assert_frame_equal(robustness.curves(thrice), robustness.curves(once))

    def lowest(inputs, target):
        return (inputs[:, :1] * torch.linspace(0, 1, 44)).clamp(max=0.4)

    similar = [
        robustness.map_similarity(lowest, some, torch.zeros(len(some)), ladder, groups)
        for some, groups in ((images, None), tripled[::2])
    ]
    pd.testing.assert_frame_equal(*similar)


def test_map_similarity(smooth):
    images, target = smooth.repeat(3, 1, 1), torch.zeros(3, dtype=torch.long)

    def follows(inputs, target):
        return inputs[:, :1]

    def stays(inputs, target):
        return torch.linspace(0, 1, 44).view(1, 1, 44, 1).expand(len(inputs), 1, 44, 44)

    ladder = {"brightness": (0.05,), "rotation": (20.0,), "vertical flip": (1.0,)}
    means = {}
    for attribution in (follows, stays):
        table = robustness.map_similarity(attribution, images, target, ladder)
        assert set(table["quantity"]) == {"spearman", "overlap", "ssim"} and len(table) == 3 * 2 * 3
        keys = ["transform", "strength", "quantity"]
        means[attribution] = table.set_index(keys)["mean"]
        assert means[attribution].xs(0.0, level="strength").to_numpy() == pytest.approx(1)
    assert (means[follows].xs("spearman", level="quantity") > 0.995).all()
    assert means[stays]["vertical flip", 1.0, "spearman"] == pytest.approx(-1)
    assert means[stays]["brightness", 0.05, "spearman"] == pytest.approx(1)
    assert means[stays]["rotation", 20.0, "spearman"] < 0.97


def test_strengths():
    assert robustness.strengths("all") is robustness.LADDER
    assert robustness.strengths("judged")["rotation"] == (10.0,)
    with pytest.raises(ValueError, match="judged"):
        robustness.strengths("some")


def test_several_changes_are_made_in_order(images):
    made = robustness.transform(images, {"brightness": 0.1, "contrast": 0.5, "vertical flip": 1.0, "rotation": 0.0})
    flipped = functional.vflip(augment.center_crop(images))
    mean = flipped.mean((2, 3), keepdim=True)
    torch.testing.assert_close(made, ((flipped - mean) * 1.5 + mean + 0.1).clamp(0, 1))
    assert torch.equal(robustness.transform(images, {}), augment.center_crop(images))


@pytest.mark.parametrize(
    ("name", "strength", "message"),
    [
        ("zoom", 1.0, "unknown transform 'zoom': choose one of brightness"),
        ("vertical flip", 0.5, "strength of vertical flip is 0.5"),
        ("contrast", -1.5, "strength of contrast is -1.5"),
        ("brightness", float("nan"), "strength of brightness is nan"),
    ],
)
def test_clear_errors(name, strength, message, images):
    with pytest.raises(ValueError, match=message):
        robustness.transform(images, {name: strength})
