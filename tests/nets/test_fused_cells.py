import copy

import numpy as np
import pytest
import torch
from torch import nn

from fer_nb.nets import fused, fused_cells, genotypes, kernels
from fer_nb.nets.cells import Cell, SearchedNet
from fer_nb.nets.genotypes import KNOWN, Genotype
from fer_nb.nets.operations import OPERATIONS, FactorizedReduce, ReLUConvBN, build

pytestmark = pytest.mark.skipif(kernels.library() is None, reason="no C++ compiler")


def distance(a, b):
    return ((a.double() - b).norm() / b.norm()).item()


def both(genotype, channels, *given):
    """A plain cell in float64, with batch norms that are not those of the start, and its fused copy in float32."""
    torch.manual_seed(0)
    plain = Cell(genotype, 12, 20, channels, *given).double().train()
    for layer in plain.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.3)
            nn.init.normal_(layer.bias)
    ours = copy.deepcopy(plain).float()
    assert fused.fuse(ours) and ours.fused and not plain.fused
    return plain, ours


def compare(plain, ours, before2, before, dtype=torch.float32, tolerance=2e-5):
    """Output, gradients and running statistics of a fused cell beside the plain one's."""
    inputs = [x.to(dtype) for x in (before2, before)]
    exact, mine = [[x.to(kind).requires_grad_() for x in inputs] for kind in (torch.float64, dtype)]
    wanted, found = plain(*exact), ours(*mine)
    assert found.dtype == dtype and found.shape == wanted.shape
    gradient = torch.randn_like(wanted).to(dtype)
    wanted.backward(gradient.double())
    found.backward(gradient)
    assert distance(found, wanted.detach()) < tolerance
    for theirs, own in zip(exact, mine, strict=True):
        assert distance(own.grad, theirs.grad) < tolerance
    # Not each by its own size: behind a batch norm that follows, the gradients of a scale and of a shift are next to 0.
    size = torch.cat([theirs.grad.flatten() for theirs in plain.parameters()]).norm()
    for (name, theirs), own in zip(plain.named_parameters(), ours.parameters(), strict=True):
        assert (own.grad - theirs.grad).norm() < tolerance * size, name
    for theirs, own in zip(plain.buffers(), ours.buffers(), strict=True):
        assert distance(own, theirs.double()) < tolerance


