import numpy as np
import torch
from torch import nn

from fer_nb.nets import field, models


def test_a_pixel_counts_where_the_net_looks():
    """A net of 1x1 convolutions that averages the top-left quarter sees that, and half a stride around it."""
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AvgPool2d(8), models.TopLeftAveragePool(), nn.Flatten())
    found = field.effective_field(net, torch.rand(2, 3, 64, 64))
    assert found.shape == (64, 64) and found.max() == 1
    assert (found[:32, :32] > field.FADED).all() and not found[36:].any() and not found[:, 36:].any()
    assert 25 < field.share(found) < 100 * (36 / 64) ** 2 + 1e-9


def test_the_global_pool_sees_more_by_the_same_weights():
    state = torch.get_rng_state()
    found = field.fields(seeds=1, pictures=1)
    assert torch.equal(torch.get_rng_state(), state)
    table = field.field_table(found).set_index("model")
    assert (table["times"] > 1).all() and (table["global_pool"] == 100).all() and (table["seeds"] == 1).all()
    assert table["times_low"].isna().all()  # one net has no interval
    again = field.fields(seeds=1, pictures=1)
    assert np.array_equal(again["lightResNetl"]["pool_4x4"], found["lightResNetl"]["pool_4x4"])
    assert len(field.draw_fields(found).axes) == 7
