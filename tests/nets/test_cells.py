import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fer_nb.data.faceset import FaceSet
from fer_nb.nets import device, export, genotypes, models
from fer_nb.nets.cells import Cell, SearchedNet, reductions
from fer_nb.nets.genotypes import KNOWN, Genotype
from fer_nb.nets.operations import OPERATIONS, FactorizedReduce, ReLUConvBN, build
from fer_nb.training import checkpoint, predict, train
from fer_nb.training.protocol import Protocol


def net(genotype=KNOWN["PDARTS"], classes=3, seed=0, **given):
    torch.manual_seed(seed)
    return SearchedNet(genotype, classes, **{"channels": 4, "cells": 3, **given})


def size_of(model):
    return sum(p.numel() for p in model.parameters())


def every_operation():
    """A genotype with each of the seven operations in both cells."""
    edges = [
        (name, source) for name, source in zip((*OPERATIONS, "skip_connect"), (0, 1, 1, 2, 2, 3, 0, 4), strict=True)
    ]
    return Genotype(edges, [2, 3, 4, 5], edges, [2, 3, 4, 5])


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_keep_or_halve_the_map(name):
    x = torch.randn(2, 8, 12, 10)
    for stride, shape in ((1, (2, 8, 12, 10)), (2, (2, 8, 6, 5))):
        assert build(name, 8, stride)(x).shape == shape
        assert build(name, 8, stride)(x[:, :, :11, :9]).shape[2:] == (
            11 // stride + stride - 1,
            9 // stride + stride - 1,
        )


# Weights of one operation at width C: of k x k depthwise k*k*C, of 1x1 C*C, of BN 2*C.
@pytest.mark.parametrize(
    ("name", "stride", "wanted"),
    [
        ("max_pool_3x3", 1, 16),
        ("avg_pool_3x3", 2, 16),
        ("skip_connect", 1, 0),
        ("skip_connect", 2, 64 + 16),
        ("sep_conv_3x3", 1, 2 * (72 + 64 + 16)),
        ("sep_conv_5x5", 2, 2 * (200 + 64 + 16)),
        ("dil_conv_3x3", 1, 72 + 64 + 16),
        ("dil_conv_5x5", 2, 200 + 64 + 16),
    ],
)
def test_operations_have_the_weights_of_the_papers_layers(name, stride, wanted):
    assert size_of(build(name, 8, stride)) == wanted


@pytest.mark.parametrize(
    ("name", "reach"), [("sep_conv_3x3", 2), ("sep_conv_5x5", 4), ("dil_conv_3x3", 2), ("dil_conv_5x5", 4)]
)
def test_how_far_a_convolution_sees(name, reach):
    torch.manual_seed(0)
    layer = build(name, 4, 1).eval()
    x = torch.rand(1, 4, 21, 21, requires_grad=True)
    layer(x)[0, :, 10, 10].sum().backward()
    rows = x.grad.abs().sum((0, 1, 3)).nonzero().flatten()
    assert (rows.min(), rows.max()) == (10 - reach, 10 + reach)
    assert (len(rows) == 2 * reach + 1) == name.startswith("sep")  # a dilated one leaves out every other


def test_without_affine_no_batch_norm_has_weights():
    for name in OPERATIONS:
        norms = [part for part in build(name, 8, 2, affine=False).modules() if isinstance(part, nn.BatchNorm2d)]
        assert norms and not any(norm.affine for norm in norms)
    assert not ReLUConvBN(4, 8, affine=False).layers[-1].affine


def test_a_factorized_reduction_sees_every_pixel():
    layer = FactorizedReduce(2, 4).eval()
    for size in (6, 7):
        x = torch.rand(1, 2, size, size, requires_grad=True)
        layer(x).square().sum().backward()
        seen = x.grad.abs().sum((0, 1)) > 0
        assert seen[::2, ::2].all() and seen[1::2, 1::2].all()


def test_a_pool_leaves_the_border_out_of_the_average():
    torch.testing.assert_close(build("avg_pool_3x3", 2, 1)[0](torch.ones(1, 2, 4, 4)), torch.ones(1, 2, 4, 4))