@pytest.mark.parametrize("reduction", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_trains_as_the_plain_one(name, reduction):
    edges = [(name, 0), (name, 1), ("skip_connect", 2), (name, 1)]
    plain, ours = both(Genotype(edges, [2, 3], edges, [2, 3]), 16, reduction, False)
    compare(plain, ours, torch.randn(3, 12, 9, 8), torch.randn(3, 20, 9, 8))


@pytest.mark.parametrize("channels", [4, 16, 36])
@pytest.mark.parametrize("genotype", [*KNOWN.values(), genotypes.random(np.random.default_rng(3))])
def test_cells_of_any_width_behind_a_reduction(genotype, channels):
    plain, ours = both(genotype, channels, False, True)
    compare(plain, ours, torch.randn(2, 12, 11, 13), torch.randn(2, 20, 6, 7))


def test_a_single_picture_laid_out_channels_first():
    """Its map as rows is a view whose channels are not side by side; the passes took them to be."""
    plain, ours = both(KNOWN["DARTS_V2"], 16, False, False)
    compare(plain, ours, torch.randn(1, 12, 9, 8), torch.randn(1, 20, 9, 8))


@pytest.mark.parametrize("expanded", [False, True])
def test_an_operation_takes_a_single_picture_and_its_gradient_channels_first(expanded):
    torch.manual_seed(0)
    operation = build("sep_conv_3x3", 16, 1)
    exact, x = copy.deepcopy(operation).double(), torch.randn(1, 16, 9, 8)
    theirs, own = x.double().requires_grad_(), x.clone().requires_grad_()
    wanted, found = exact(theirs), fused_cells.operate(operation, own)
    gradient = torch.randn(1, 1 if expanded else 16, 9, 8).expand(wanted.shape)
    wanted.backward(gradient.double())
    found.backward(gradient)
    assert distance(found, wanted.detach()) < 2e-5
    assert distance(own.grad, theirs.grad) < 2e-5
    assert distance(operation[-1].weight.grad, exact[-1].weight.grad) < 2e-5


@pytest.mark.parametrize("kept", ["", "1.weight", "2.weight", "5.weight"])
def test_weights_that_want_no_gradient_have_none_and_change_no_other(kept):
    torch.manual_seed(0)
    operation, x, gradient = build("sep_conv_5x5", 16, 2), torch.randn(2, 16, 9, 8), torch.randn(2, 16, 5, 4)
    found = []
    for wanted in (True, False):
        for name, weight in operation.named_parameters():
            weight.requires_grad_(wanted or name == kept)
        edge, own = fused_cells.Edge(operation), x.clone().requires_grad_()
        fused_cells.EdgeFunction.apply(own, edge, *edge.parameters()).backward(gradient)
        convolutions = zip(operation.named_parameters(), edge.gradients(), strict=True)
        found.append((own.grad, {name: of for (name, weight), of in convolutions if weight.dim() == 4}))
    assert torch.equal(found[0][0], found[1][0])
    for name, of in found[1][1].items():
        assert torch.equal(of, found[0][1][name]) if name == kept else of is None, name


def test_a_source_that_no_edge_takes_and_maps_of_one_pixel():
    edges = [("sep_conv_3x3", 1), ("skip_connect", 1)]
    plain, ours = both(Genotype(edges, [2], edges, [2]), 16, False, False)
    before2, before = torch.randn(8, 12, 1, 1, requires_grad=True), torch.randn(8, 20, 1, 1)
    ours(before2, before).sum().backward()
    assert not before2.grad.any()
    torch.testing.assert_close(ours(before2, before), plain(before2.double(), before.double()).float())


def test_in_bfloat16_it_trains_up_to_its_rounding():
    edges = [("sep_conv_5x5", 0), ("avg_pool_3x3", 1), ("dil_conv_3x3", 0), ("skip_connect", 1)]
    plain, ours = both(Genotype(edges, [2, 3], edges, [2, 3]), 16, False, False)
    compare(plain, ours, torch.randn(4, 12, 9, 8), torch.randn(4, 20, 9, 8), torch.bfloat16, 0.06)


# A 1x1 convolution may take two channels or two pixels at a time, of which the last may be alone.
@pytest.mark.parametrize("size", [(9, 8), (9, 7)])
@pytest.mark.parametrize(
    ("kind", "given"),
    [(ReLUConvBN, (7, 36)), (ReLUConvBN, (20, 3)), (FactorizedReduce, (20, 36)), (build, ("dil_conv_3x3", 21, 2))],
)
def test_in_bfloat16_an_operation_is_the_plain_one_up_to_rounding(kind, given, size):
    torch.manual_seed(0)
    operation = kind(*given)
    exact = copy.deepcopy(operation).double()
    first = next(layer for layer in exact.modules() if isinstance(layer, nn.Conv2d))
    x = torch.rand(3, first.in_channels, *size).add(0.1).bfloat16()  # no ReLU is near its edge
    theirs, own = x.double().requires_grad_(), x.requires_grad_()
    wanted, found = exact(theirs), fused_cells.operate(operation, own)
    gradient = torch.randn_like(wanted).bfloat16()
    wanted.backward(gradient.double())
    found.backward(gradient)
    assert distance(found, wanted.detach()) < 0.02 and distance(own.grad, theirs.grad) < 0.02
    for mine, other in zip(operation.parameters(), exact.parameters(), strict=True):
        assert distance(mine.grad, other.grad) < 0.02


def test_the_first_of_equal_pixels_gets_a_pools_gradient():
    edges = [("max_pool_3x3", 0), ("skip_connect", 1)]
    plain, ours = both(Genotype(edges, [2], edges, [2]), 16, False, False)
    before2 = torch.randint(0, 2, (2, 12, 6, 6)).float()
    for cell in (plain, ours):
        cell.fit2.layers[1].weight.data.fill_(1 / 16)  # exact in either format: every channel has the same few values
    compare(plain, ours, before2, torch.randn(2, 20, 6, 6))


@pytest.mark.parametrize("threads", [1, 3])
def test_a_net_trains_with_any_number_of_threads(threads):
    torch.manual_seed(0)
    plain = SearchedNet(KNOWN["PDARTS"], 3, channels=4, cells=3).double().train()
    plain.dropout.p = 0.0
    ours = copy.deepcopy(plain).float().to(memory_format=torch.channels_last)
    fused.fuse(ours)
    assert all(cell.fused for cell in ours.cells)
    pictures, before = torch.rand(4, 3, 13, 13), torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        ours(pictures).square().sum().backward()
    finally:
        torch.set_num_threads(before)
    plain(pictures.double()).square().sum().backward()
    for (name, theirs), own in zip(plain.named_parameters(), ours.parameters(), strict=True):
        assert (own.grad - theirs.grad).norm() < 1e-3 * theirs.grad.norm() + 1e-5, name


def test_in_evaluation_it_is_the_plain_cell():
    plain, ours = both(KNOWN["DARTS_V2"], 16, False, False)
    before2, before = torch.randn(2, 12, 6, 6), torch.randn(2, 20, 6, 6)
    wanted = plain.eval()(before2.double(), before.double())
    assert distance(ours.eval()(before2, before), wanted) < 1e-5


def test_with_a_frozen_batch_norm_it_is_the_plain_cell():
    plain, ours = both(KNOWN["DARTS_V2"], 16, False, False)
    for cell in (plain, ours):
        for kept in cell.fit.layers[2].eval().buffers():
            kept.fill_(2)
    compare(plain, ours, torch.randn(2, 12, 6, 6), torch.randn(2, 20, 6, 6))


def test_a_cell_whose_output_leaves_nodes_out():
    edges = [("sep_conv_3x3", 0), ("skip_connect", 1), ("dil_conv_3x3", 2), ("skip_connect", 0), ("skip_connect", 3)]
    edges.append(("avg_pool_3x3", 1))
    plain, ours = both(Genotype(edges, [4, 2], edges, [4, 2]), 16, False, False)
    compare(plain, ours, torch.randn(2, 12, 6, 6), torch.randn(2, 20, 6, 6))


def test_without_a_compiler_a_cell_stays_plain(monkeypatch):
    monkeypatch.setattr(kernels, "library", lambda: None)
    cell = SearchedNet(KNOWN["PDARTS"], 3, channels=4, cells=3)
    assert not fused.fuse(cell) and not any(one.fused for one in cell.cells)
