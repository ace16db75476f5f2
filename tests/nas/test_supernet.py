import copy
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from fer_nb.nas import steps
from fer_nb.nas.discretise import discretise, edge_count, on_every_edge
from fer_nb.nas.mixing import weighted_sum
from fer_nb.nas.speed import PlainMixed
from fer_nb.nas.supernet import Supernet
from fer_nb.nets import fused, genotypes, kernels
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.operations import OPERATIONS


def net(kind=Supernet, seed=0, **options):
    torch.manual_seed(seed)
    return kind(3, **{"channels": 4, "cells": 3, "nodes": 2, "method": "mixture", **options}).train()


def batch(count=6, size=12, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    views = torch.rand(count, 3, size, size, generator=generator, dtype=dtype)
    return views.contiguous(memory_format=torch.channels_last), torch.arange(count) % 3


def gradients_of(net, given):
    steps.learn(net, of_alphas=True, of_weights=True)
    _, loss = steps.logits_and_loss(net, given)
    names, parameters = zip(*net.named_parameters(), strict=True)
    return loss, dict(zip(names, torch.autograd.grad(loss, parameters, allow_unused=True), strict=True))


@pytest.mark.parametrize("shared", [False, True])
def test_the_mixture_is_the_plain_one(shared):
    ours = net(shared=shared, cells=4).double()
    plain = copy.deepcopy(ours)
    plain.__class__ = PlainMixed
    with torch.no_grad():
        for alpha in ours.alphas.values():
            alpha.normal_(generator=torch.Generator().manual_seed(1))
    plain.load_state_dict(ours.state_dict())
    given = batch(dtype=torch.float64)
    assert torch.allclose(ours(given[0]), plain(given[0]), atol=1e-12)
    (loss, found), (plain_loss, wanted) = gradients_of(ours, given), gradients_of(plain, given)
    assert torch.allclose(loss, plain_loss, atol=1e-12)
    assert found.keys() == wanted.keys() and found["alphas.reduce"].abs().max() > 1e-4
    for name, gradient in wanted.items():
        assert torch.allclose(found[name], gradient, atol=1e-10), name


@pytest.mark.skipif(kernels.library() is None, reason="no C++ compiler")
@pytest.mark.parametrize("options", [{}, {"shared": True, "cells": 4}, {"partial": 2}, {"method": "sample"}], ids=str)
def test_the_fused_net_is_the_plain_one(options):
    ours = net(**{"channels": 8, **options})
    plain = copy.deepcopy(ours).double()
    assert fused.fuse(ours) and all(cell.fused for cell in ours.cells)
    given = batch()
    loss, found = gradients_of(ours, given)
    plain_loss, wanted = gradients_of(plain, (given[0].double(), given[1]))
    assert torch.allclose(loss.double(), plain_loss, atol=1e-5)
    size = torch.cat([gradient.flatten() for gradient in wanted.values() if gradient is not None]).norm()
    for name, gradient in wanted.items():
        assert (gradient is None) == (found[name] is None), name
        assert gradient is None or (found[name] - gradient).norm() < 1e-4 * size, name


def test_a_step_of_the_mixture_moves_as_the_plain_one():
    ours, plain = net(), net(PlainMixed)
    given, other = batch(), batch(seed=1)
    for one in (ours, plain):
        sgd = torch.optim.SGD(one.weights(), 0.1)
        adam = torch.optim.SGD(one.alphas.values(), 0.1)
        steps.alpha_step(one, adam, other)
        steps.weights_step(one, sgd, given)
    for (name, value), wanted in zip(ours.named_parameters(), plain.parameters(), strict=True):
        assert torch.allclose(value, wanted, atol=1e-5), name


def test_steps_leave_the_other_parameters_alone():
    one, given = net(), batch()
    before = copy.deepcopy(one.state_dict())
    changed = lambda: {k.split(".")[0] for k, v in one.state_dict().items() if not torch.equal(v, before[k])}  # noqa: E731
    steps.alpha_step(one, torch.optim.Adam(one.alphas.values(), 0.1), given)
    assert changed() == {"alphas"}
    one.load_state_dict(before)
    steps.weights_step(one, torch.optim.SGD(one.weights(), 0.1), given)
    assert changed() == {"stem", "cells", "classifier"}
    assert all(value.grad is None or not value.requires_grad for value in one.alphas.values())


def test_sampling_computes_one_operation_an_edge():
    one, calls = net(method="sample"), []
    for cell in one.cells:
        for edge in cell.edges:
            for operation in edge:
                last = operation[-1] if isinstance(operation, nn.Sequential) else operation
                last.register_forward_hook(lambda *_, edge=edge: calls.append(id(edge)))
    one.draw(torch.Generator().manual_seed(0))
    one(batch()[0])
    assert len(calls) == len(set(calls)) == 3 * edge_count(2)
    first = [one.mixing("normal").chosen for _ in range(2)]
    one.draw(torch.Generator().manual_seed(1))
    assert first[0] == first[1] != one.mixing("normal").chosen


def test_sampling_follows_the_alphas_and_its_gradient_is_straight_through():
    one = net(method="sample")
    with torch.no_grad():
        one.alphas["normal"][:] = 0
        one.alphas["normal"][:, 5] = 2.0
    generator, counts = torch.Generator().manual_seed(0), 0
    for _ in range(400):
        one.draw(generator)
        counts += np.mean([row == [5] for row in one.mixing("normal").chosen])
    expected = np.exp(2) / (np.exp(2) + 6)
    assert counts / 400 == pytest.approx(expected, abs=0.03)

    one.tau = 0.7
    one.draw(generator)
    mixing = one.mixing("normal")
    assert torch.equal(mixing.weights.detach(), torch.ones(5, 1))
    (found,) = torch.autograd.grad(mixing.weights.sum(), [one.alphas["normal"]])
    alpha = one.alphas["normal"].detach().requires_grad_()
    p = ((alpha.log_softmax(1) + one.noise["normal"]) / 0.7).softmax(1)  # GDAS's soft weights
    p.gather(1, torch.tensor(mixing.chosen)).sum().backward()
    assert torch.allclose(found, alpha.grad, atol=1e-6) and found.abs().max() > 0


def test_a_net_of_sampled_operations_is_the_net_of_its_genotype():
    """Where each node has two inputs only, what is sampled is what SearchedNet computes."""
    one = net(method="sample", nodes=1, channels=4)
    genotype = one.genotype(max_skips=None)
    torch.manual_seed(0)
    found = SearchedNet(genotype, 3, channels=4, cells=3).train()
    found.dropout.p = 0.0
    found.stem.load_state_dict(one.stem.state_dict(), strict=False)
    found.fc.load_state_dict(one.classifier.state_dict())
    for cell, own in zip(found.cells, one.cells, strict=True):
        names, mixing = own.kind, one.mixing(own.kind)
        cell.fit2.load_state_dict(own.fit2.state_dict(), strict=False)
        cell.fit.load_state_dict(own.fit.state_dict(), strict=False)
        for operation, edge, (position,) in zip(cell.operations, own.edges, mixing.chosen, strict=True):
            operation.load_state_dict(edge[position].state_dict(), strict=False)
        assert len(one.operations[names]) == 2
    views, _ = batch()
    assert torch.allclose(one(views), found(views), atol=1e-5)


def test_partial_channels_are_mixed_and_the_rest_passes_by():
    one = net(channels=8, partial=4, nodes=2).double()
    given = batch(dtype=torch.float64)
    loss, found = gradients_of(one, given)
    assert one(given[0]).shape == (6, 3) and loss.isfinite()
    assert all(found[f"alphas.{name}"].abs().max() > 0 for name in ("normal", "reduce", "normal_edges", "reduce_edges"))
    cell, x = one.cells[0], torch.rand(2, 24, 6, 6, dtype=torch.float64)
    mixing, states = one.mixing("normal"), [cell.fit2(x), cell.fit(x)]
    node = 0
    for edge, state in enumerate(states):  # as PC-DARTS writes it: edge by edge
        mixed = sum(
            w * operation(state[:, :2])
            for w, operation in zip(one.probabilities()["normal"][edge], cell.edges[edge], strict=True)
        )
        whole = torch.cat([mixed, state[:, 2:]], 1).view(2, 4, 2, 6, 6).transpose(1, 2).reshape(2, 8, 6, 6)
        node = node + one.edge_weights()["normal"][edge] * whole
    assert torch.allclose(cell(x, x, mixing)[:, :8], node, atol=1e-12)
    assert one.edge_weights()["normal"].split([2, 3])[1].sum().item() == pytest.approx(1)
    assert torch.allclose(one.strengths()["normal"].sum(1), one.edge_weights()["normal"])


def test_shared_cells_have_one_set_of_kernels():
    apart, one = net(cells=5), net(cells=5, shared=True)  # normal cells 0, 2, 4; reduction cells 1, 3
    narrower = sum(p.numel() for i in (0, 1, 2) for p in apart.cells[i].edges.parameters())
    assert sum(p.numel() for p in one.parameters()) == sum(p.numel() for p in apart.parameters()) - narrower
    position, x = OPERATIONS.index("dil_conv_3x3"), torch.rand(1, 4, 8, 8)
    depthwise, pointwise = one.cells[4].edges[0][position][1:3]
    wanted = nn.functional.conv2d(x.relu(), depthwise.weight[:4], padding=2, dilation=2, groups=4)
    wanted = nn.functional.batch_norm(nn.functional.conv2d(wanted, pointwise.weight[:4, :4]), None, None, training=True)
    assert torch.allclose(one.cells[0].edges[0][position](x), wanted, atol=1e-6)
    before = copy.deepcopy(one.state_dict())
    steps.weights_step(one, torch.optim.SGD(one.weights(), 0.1), batch())
    one.load_state_dict(before)  # what a checkpoint does


def test_dropout_falls_on_skips_alone():
    one, given = net(), batch()
    torch.manual_seed(0)
    before = one(given[0])
    one.skip_dropout = 0.5
    assert not torch.allclose(one(given[0]), before)
    with torch.no_grad():
        for alpha in one.alphas.values():
            alpha[:, OPERATIONS.index("skip_connect")] = -100.0
        quiet = one(given[0])
        one.skip_dropout = 0.0
        assert torch.allclose(one(given[0]), quiet, atol=1e-6)


@pytest.fixture
def smooth(monkeypatch):
    """A ReLU without kink: second derivatives by autograd know nothing of kinks, differences do."""
    monkeypatch.setattr(nn.functional, "relu", lambda x, inplace=False: nn.functional.silu(x))


def exact_second_order(net, given, train_batch, rate):
    """d/d alpha of the loss at w - rate x gradient(w), by autograd through the step (no momentum, no decay)."""
    names = [name for name, _ in net.named_parameters() if not name.startswith("alphas")]
    weights = dict(net.named_parameters())
    call = lambda values, views: torch.func.functional_call(net, values, (views,))  # noqa: E731
    loss = nn.functional.cross_entropy(call({}, train_batch[0]), train_batch[1])
    own = [weights[name] for name in names]
    ahead = torch.autograd.grad(loss, own, create_graph=True)
    moved = {name: w - rate * g for name, w, g in zip(names, own, ahead, strict=True)}
    outer = nn.functional.cross_entropy(call(moved, given[0]), given[1])
    return torch.autograd.grad(outer, list(net.alphas.values()))


def test_the_second_order_step_is_the_exact_gradient_through_a_step(smooth):
    one = net(PlainMixed, nodes=1, operations=("avg_pool_3x3", "skip_connect", "dil_conv_3x3")).double()
    given, train_batch, rate = (*[batch(4, 8, torch.float64, seed) for seed in (0, 1)], 0.05)
    exact = exact_second_order(one, given, train_batch, rate)
    _, _, first = steps.gradients(one, given, list(one.alphas.values()))
    kept = copy.deepcopy(one.state_dict())
    sgd, alphas = torch.optim.SGD(one.weights(), rate), torch.optim.SGD(one.alphas.values(), 1.0)
    steps.second_order_step(one, alphas, given, train_batch, sgd)
    for name, wanted, plain in zip(("normal", "reduce"), exact, first, strict=True):
        moved = kept[f"alphas.{name}"] - one.alphas[name].detach()  # the rate is 1
        assert (moved - wanted).norm() < 0.02 * wanted.norm() and (plain - wanted).norm() > 0.1 * wanted.norm()
    assert all(torch.equal(one.state_dict()[k], v) for k, v in kept.items() if not k.startswith("alphas"))


def test_the_largest_eigenvalue_is_that_of_the_exact_hessian(smooth):
    one = net(PlainMixed, nodes=1, operations=("avg_pool_3x3", "skip_connect", "dil_conv_3x3")).double()
    given, names = batch(4, 8, torch.float64), ("normal", "reduce")
    sizes = [one.alphas[name].shape for name in names]

    def loss(flat):
        parts = flat.split([size.numel() for size in sizes])
        values = {f"alphas.{name}": part.view(size) for name, part, size in zip(names, parts, sizes, strict=True)}
        return nn.functional.cross_entropy(torch.func.functional_call(one, values, (given[0],)), given[1])

    flat = torch.cat([one.alphas[name].detach().flatten() for name in names])
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))
    wanted = max(eigenvalues.tolist(), key=abs)
    before = copy.deepcopy(one.alphas.state_dict())
    found = steps.largest_eigenvalue(one, given, torch.Generator().manual_seed(0), iterations=40)
    assert found == pytest.approx(wanted, rel=0.03)
    assert all(torch.equal(value, before[name]) for name, value in one.alphas.state_dict().items())


