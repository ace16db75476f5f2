from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from fer_nb.nets import device, fused, kernels, models
from fer_nb.nets.cells import SearchedNet
from fer_nb.nets.genotypes import Genotype
from fer_nb.nets.operations import OPERATIONS
from fer_nb.speed import breakdown, plots, timing
from fer_nb.speed.breakdown import BATCH_NORMS, REST, Step

FORWARD, BACKWARD = breakdown.KINDS[0:6:2], breakdown.KINDS[1:6:2]
JOINED = breakdown.KINDS[6:8]  # depthwise and 1x1 in one pass


def operation(name, milliseconds, above=None, shapes=()):
    own = 1000 * milliseconds
    return SimpleNamespace(name=name, cpu_parent=above, self_cpu_time_total=own, input_shapes=list(shapes))


def test_an_operations_time_counts_for_the_nearest_kind_above_it():
    step = operation("step", 1)
    block = operation("NormalisedDepthwise", 2, step)
    parts = [operation(breakdown.FUSED + name, time, block) for name, time in (("moments", 4), ("depthwise", 8))]
    convolution = operation("aten::conv2d", 16, step, [[2, 8, 4, 4], [16, 8, 1, 1], []])
    inner = operation("aten::copy_", 32, operation("aten::to", 64, convolution))
    loss = operation("aten::nll_loss", 128, step)
    found = breakdown.times([step, block, *parts, convolution, inner.cpu_parent, inner, loss])
    expected = {FORWARD[0]: 16 + 32 + 64, FORWARD[2]: 8, BATCH_NORMS: 2 + 4, REST: 1 + 128}
    assert found == dict.fromkeys(breakdown.KINDS, 0) | expected


def test_convolutions_are_told_apart_forward_and_backward():
    torch.manual_seed(0)
    depthwise = nn.Conv2d(8, 8, 3, groups=8)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), depthwise, nn.ReLU(), nn.Conv2d(8, 4, 1))
    pictures = torch.rand(2, 3, 8, 8)
    forward = breakdown.times(breakdown.profiled(lambda: net(pictures)))
    both = breakdown.times(breakdown.profiled(lambda: net(pictures).sum().backward()))
    for kind in (*FORWARD, BATCH_NORMS, REST):
        assert forward[kind] > 0 and both[kind] > 0, kind
    for kind in BACKWARD:
        assert forward[kind] == 0 and both[kind] > 0, kind
    alone = breakdown.times(breakdown.profiled(lambda: depthwise(torch.rand(2, 8, 8, 8))))
    assert {kind for kind, spent in alone.items() if spent} == {FORWARD[2], REST}


@pytest.mark.skipif(kernels.library() is None, reason="no C++ compiler")
def test_every_fused_pass_has_a_kind(monkeypatch):
    called, plain = set(), kernels.call
    monkeypatch.setattr(kernels, "call", lambda name, *arguments: (called.add(name), plain(name, *arguments)))
    edges = [(name, i % 2) for i, name in enumerate((*OPERATIONS, "skip_connect"))]
    searched = SearchedNet(Genotype(edges, [2, 3, 4, 5], edges, [2, 3, 4, 5]), 7, channels=4, cells=3)
    for net in (models.build("lightResNetl"), searched):
        assert fused.fuse(net)
        net(torch.rand(2, 3, 16, 16)).sum().backward()
    assert called == set(breakdown.KERNELS)


def test_the_passes_are_named_only_while_a_step_is_profiled(monkeypatch):
    called = []
    monkeypatch.setattr(kernels, "call", lambda name, *arguments: called.append((name, arguments)))
    plain = kernels.call
    events = breakdown.profiled(lambda: kernels.call("depthwise_backward", 1, 2))
    assert called == [("depthwise_backward", (1, 2))] and kernels.call is plain
    assert breakdown.times(events)[BACKWARD[2]] > 0
    with pytest.raises(ZeroDivisionError):
        breakdown.profiled(lambda: 1 / 0)
    assert kernels.call is plain


