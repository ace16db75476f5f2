import pytest
import torch
from torch.nn import functional

from fer_nb.background import pooling


@pytest.fixture
def maps():
    return torch.rand(2, 3, 6, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_windows_hold_each_value_once(maps):
    found = pooling.windows(maps)
    assert found.shape == (2, 3, 3, 2, 4)
    assert torch.equal(found[1, 2, 0, 1], maps[1, 2, :2, 2:].flatten())
    assert torch.equal(found.flatten().sort().values, maps.flatten().sort().values)


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_lp_pooling_is_torch_s(maps, p):
    torch.testing.assert_close(pooling.lp_pool(maps, p), functional.lp_pool2d(maps, p, 2))


def test_lp_pooling_goes_from_the_sum_to_the_maximum(maps):
    torch.testing.assert_close(pooling.lp_pool(maps, 1), 4 * functional.avg_pool2d(maps, 2))
    largest = functional.max_pool2d(maps, 2)
    torch.testing.assert_close(pooling.lp_pool(1e30 * maps, 1e6), 1e30 * largest, rtol=1e-5, atol=0)
    assert (pooling.lp_pool(maps, 5) > largest).all()
    assert pooling.lp_pool(torch.zeros(1, 1, 2, 2), 2) == 0


def test_mixed_pooling_is_the_maximum_or_the_mean(maps):
    found = pooling.mixed_pool(maps, torch.Generator().manual_seed(0))
    largest, mean = functional.max_pool2d(maps, 2), functional.avg_pool2d(maps, 2)
    assert ((found == largest) | (found - mean).abs().lt(1e-12)).all()
    assert 0 < (found == largest).double().mean() < 1


def test_stochastic_pooling_draws_values_as_often_as_they_are_large():
    maps = torch.tensor([[1.0, 3.0], [0.0, 6.0]]).expand(20_000, 1, 2, 2)
    found = pooling.stochastic_pool(maps, torch.Generator().manual_seed(0)).flatten()
    shares = {value: (found == value).double().mean().item() for value in (0, 1, 3, 6)}
    assert shares == pytest.approx({0: 0, 1: 0.1, 3: 0.3, 6: 0.6}, abs=0.01)
    assert pooling.stochastic_pool(torch.zeros(1, 1, 2, 2), torch.Generator()) == 0


def test_negative_values_are_refused(maps):
    for pool in (lambda x: pooling.lp_pool(x, 2), lambda x: pooling.stochastic_pool(x, torch.Generator())):
        with pytest.raises(ValueError, match="negative value"):
            pool(maps - 0.5)


def test_the_table_says_what_agrees(maps):
    table = pooling.agreement(maps[:1, :1], torch.Generator().manual_seed(0), draws=2000)
    average, four_times, torchs, largest, *draws = table["largest_difference"]
    assert average > 1 and max(four_times, torchs) < 1e-12 and largest < 0.01 and max(draws) < 0.05