def test_beta_decay_pulls_the_alphas_down():
    moved = []
    for beta in (0.0, 50.0):
        one = net()
        before = one.alphas["normal"].detach().clone()
        steps.alpha_step(one, torch.optim.SGD(one.alphas.values(), 0.01), batch(), beta=beta)
        moved.append((one.alphas["normal"].detach() - before).sum().item())
    assert moved[1] < moved[0] - 0.1  # the gradient of each row's logsumexp sums to 1: 50 x 0.01 over both edges' mean


def test_discretise_takes_the_two_strongest_inputs():
    strengths = {kind: np.full((5, 7), 0.1) for kind in ("normal", "reduce")}
    strengths["normal"][0, 2] = strengths["normal"][1, 3] = 0.5
    strengths["normal"][2, 2], strengths["normal"][3, 4], strengths["normal"][4, 6] = 0.6, 0.4, 0.2
    operations = on_every_edge(OPERATIONS, 2)
    genotype = discretise(strengths, operations, 2, max_skips=None)
    assert genotype.normal == [("skip_connect", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_5x5", 1)]
    assert genotype.normal_concat == [2, 3] and genotype.reduce[:2] == [("max_pool_3x3", 0), ("max_pool_3x3", 1)]
    genotypes.check(genotype)
    limited = discretise(strengths, operations, 2, max_skips=1)  # the weaker skip is the one of the first node
    assert limited.normal == [("max_pool_3x3", 0), ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_5x5", 1)]
    assert genotypes.skips(discretise(strengths, operations, 2, max_skips=0).normal) == 0


def test_operations_may_differ_from_edge_to_edge():
    names = {
        "normal": [("skip_connect", "sep_conv_3x3")] * 4 + [("max_pool_3x3", "dil_conv_5x5")],
        "reduce": [("avg_pool_3x3", "skip_connect")] * 5,
    }
    one = net(operations=names)
    assert one.alphas["normal"].shape == (5, 2) and one(batch()[0]).shape == (6, 3)
    assert {name for name, _ in one.genotype().reduce} <= {"avg_pool_3x3", "skip_connect"}
    with pytest.raises(ValueError, match="reduce cell: operations of 4 edges; 2 nodes have 5"):
        net(operations=names | {"reduce": names["reduce"][:4]})
    with pytest.raises(ValueError, match="same number, at least 2"):
        net(operations=("skip_connect",))


def test_the_weighted_sum_takes_only_the_gradients_that_are_wanted():
    maps = [torch.rand(2, 4, 3, 3, requires_grad=i == 1) for i in range(3)]
    weights = torch.tensor([[0.2, 0.3, 0.5]], requires_grad=True)
    total = weighted_sum(weights, weights.tolist(), maps)
    assert torch.allclose(total, 0.2 * maps[0] + 0.3 * maps[1] + 0.5 * maps[2])
    total.sum().backward()
    assert torch.allclose(weights.grad[0], torch.stack([x.sum() for x in maps])) and maps[0].grad is None
    assert torch.allclose(maps[1].grad, torch.full_like(maps[1], 0.3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "samples"}, "unknown method 'samples': did you mean sample"),
        ({"nodes": 0}, "nodes = 0"),
        ({"cells": 2}, "cells = 2: choose at least 3"),
        ({"partial": 4, "channels": 12}, "channels a multiple of 8"),
        ({"operations": ("skip_connect", "sep_conv_3")}, "unknown operation 'sep_conv_3'"),
    ],
)
def test_what_makes_no_net_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        partial(net, **options)()