def test_flops_agree_with_torchs():
    model, pictures = models.build("ResNet18"), torch.zeros(2, 3, 44, 44)
    with FlopCounterMode(display=False) as counter:
        model(pictures).sum().backward()
    counted = counter.get_flop_counts()["Global"]
    flops = breakdown.convolution_flops("ResNet18", 2)
    assert flops[list(FORWARD[:2])].sum() == counted[torch.ops.aten.convolution]
    assert flops[list(BACKWARD[:2])].sum() == counted[torch.ops.aten.convolution_backward]
    assert not set(FORWARD[2:]) & set(flops.index)


def test_a_light_nets_step_is_measured(monkeypatch):
    monkeypatch.setattr(timing, "in_fresh_processes", lambda measure, cases, what: [measure(*case) for case in cases])
    monkeypatch.setattr(device, "bfloat16_is_faster", lambda: False)
    monkeypatch.setattr(device, "keep_heap", lambda: True)
    (step,) = breakdown.compare(["lightResNetl"], batch_size=2, seconds=0)
    assert step.number_format == "float32" and step.unprofiled > 0
    assert {kind for kind, spent in step.times.items() if not spent} == set(JOINED)
    assert step.times[REST] < sum(step.times.values()) / 2


def test_the_flops_of_searched_cells_are_of_one_pass_where_that_is_fused():
    joined, apart = (breakdown.convolution_flops("PDARTS_CIFAR10", 2, fused) for fused in (True, False))
    assert joined.sum() == apart.sum() and set(joined.index) == {FORWARD[1], BACKWARD[1], *JOINED}
    assert set(apart.index) == {*FORWARD, *BACKWARD}


@pytest.fixture
def steps():
    spent = dict.fromkeys(breakdown.KINDS, 0.0)
    flops = breakdown.convolution_flops("ResNet18", 4)
    plain = spent | {FORWARD[1]: flops[FORWARD[1]] / 5e8, BATCH_NORMS: 0.1, REST: 0.2}  # 500 GFLOP/s
    light = spent | {BACKWARD[2]: 6.0, REST: 2.0}
    fallbacks = {"aten::_slow_conv2d_forward": 3}
    return [Step("ResNet18", "float32", plain, 7.0, {}), Step("lightResNetl", "bfloat16", light, 7.6, fallbacks)]


def test_the_table_has_the_kinds_of_each_net_and_speed_beside_the_peak(steps):
    table = breakdown.table(steps, 4, {"float32": 600, "bfloat16": 900}).set_index(["model", "kind"])
    assert list(table.loc["ResNet18"].index) == [FORWARD[1], BATCH_NORMS, REST]
    assert table.loc[("ResNet18", FORWARD[1]), "gflops"] == pytest.approx(500)
    assert table["share"].groupby("model").sum().tolist() == pytest.approx([100, 100])
    assert table.loc[("lightResNetl", REST), "share"] == pytest.approx(25)
    peaks = table["peak_gflops"].tolist()
    assert peaks == pytest.approx([600, np.nan, np.nan, 900, np.nan], nan_ok=True)
    (axes,) = plots.step_shares(table.reset_index()).axes
    ends = [max(bar.get_x() + bar.get_width() for bars in axes.containers for bar in [bars[i]]) for i in (0, 1)]
    assert ends == pytest.approx([100, 100]) and "6 ms" in [text.get_text() for text in axes.texts]


def test_the_largest_part_and_what_onednn_did_not_compute_are_said(steps):
    words = breakdown.words(steps).split("\n\n")
    assert words[1].startswith("lightResNetl: a step takes 8 ms under the profiler, 8 ms without it, in bfloat16")
    assert words[1].endswith(f"**{BACKWARD[2]}** (75%).")
    assert words[2].endswith(": lightResNetl aten::_slow_conv2d_forward (3 calls).")
    assert breakdown.words(steps[:1]).endswith("not oneDNN: none.")
    assert breakdown.FALLBACK.match("aten::slow_conv_dilated2d") and breakdown.FALLBACK.match("aten::thnn_conv2d")
    assert not breakdown.FALLBACK.match("aten::mkldnn_convolution")
