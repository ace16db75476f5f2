import numpy as np
import pytest
import torch
from planted import CONSTANT, DEAD, PLACES, Fails, detector, follows, random_net, share, stripes, traces
from pytorch_grad_cam import ScoreCAM as Reference
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from fer_nb.nets import device, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.genotypes import KNOWN
from fer_nb.saliency import score_cam, yardsticks
from fer_nb.saliency.score_cam import ScoreCAM


def attribute(net, inputs, target, layer=None, **options):
    return ScoreCAM(net, layer, progress=False, **options).attribute(inputs, target)


def noise(count, seed=0):
    return torch.rand(count, 3, 44, 44, generator=torch.Generator().manual_seed(seed))


def reference(net, layer, inputs, targets):
    with Reference(net, [layer]) as method:
        return method(inputs, [ClassifierOutputTarget(target) for target in targets])


def light_net():
    torch.manual_seed(0)
    net = models.build("lightResNetl").eval()
    for norm in (layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean, std=0.1)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return net


# pytorch-grad-cam upsamples its masks with align_corners=True; the black baseline, which it leaves out, cancels in the
# softmax. All else is the same.
@pytest.mark.parametrize("seed", range(4))
def test_maps_equal_those_of_pytorch_grad_cam(seed):
    net, inputs, targets = random_net(seed), noise(2, seed), [0, 2]
    wanted = reference(net, net.stage, inputs, targets)
    assert wanted.max() > 0.99
    ours = attribute(net, inputs, torch.tensor(targets), align_corners=True)
    assert np.abs(ours[:, 0].numpy() - wanted).max() < 1e-3


def test_maps_equal_those_of_pytorch_grad_cam_in_the_thesis_net():
    net, inputs = light_net(), noise(1)
    wanted = reference(net, net.stage2, inputs, [3])
    ours = attribute(net, inputs, 3, "stage2", align_corners=True)
    assert wanted.max() > 0.99 and np.abs(ours[:, 0].numpy() - wanted).max() < 1e-3


def test_the_default_layer_is_the_last_stage_and_any_other_is_taken_by_its_path():
    net = random_net(0)
    assert ScoreCAM(light_net()).layer == "stage5"
    default = attribute(net, noise(1), 1)
    assert torch.equal(default, attribute(net, noise(1), 1, "stage"))
    assert not torch.allclose(default, attribute(net, noise(1), 1, "stem.0"), atol=0.1)


def test_the_default_layer_of_a_searched_net_is_its_last_cell():
    net = SearchedNet(KNOWN["DARTS_V2"], 3, channels=4, cells=3).eval()
    assert ScoreCAM(net).layer == "cells.2"
    assert torch.equal(attribute(net, noise(1), 1), attribute(net, noise(1), 1, "cells.2"))
    assert yardsticks.grad_cam(net)(noise(1), torch.tensor([1])).shape == (1, 1, 44, 44)


@pytest.mark.parametrize("score", ["logit", "probability"])
@pytest.mark.parametrize("target", [0, 1])
def test_a_planted_object_is_found(target, score):
    found = attribute(detector(), stripes(), target, score=score)
    assert found.shape == (1, 1, 44, 44) and found.min() == 0 and found.max() == 1
    at, elsewhere = share(found, PLACES[target]), share(found, PLACES[1 - target])
    # Four probabilities spread the weights less than four logits do.
    assert at > (0.8 if score == "logit" else 0.5) and at > 2 * elsewhere


def test_with_random_weights_the_maps_no_longer_follow_the_object():
    assert follows(attribute, [detector()]) > 0.7
    assert abs(follows(attribute, map(random_net, range(6)))) < 0.2


@pytest.mark.parametrize("chunk", [1, 2, 3, 100, None])
def test_any_chunk_size_gives_the_same_maps(chunk):
    net, inputs, targets = random_net(2, torch.float64), noise(3).double(), torch.tensor([0, 1, 2])
    wanted = torch.cat([attribute(net, inputs[i : i + 1], i, chunk=4) for i in range(3)])
    assert torch.allclose(attribute(net, inputs, targets, chunk=chunk), wanted, atol=1e-12)


