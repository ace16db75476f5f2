import pytest
import torch
from planted import PLACES, Fails, detector, follows, random_net, share, stripes, traces
from torch import nn

from fer_nb.saliency import mp
from fer_nb.saliency.mp import MeaningfulPerturbation

QUICK = {"iterations": 60, "progress": False}


def noise(count):
    return torch.rand(count, 3, 44, 44, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("perturbation", mp.PERTURBATIONS)
@pytest.mark.parametrize("target", [0, 1])
def test_a_planted_object_is_deleted_and_nothing_else(perturbation, target):
    options = {"lambda1": 0.2, "lambda2": 0.05, "noise": 0.05, **QUICK}
    found = MeaningfulPerturbation(detector(), perturbation, **options).explain(stripes(), target)
    assert found.map.shape == (1, 1, 44, 44) and found.map.min() >= 0 and 0.9 < found.map.max() <= 1
    assert share(found.map, PLACES[target]) > 0.8 and share(found.map, PLACES[1 - target]) < 0.1
    assert found.after < found.before - 0.3 and 0.02 < found.area < 0.25


def test_with_random_weights_the_maps_no_longer_follow_the_object():
    def maps_of(net, picture, target):
        options = QUICK | {"iterations": 30}
        return MeaningfulPerturbation(net, lambda1=0.01, lambda2=0.01, **options).attribute(picture, target)

    assert follows(maps_of, [detector()]) > 0.5
    assert abs(follows(maps_of, map(random_net, range(6)))) < 0.2


def test_what_comes_back_fits_together():
    net, inputs, targets = detector(), torch.cat([stripes(), stripes(), stripes().flip(2)]), torch.tensor([0, 1, 0])
    method = MeaningfulPerturbation(net, resolution=14, **QUICK)
    found = method.explain(inputs, targets)
    assert torch.equal(found.map, method.attribute(inputs, targets))
    assert found.mask.shape == (3, 1, 14, 14) and found.mask.min() >= 0 and found.mask.max() <= 1
    keep = nn.functional.interpolate(found.mask, (44, 44), mode="bilinear")
    assert torch.allclose(found.map, 1 - keep) and torch.allclose(found.area, found.map.mean((1, 2, 3)))
    untouched = (found.map == 0).expand_as(inputs)
    assert torch.allclose(found.perturbed[untouched], inputs[untouched])
    with torch.no_grad():
        before, after = (net(x).softmax(1)[range(3), targets] for x in (inputs, found.perturbed))
    assert torch.allclose(found.before, before, atol=1e-5) and torch.allclose(found.after, after, atol=1e-5)
    assert (found.after < found.before).all() and (found.iterations == QUICK["iterations"]).all()


def test_a_large_lambda1_leaves_everything():
    small, large = (MeaningfulPerturbation(detector(), lambda1=weight, **QUICK) for weight in (0.001, 100.0))
    assert small.explain(stripes(), 0).area > 0.02 and large.explain(stripes(), 0).area < 1e-3


@pytest.mark.parametrize("perturbation", mp.PERTURBATIONS)
def test_many_at_once_give_the_maps_of_one_at_a_time(perturbation):
    net, inputs, targets = random_net(3, torch.float64), noise(3).double(), torch.tensor([0, 1, 2])
    options = {"perturbation": perturbation, "average": 10, "settled": 0.99, **QUICK}
    one = MeaningfulPerturbation(net, chunk=1, **options)
    alone = [one.explain(inputs[i : i + 1], i) for i in range(3)]
    for chunk in (1, 2, 100, None):
        together = MeaningfulPerturbation(net, chunk=chunk, **options).explain(inputs, targets)
        for i, found in enumerate(alone):
            assert all(torch.allclose(a[0], b[i], atol=1e-8) for a, b in zip(found, together, strict=True))


def test_the_seed_decides_and_torch_s_own_generator_is_left_alone():
    net, inputs = random_net(0), noise(1)
    state = torch.get_rng_state()
    first, again, other = (
        MeaningfulPerturbation(net, "noise", lambda1=0.001, seed=seed, **QUICK).attribute(inputs, 1)
        for seed in (0, 0, 1)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_backgrounds():
    inputs, generator = noise(2), torch.Generator().manual_seed(0)
    made = {
        name: MeaningfulPerturbation(random_net(0), name).background(inputs, generator) for name in mp.PERTURBATIONS
    }
    mean = inputs.mean((2, 3), keepdim=True)
    assert torch.allclose(made["constant"], mean.expand_as(inputs))
    assert 0.18 < (made["noise"] - mean).std() < 0.22 and made["noise"].min() >= 0 and made["noise"].max() <= 1
    # Noise of 44 x 44 pixels, seen through a Gaussian of sigma 5, has 1 / (2 sqrt(pi) 5) of its deviation left.
    assert (made["blur"] - mean).std() < 0.03 and made["blur"].shape == inputs.shape


def test_shifts_move_the_picture_and_not_the_mask():
    method = MeaningfulPerturbation(random_net(0), jitter=2)
    picture = torch.arange(8.0).expand(1, 3, 8, 8)
    padded = [nn.functional.pad(picture, [2] * 4, mode="replicate")]
    (moved,) = method.shifted(padded, (0, 1))
    assert moved[0, 0, 0].tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    (moved,) = method.shifted(padded, (2, -2))
    assert moved[0, 0, 0].tolist() == [2, 3, 4, 5, 6, 7, 7, 7]


def test_a_mask_that_has_settled_ends_its_picture_alone():
    inputs = torch.cat([stripes(), torch.full((1, 3, 44, 44), 0.3)])  # in the second one there is nothing to delete
    options = {"average": 10, "iterations": 200, "progress": False}
    found = MeaningfulPerturbation(detector(), settled=0.99, **options).explain(inputs, 0)
    assert found.iterations[1] == 20 < found.iterations[0] < 200 and not found.map[1].any()
    exact = MeaningfulPerturbation(detector(), **options).attribute(inputs[:1], 0)
    assert torch.corrcoef(torch.stack([found.map[0].flatten(), exact.flatten()]))[0, 1] > 0.98


def test_the_mask_is_the_mean_of_the_last_iterations():
    masks = [torch.full((2, 1, 1, 2), float(value)) for value in range(6)]
    means = mp.Means(masks[0], window=3, settled=None)
    for t, mask in enumerate(masks[1:], start=1):
        assert means.add(t, torch.arange(2), mask) is None
    found, iterations = means.result(5)
    assert torch.equal(found, masks[4]) and iterations.tolist() == [5, 5]


@pytest.mark.parametrize("when", [lambda x: False, lambda x: x.requires_grad])
def test_the_net_is_left_as_it_was_also_after_a_failure(when):
    net = random_net(0)
    net.dropout = Fails(when).eval()
    next(net.parameters()).requires_grad = False
    before = traces(net)
    try:
        MeaningfulPerturbation(net, **QUICK).attribute(noise(1), 1)
        failed = False
    except RuntimeError as error:
        failed = str(error) == "planted"
    assert failed == when(torch.zeros(1, requires_grad=True)) and traces(net) == before


def test_bad_input_is_refused():
    net = random_net(0)
    with pytest.raises(ValueError, match="no convolution layer"):
        MeaningfulPerturbation(nn.Linear(2, 2).eval())
    with pytest.raises(ValueError, match="the net is in training mode"):
        MeaningfulPerturbation(random_net(0).train())
    with pytest.raises(ValueError, match="unknown perturbation 'black': choose one of constant, noise, blur"):
        MeaningfulPerturbation(net, "black")
    with pytest.raises(ValueError, match="iterations is 0: it must be at least 1"):
        MeaningfulPerturbation(net, iterations=0)
    with pytest.raises(ValueError, match="lambda1 is -1"):
        MeaningfulPerturbation(net, lambda1=-1)
    method = MeaningfulPerturbation(net, **QUICK)
    with pytest.raises(ValueError, match="target 3 is out of range"):
        method.attribute(noise(1), 3)
    with pytest.raises(ValueError, match="holds NaN"):
        method.attribute(noise(1) * torch.nan, 0)
    with pytest.raises(ValueError, match=r"\(N, 3, 44, 44\)"):
        method.attribute(torch.zeros(1, 1, 44, 44), 0)
    net.train()
    with pytest.raises(ValueError, match="the net is in training mode"):
        method.attribute(noise(1), 0)