def test_bad_operations():
    with pytest.raises(ValueError, match="'sep_conv_7x7': did you mean sep_conv_"):
        build("sep_conv_7x7", 8, 1)
    with pytest.raises(ValueError, match="5 channels: choose an even"):
        build("skip_connect", 5, 2)


@pytest.mark.parametrize(
    ("cells", "wanted"), [(1, (0,)), (2, (0, 1)), (3, (1, 2)), (5, (1, 3)), (8, (2, 5)), (20, (6, 13))]
)
def test_reductions_at_a_third_and_two_thirds(cells, wanted):
    assert reductions(cells) == wanted


def test_a_cell_computes_what_its_genotype_says():
    genotype = Genotype(
        [("skip_connect", 0), ("skip_connect", 1), ("skip_connect", 2), ("max_pool_3x3", 0)], [2, 3], [], []
    )
    torch.manual_seed(0)
    cell = Cell(genotype, 6, 6, 4, reduction=False, reduced_before=False).eval()
    before2, before = torch.rand(2, 6, 8, 8), torch.rand(2, 6, 8, 8)
    a, b = cell.fit2(before2), cell.fit(before)
    wanted = torch.cat([a + b, a + b + cell.operations[3](a)], 1)
    torch.testing.assert_close(cell(before2, before), wanted)
    assert cell.outputs == 8


def test_resolution_and_width_of_the_cells():
    model, shapes = net(cells=5), []
    for cell in model.cells:
        cell.register_forward_hook(lambda cell, _, output: shapes.append(tuple(output.shape[1:])))
    assert model(torch.rand(2, 3, 44, 44)).shape == (2, 3)
    assert shapes == [(16, 44, 44), (32, 22, 22), (32, 22, 22), (64, 11, 11), (64, 11, 11)]
    for cells, stem_stride, side in ((1, 1, 44), (2, 2, 44), (5, 2, 44), (4, 1, 47)):
        assert net(every_operation(), cells=cells, stem_stride=stem_stride)(torch.rand(2, 3, side, side)).shape == (
            2,
            3,
        )


def test_a_reduction_cell_alone_halves():
    strides = [{c.stride for c in cell.operations.modules() if isinstance(c, nn.Conv2d)} for cell in net(cells=5).cells]
    assert [(2, 2) in found for found in strides] == [False, True, False, True, False]


@pytest.mark.parametrize("genotype", [*KNOWN.values(), every_operation()], ids=[*KNOWN, "every"])
def test_counts_agree_with_torch_and_every_weight_gets_a_gradient(genotype):
    model = net(genotype, cells=4)
    counts = models.count(model)
    assert counts["parameters"].sum() == size_of(model)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, 3, 44, 44))
    assert 2 * counts["macs"].sum() == counter.get_total_flops()
    model.train()(torch.rand(2, 3, 44, 44)).square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# Printed by the authors' code for 20 cells of 36 channels and 10 classes, without the auxiliary head: "param size =
# 3.349342MB" (quark0/darts), and issue 7 of chenxin061/pdarts. Neither has a batch norm after a pool.
PUBLISHED = {"DARTS_V2": 3_349_342, "PDARTS": 3_433_798}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_cells_have_the_published_number_of_weights(name):
    with torch.device("meta"):
        model = SearchedNet(KNOWN[name], 10, channels=36, cells=20)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Sequential)]
    after_pools = [layer[1] for layer in layers if isinstance(layer[0], (nn.MaxPool2d, nn.AvgPool2d))]
    assert size_of(model) - sum(map(size_of, after_pools)) == PUBLISHED[name]


def test_published_cells_at_the_sources_size():
    """About half a million weights (Verma et al. 2023) come of 8 cells at 16 to 24 channels."""
    for genotype in KNOWN.values():
        with torch.device("meta"):
            narrow, wide = (SearchedNet(genotype, 7, channels, cells=8) for channels in (16, 24))
        assert size_of(narrow) < 500_000 < size_of(wide)