def test_constant_channels_mask_everything_away(monkeypatch):
    """Their score is that of the black picture; their masked forwards are left out."""
    net, picture = detector(), stripes()
    seen = []
    call = score_cam.FastNet.__call__
    monkeypatch.setattr(score_cam.FastNet, "__call__", lambda self, x: seen.append(len(x)) or call(self, x))
    found = attribute(net, picture, 0, chunk=1)
    assert sum(seen) == 1 + 2  # the black picture, and the two channels that vary

    with torch.no_grad():
        maps = net.stage(net.stem(picture))[0]
        assert maps[CONSTANT].min() == maps[CONSTANT].max() == 0.5 and not maps[DEAD].any()
        masks = score_cam.min_max(score_cam.upsample(maps[:, None], (44, 44)))
        scores = (net(masks * picture) - net(picture * 0))[:, 0]
        weighted = (scores.softmax(0)[:, None, None] * maps).sum(0).relu()
    wanted = score_cam.min_max(score_cam.upsample(weighted[None, None], (44, 44)))
    assert torch.allclose(found, wanted, atol=1e-5)


def test_a_map_that_is_nowhere_positive_stays_zero():
    net = random_net(0)
    with torch.no_grad():
        net.stage[0].weight.abs_()
        net.stage[0].bias.fill_(-100)
    net.stage = net.stage[:1].eval()  # all maps below 0
    assert not attribute(net, noise(2), 1).any()


@pytest.mark.skipif(not device.has_bfloat16(), reason="this processor computes no convolutions in bfloat16")
def test_maps_of_half_precision_are_close_to_the_full_ones():
    full, half = (attribute(random_net(1), noise(2), 2, precision=precision) for precision in (None, "bfloat16"))
    assert half.dtype == torch.float32 and not torch.equal(full, half) and (full - half).abs().max() < 0.05


def test_the_net_is_left_as_it_was():
    net = random_net(0)
    next(net.parameters()).requires_grad = False
    before = traces(net)
    attribute(net, noise(1), 1)
    assert traces(net) == before


# In the forward that takes the maps, and in the masked ones.
@pytest.mark.parametrize("when", [torch.any, lambda x: len(x) > 1], ids=["maps", "masks"])
def test_a_failure_leaves_the_net_as_it_was(when):
    net = random_net(0)
    net.dropout = Fails(when).eval()
    next(net.parameters()).requires_grad = False
    before = traces(net)
    with pytest.raises(RuntimeError, match="planted"):
        attribute(net, noise(1), 1, chunk=2)
    assert traces(net) == before


def test_bad_nets_are_refused():
    with pytest.raises(ValueError, match="Sequential has no convolution layer"):
        ScoreCAM(nn.Sequential(nn.Flatten(), nn.Linear(3 * 44 * 44, 7)).eval())
    with pytest.raises(ValueError, match="the net is in training mode"):
        ScoreCAM(random_net(0).train())
    method = ScoreCAM(net := random_net(0))
    net.dropout.train()
    with pytest.raises(ValueError, match="dropout is in training mode"):
        method.attribute(noise(1), 0)
    with pytest.raises(ValueError, match="no layer 'stagee': did you mean stage"):
        ScoreCAM(random_net(0), "stagee")
    with pytest.raises(ValueError, match=r"layer 'pool' gives \(1, 4, 1, 1\), a map without places"):
        attribute(random_net(0), noise(1), 0, "pool")
    with pytest.raises(ValueError, match="unknown score 'softmax'"):
        ScoreCAM(random_net(0), score="softmax")
    with pytest.raises(ValueError, match="chunk is 0"):
        ScoreCAM(random_net(0), chunk=0)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.zeros(1, 3, 48, 48), r"shape \(1, 3, 48, 48\), not \(N, 3, 44, 44\)"),
        (torch.zeros(3, 44, 44), r"shape \(3, 44, 44\)"),
        (torch.zeros(0, 3, 44, 44), "N > 0"),
        (torch.zeros(1, 3, 44, 44, dtype=torch.uint8), "inputs are torch.uint8: give a float tensor"),
        (np.zeros((1, 3, 44, 44)), "inputs are ndarray"),
        (torch.full((1, 3, 44, 44), 255.0), "inputs range from 255 to 255, not within .*: divide by 255"),
        (torch.full((1, 3, 44, 44), -0.5), "inputs range from -0.5"),
        (
            torch.stack([torch.zeros(3, 44, 44), torch.full((3, 44, 44), torch.nan)]),
            "picture 1 of the inputs holds NaN$",
        ),
    ],
)
def test_bad_pictures_are_refused(inputs, message):
    with pytest.raises(ValueError, match=message):
        attribute(random_net(0), inputs, 0)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (3, "target 3 is out of range: the net has classes 0 to 2"),
        (-1, "target -1 is out of range"),
        (torch.tensor([0, 3]), "target 3 is out of range"),
        (torch.tensor([0, 1, 2]), "3 targets for 2 pictures"),
        (1.0, "target is torch.float32"),
    ],
)
def test_bad_targets_are_refused(target, message):
    with pytest.raises(ValueError, match=message):
        attribute(random_net(0), noise(2), target)
