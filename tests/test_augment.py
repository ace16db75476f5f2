import pytest
import torch
from torchvision.transforms import functional

from fer_nb import augment


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
