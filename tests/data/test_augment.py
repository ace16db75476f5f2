import pytest
import torch
from torchvision.transforms import functional

from fer_nb.data import augment


@pytest.fixture
def images():
    return torch.randint(0, 256, (6, 48, 48), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_shape_range_and_equal_channels(images):
    views = augment.augment(images, generator())
    assert views.shape == (6, 3, 44, 44) and views.dtype == torch.float32
    assert views.min() >= 0 and views.max() <= 1
    assert torch.equal(views[:, 0], views[:, 1]) and torch.equal(views[:, 0], views[:, 2])


def test_same_generator_same_views(images):
    assert torch.equal(augment.augment(images, generator(1)), augment.augment(images, generator(1)))
    assert not torch.equal(augment.augment(images, generator(1)), augment.augment(images, generator(2)))


def test_each_picture_has_its_own_random_numbers(images):
    views = augment.augment(images[:1].expand(8, 48, 48), generator())
    assert len({view.numpy().tobytes() for view in views}) == 8


def test_without_rotation_and_light_a_view_is_a_crop_or_its_mirror_image(images):
    pictures = images[:1].expand(200, 48, 48)
    views = augment.augment(pictures, generator(), rotation=0, brightness=0, contrast=0)
    crops = {}
    for mirrored in (False, True):
        for top in range(5):
            for left in range(5):
                crop = augment.as_input(images[:1, top : top + 44, left : left + 44])
                crops[mirrored, top, left] = crop.flip(-1) if mirrored else crop
    found = set()
    for view in views:
        distance = {place: (view - crop).abs().max().item() for place, crop in crops.items()}
        place = min(distance, key=distance.get)
        assert distance[place] < 1e-4
        found.add(place)
    assert len(found) > 40  # of 50 places, in 200 draws


def test_each_augmentation_can_be_left_out_and_leaves_the_others_as_they_are(images):
    off = {"rotation": 0, "brightness": 0, "contrast": 0, "random_crop": False, "flip": False}
    middle = augment.center_crop(images)
    torch.testing.assert_close(augment.augment(images, generator(), **off), middle, atol=1e-4, rtol=0)
    mirrored = augment.augment(images, generator(), **off | {"flip": True})
    turned = torch.rand(6, 6, generator=generator())[1] < 0.5
    assert turned.any() and not turned.all()
    expected = torch.where(turned.view(-1, 1, 1, 1), middle.flip(-1), middle)
    torch.testing.assert_close(mirrored, expected, atol=1e-4, rtol=0)


def test_a_small_view_is_the_window_scaled(images):
    y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    ramp = (2 * x + 3 * y).to(torch.uint8)[None].expand(8, 48, 48)
    still = {"rotation": 0, "brightness": 0, "contrast": 0}
    full, small = (augment.augment(ramp, generator(), **still, side=side) for side in (44, 22))
    assert small.shape == (8, 3, 22, 22)
    torch.testing.assert_close(small, torch.nn.functional.avg_pool2d(full, 2), atol=1e-4, rtol=0)  # of a plane
    assert torch.equal(augment.augment(images, generator(), side=44), augment.augment(images, generator()))


def test_rotation_agrees_with_torchvision():
    y, x = torch.meshgrid(torch.arange(48), torch.arange(48), indexing="ij")
    smooth = (128 + 60 * torch.sin(x / 7) + 60 * torch.cos(y / 9)).to(torch.uint8)
    view = augment.augment(smooth[None], generator(5), rotation=25, brightness=0, contrast=0)[0, :1]
    uniform = torch.rand(6, 1, generator=generator(5))[:, 0]
    angle, mirrored = (uniform[0].item() * 2 - 1) * 25, uniform[1] < 0.5
    left, top = (uniform[2:4] * 5).floor().int().tolist()
    expected = functional.rotate(
        augment.as_input(smooth[None])[0, :1],
        angle,
        functional.InterpolationMode.BILINEAR,
        center=[left + 22, top + 22],
    )[:, top : top + 44, left : left + 44]
    if mirrored:
        expected = functional.hflip(expected)
    middle = (slice(None), slice(10, 34), slice(10, 34))
    torch.testing.assert_close(view[middle], expected[middle], atol=0.02, rtol=0)


def test_brightness_and_contrast_stay_in_their_range():
    flat = torch.full((300, 48, 48), 128, dtype=torch.uint8)
    means = augment.augment(flat, generator(), rotation=0, brightness=0.2, contrast=0.5).mean((1, 2, 3)) - 128 / 255
    assert means.abs().max() <= 0.2 + 1e-6 and means.min() < -0.18 and means.max() > 0.18


def test_ten_crop_equals_torchvision(images):
    ours = augment.ten_crop(images)
    theirs = torch.stack(functional.ten_crop(augment.as_input(images), 44), dim=1)
    assert torch.equal(ours, theirs)
    assert torch.equal(augment.center_crop(images), ours[:, 4])


def greys(values):
    """Views of one grey each."""
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 3, 44, 44)


def test_erasing_covers_a_box_of_its_own_in_a_share_of_the_views():
    views = greys([2.0] * 400)
    erased = augment.erase(views, generator(), 0.25)
    assert erased.shape == views.shape and torch.equal(erased[:, 0], erased[:, 2])
    covered = erased[:, 0] != 2
    assert 0.18 < covered.flatten(1).any(1).float().mean() < 0.32
    areas = covered[covered.flatten(1).any(1)].float().mean((1, 2))
    assert areas.min() > 0.01 and areas.max() < 0.36 and areas.std() > 0.05
    for box in covered[covered.flatten(1).any(1)]:
        assert box.sum() == box.any(0).sum() * box.any(1).sum()  # a filled rectangle
    assert erased[:, 0][covered].min() >= 0 and erased[:, 0][covered].max() < 1
    assert torch.equal(augment.erase(views, generator(), 0.0), views)
    assert torch.equal(augment.erase(views, generator(3), 0.5), augment.erase(views, generator(3), 0.5))


@pytest.mark.parametrize("mix", [augment.mixup, augment.cutmix])
def test_mixed_targets_are_the_shares_of_the_pictures(mix):
    classes = 7
    labels = torch.arange(210) % classes
    views = greys(labels.float().tolist())
    mixed, targets = mix(views, torch.nn.functional.one_hot(labels, classes).float(), generator(), 0.8)
    assert mixed.shape == views.shape and torch.equal(mixed[:, 0], mixed[:, 1])
    torch.testing.assert_close(targets.sum(1), torch.ones(210))
    # a grey is its label's number, so the mean grey is the mean label
    torch.testing.assert_close(mixed.mean((1, 2, 3)), targets @ torch.arange(7.0), atol=1e-4, rtol=0)
    own = targets[torch.arange(210), labels]
    assert own.min() > 0.49 and own.unique().numel() > 25  # the larger share, and a draw of its own
    blended = len(mixed[0].unique()) == 1
    assert blended == (mix is augment.mixup)


def test_beta_has_its_mean_and_variance():
    draws = augment.beta(20000, 0.2, generator())
    assert draws.mean().item() == pytest.approx(0.5, abs=0.01)
    assert draws.var().item() == pytest.approx(0.25 / 1.4, abs=0.005)
