import pytest
import torch
from planted import random_net, traces
from torch import nn
from torch.nn.functional import cosine_similarity

from fer_nb.nets import device, folding, models


@pytest.mark.parametrize("name", models.NAMES)
@pytest.mark.parametrize("block_relu", [False, True])
def test_the_copy_computes_what_the_net_does_and_leaves_it_alone(name, block_relu):
    torch.manual_seed(0)
    net = models.build(name, block_relu=block_relu).eval()
    for norm in (layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean, std=0.1)
        nn.init.uniform_(norm.running_var, 0.5, 1.5)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
    x, before = torch.rand(2, 3, 44, 44), traces(net)
    fast = folding.FastNet(net)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in fast.net.modules())
    fused = [layer for layer in fast.net.modules() if isinstance(layer, folding.FusedConvolution)]
    assert len(fused) > 8 and sum(layer.relu for layer in fused) > 4
    assert traces(net) == before and not any(p.requires_grad for p in fast.net.parameters())
    with torch.no_grad():
        wanted = net(x)
        assert torch.allclose(fast(x), wanted, atol=1e-4 * wanted.abs().max())  # by the fused passes

    assert any(isinstance(layer, folding.FoldedBlock) for layer in fast.net.modules()) == (name != "VGG19")
    gradients = gradients_of(net, fast, x)
    assert cosine_similarity(*(g.flatten() for g in gradients), dim=0) > 0.999  # rounding may move a maximum

    net.double()  # without the fused passes, and so exact that ReLUs round alike
    fast, x = folding.FastNet(net), x.double()
    assert torch.allclose(net(x), fast(x), rtol=1e-9)
    gradients = gradients_of(net, fast, x)
    assert torch.allclose(*gradients, rtol=1e-6, atol=1e-9 * gradients[0].abs().max())


def gradients_of(net, fast, x):
    """The gradient of a class at the pictures, by a net and by its copy."""
    views = [x.clone().requires_grad_(), x.clone().requires_grad_()]
    return [torch.autograd.grad(one(view)[:, 1].sum(), view)[0] for one, view in zip((net, fast), views, strict=True)]


def test_a_net_without_batch_norm_or_sequential_is_taken_as_it_is():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(self.norm(self.conv(x)).mean((2, 3)))

    net, x = Net().eval(), torch.rand(2, 3, 44, 44)
    with torch.no_grad():
        assert torch.allclose(folding.FastNet(net)(x), net(x), atol=1e-5)


@pytest.mark.skipif(not device.has_bfloat16(), reason="this processor has no bfloat16 convolutions")
def test_number_formats():
    net, x = random_net(0), torch.rand(4, 3, 44, 44)
    full, half = folding.FastNet(net), folding.FastNet(net, "bfloat16")
    for context in (torch.no_grad(), torch.enable_grad()):
        with context:
            a, b = full(x), half(x)
        assert a.dtype == b.dtype == torch.float32 and not torch.equal(a, b) and torch.allclose(a, b, atol=0.05)
    a, b = gradients_of(full, half, x)
    assert cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.99


def test_an_unknown_number_format_is_refused():
    with pytest.raises(ValueError, match="unknown precision 'half'"):
        folding.FastNet(random_net(0), "half")


def test_the_chunk_follows_the_free_memory(monkeypatch):
    fast, x = folding.FastNet(random_net(0)), torch.rand(1, 3, 44, 44)
    maps = 4 * (2 * 44 * 44 + 4 * 11 * 11)  # bytes of the two convolutions' outputs: the largest of all
    sizes = {}
    for free in (1, 100 * maps, 10**12):
        monkeypatch.setattr(folding, "free_memory", lambda where, free=free: free)
        sizes[free] = fast.chunk_size(x, most=64)
    assert sizes[1] == 1 and 10 < sizes[100 * maps] < 50 and sizes[10**12] == 64
    assert not any(layer._forward_hooks for layer in fast.net.modules())