@pytest.mark.parametrize("genotype", [*KNOWN.values(), genotypes.random(np.random.default_rng(3))])
def test_prepared_nets_compute_the_same(genotype):
    """Prepared: channels last and, where there is a compiler, with fused kernels; 16 channels are enough for them."""
    plain, ready = (net(genotype, channels=16, classes=4) for _ in range(2))
    device.prepare(ready, torch.device("cpu"))
    x = torch.rand(4, 3, 12, 12)
    for model in (plain, ready):
        model.dropout.p = 0.0
        model(x).square().sum().backward()
    pairs = zip(plain.named_parameters(), ready.parameters(), strict=True)
    for (name, wanted), found in pairs:
        error = (found.grad - wanted.grad).norm() / wanted.grad.norm().clamp(min=1e-3)
        assert error < 5e-3, name
    torch.testing.assert_close(ready.eval()(x), plain.eval()(x), atol=1e-4, rtol=1e-3)


def faces(n=80):
    """Two classes that a net can tell apart: a bright band above or below, in noise."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    images = rng.integers(0, 80, (n, 48, 48), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[8 + 20 * label : 20 + 20 * label] += 120
    split, empty = np.array(["train", "train", "train", "test"])[np.arange(n) // 2 % 4], np.full(n, "")
    return FaceSet(images, labels, ("Above", "Below"), split, empty, empty, np.arange(n))


def test_a_net_trains_and_predicts_and_goes_on_from_its_checkpoint(tmp_path):
    settings = {"batch_size": 15, "lr": 0.05, "crops": 1, "precision": "float32", "clip_value": 0.0}
    short, long = (Protocol(epochs=epochs, **settings) for epochs in (2, 12))
    small = {
        "genotype": genotypes.random(np.random.default_rng(0), nodes=1),
        "classes": 2,
        "channels": 8,
        "stem_stride": 2,
    }
    whole = net(**small)
    history = train.fit(whole, faces(), tmp_path / "whole", long)
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    assert history["test_accuracy"].iloc[-1] >= 90
    assert predict.predict(whole, faces().images[:4]).shape == (4, 2)

    small_first = Protocol(epochs=2, sizes=[[24, 1], [44, 1]], **settings)
    grown = train.fit(net(**small), faces(), tmp_path / "grown", small_first)
    assert grown["side"].tolist() == [24, 44] and np.isfinite(grown["train_loss"]).all()

    train.fit(net(**small), faces(), tmp_path / "killed", short)
    killed = checkpoint.read(tmp_path / "killed/checkpoint.pt")
    killed["settings"]["epochs"] = 12
    checkpoint.write(tmp_path / "killed/checkpoint.pt", killed)
    resumed = net(**small, seed=1)
    train.fit(resumed, faces(), tmp_path / "killed", long)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )


@pytest.mark.parametrize("given", [{}, {"stem_stride": 2}], ids=["44", "22"])
def test_an_exported_net_gives_pytorchs_logits_for_any_batch(given, tmp_path):
    model = net(every_operation(), **given)
    model(torch.rand(8, 3, 44, 44))  # its batch norms have seen something
    session = InferenceSession(export.export(model, tmp_path / "net.onnx"))
    model.eval()
    for batch in (1, 3):
        pictures = torch.rand(batch, 3, 44, 44)
        (found,) = session.run(["logits"], {"pictures": pictures.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), model(pictures).detach(), atol=1e-4, rtol=1e-3)


def test_bad_settings_of_a_net():
    bad = Genotype([("sep_conv_3x3", 0), ("none", 1)], [2], [("sep_conv_3x3", 0), ("skip_connect", 1)], [2])
    for given, text in (
        ({"genotype": bad}, "normal cell, node 2: unknown operation 'none'"),
        ({"channels": 5}, "channels = 5: choose an even"),
        ({"cells": 0}, "cells = 0"),
        ({"stem_stride": 4}, "stem_stride = 4"),
    ):
        with pytest.raises(ValueError, match=text):
            net(**given)
