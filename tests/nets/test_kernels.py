import copy
import re
import shutil
import subprocess

import pytest
import torch
from torch import nn

from fer_nb.nets import fused, kernels, models

pytestmark = pytest.mark.skipif(kernels.library() is None, reason="no C++ compiler")


def norm(channels):
    layer = nn.BatchNorm2d(channels)
    nn.init.normal_(layer.weight, 1, 0.3)
    nn.init.normal_(layer.bias)
    return layer


def distance(a, b):
    return ((a.double() - b).norm() / b.norm()).item()


def compare(ours, plain, x, dtype, tolerance):
    """Outputs and all gradients of ``ours(x)`` beside those of ``plain`` in float64."""
    x = x.to(dtype).contiguous(memory_format=torch.channels_last)
    mine, exact = x.clone().requires_grad_(), x.double().requires_grad_()
    found, wanted = ours(mine), plain(exact)
    gradient = torch.randn_like(wanted)
    found.backward(gradient.to(dtype))
    wanted.backward(gradient.to(dtype).double())
    assert found.dtype == dtype
    assert distance(found, wanted.detach()) < tolerance
    assert distance(mine.grad, exact.grad) < tolerance
    return mine.grad


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(7, 8), (11, 11), (44, 44), (1, 3)])
def test_middle_of_a_block(stride, size):
    torch.manual_seed(0)
    norm1, conv, norm2 = norm(32), nn.Conv2d(32, 32, 3, stride, 1, groups=32), norm(32)
    plain = nn.Sequential(*copy.deepcopy([norm1, nn.ReLU(), conv, norm2, nn.ReLU()])).double()
    compare(
        lambda x: kernels.normalised_depthwise(x, norm1, conv, norm2),
        plain,
        torch.randn(3, 32, *size) + 3,
        torch.float32,
        1e-4,
    )
    for ours, theirs in zip((norm1, conv, norm2), (plain[0], plain[2], plain[3]), strict=True):
        assert distance(ours.weight.grad, theirs.weight.grad) < 1e-4
    assert distance(norm2.bias.grad, plain[3].bias.grad) < 1e-4
    for ours, theirs in ((norm1, plain[0]), (norm2, plain[3])):
        assert distance(ours.running_mean, theirs.running_mean) < 1e-5
        assert distance(ours.running_var, theirs.running_var) < 1e-5
        assert ours.num_batches_tracked == 1


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.bfloat16, 0.01)])
@pytest.mark.parametrize("relu", [False, True])
def test_batch_norm(dtype, tolerance, relu):
    torch.manual_seed(0)
    layer = norm(48)
    plain = nn.Sequential(copy.deepcopy(layer).double(), nn.ReLU() if relu else nn.Identity())
    compare(lambda x: kernels.batch_norm(layer, x, relu), plain, torch.randn(5, 48, 9, 6) - 2, dtype, tolerance)
    assert distance(layer.bias.grad, plain[0].bias.grad) < tolerance
    assert distance(layer.weight.grad, plain[0].weight.grad) < tolerance


def test_residual_gets_the_gradient_too():
    torch.manual_seed(0)
    layer, residual = norm(16), torch.randn(2, 16, 5, 5, requires_grad=True)
    plain = copy.deepcopy(layer).double()
    offset = residual.detach().double()
    ours = lambda x: kernels.batch_norm(layer, x, residual=residual)  # noqa: E731
    compare(ours, lambda x: plain(x) + offset, torch.randn(2, 16, 5, 5), torch.float32, 1e-5)
    assert residual.grad.shape == residual.shape and residual.grad.abs().sum() > 0


@pytest.mark.parametrize("frozen", [[], [1], [1, 4, 7]])
def test_a_frozen_batch_norm_is_the_plain_one(frozen):
    """Its running statistics moved, and its output was by the batch's."""
    torch.manual_seed(0)
    plain = nn.ModuleList([models.BasicBlock2(16, 32, 16, 1), nn.Sequential(nn.Conv2d(16, 16, 1), norm(16), nn.ReLU())])
    ours = copy.deepcopy(plain)
    assert fused.fuse(ours)
    for block, last in (plain, ours):
        for layer in [last[1], block.shortcut[1], *(block.block[place] for place in frozen)]:
            layer.eval()
    x = torch.randn(3, 16, 7, 7)
    wanted, found = (last(block(x)) for block, last in (plain, ours))
    assert distance(found, wanted.detach().double()) < 1e-5
    for theirs, own in zip(plain.buffers(), ours.buffers(), strict=True):
        torch.testing.assert_close(own, theirs)


def test_without_a_momentum_the_running_statistics_are_means_over_the_batches():
    torch.manual_seed(0)
    layer = nn.BatchNorm2d(16, momentum=None)
    plain = copy.deepcopy(layer)
    for x in torch.randn(3, 2, 16, 5, 5):
        kernels.batch_norm(layer, x)
        plain(x)
    torch.testing.assert_close(layer.running_mean, plain.running_mean)
    torch.testing.assert_close(layer.running_var, plain.running_var)


def test_a_second_derivative_is_refused():
    """It was taken to be that of what stands around the passes, silently."""
    norm1, conv, norm2 = norm(16), nn.Conv2d(16, 16, 3, padding=1, groups=16), norm(16)
    for ours in (
        lambda x: kernels.batch_norm(norm1, x, residual=x),
        lambda x: kernels.normalised_depthwise(x, norm1, conv, norm2),
    ):
        x = torch.randn(2, 16, 5, 5, requires_grad=True)
        (gradient,) = torch.autograd.grad(ours(x).square().sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            gradient.square().sum().backward()


@pytest.mark.parametrize("size", [(1, 16, 1, 1), (0, 16, 4, 4)])
def test_fewer_than_two_values_a_channel_are_refused(size):
    """One gave numbers, and none made the running statistics NaN."""
    layer = norm(16)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        kernels.batch_norm(layer, torch.zeros(size))
    assert not layer.running_mean.any() and (layer.running_var == 1).all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_a_net_in_another_format_is_refused(dtype):
    """Weights in bfloat16 were read as float32, beyond their end."""
    layer = norm(16).to(dtype)
    with pytest.raises(TypeError, match=f"float32 or bfloat16, .* not {dtype}"):
        kernels.batch_norm(layer, torch.zeros(2, 16, 3, 3, dtype=dtype))


def test_a_block_of_stride_3_is_not_fused():
    """It was computed by the kernel of stride 2, which wrote beyond the output."""
    block = nn.Sequential(models.BasicBlock2(16, 32, 16, 3))
    assert fused.fuse(block) and type(block[0]) is models.BasicBlock2


def test_no_cast_breaks_the_aliasing_rule():
    compiler = shutil.which("c++") or shutil.which("g++")
    flags = [*kernels.FLAGS, "-fsyntax-only", "-Wstrict-aliasing=1", "-Werror"]
    subprocess.run([compiler, *flags, kernels.SOURCE], check=True)


def test_a_nan_is_not_hidden_by_the_relu():
    x = torch.randn(2, 16, 4, 4)
    x[0, 3, 1, 1] = float("nan")
    assert kernels.batch_norm(norm(16), x, relu=True)[:, 3].isnan().all()


def test_without_a_compiler_the_model_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(kernels, "library", lambda: None)
    model = models.build("lightResNetl")
    assert not fused.fuse(model) and not any(isinstance(layer, fused.FusedBlock) for layer in model.modules())


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """``kernels.library`` without what it remembers and without compiled files."""
    monkeypatch.setattr(kernels.paths, "RUNS", tmp_path)
    return kernels.library.__wrapped__


def test_a_compiler_may_be_named_with_arguments(fresh, monkeypatch, tmp_path):
    compiler = shutil.which("c++") or shutil.which("g++")
    monkeypatch.setattr(kernels, "FLAGS", ["-std=c++17", "-O0", "-shared", "-fPIC"])  # quicker
    monkeypatch.setenv("CXX", f"{compiler} -w")
    assert fresh() is not None and len(list(tmp_path.rglob("*.so"))) == 1


@pytest.mark.parametrize(
    "compiler, reason",
    [("no-such-compiler -O2", "No such file"), ("false", "returned non-zero"), ('g++ "-O2', "No closing quotation")],
)
def test_a_compiler_that_fails_is_named_in_one_line(compiler, reason, fresh, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", compiler)
    said = f"^{re.escape(compiler)}: .*{reason}.*: training goes on .* in CXX$"
    with pytest.warns(UserWarning, match=said) as warned:
        assert fresh() is None
    assert len(warned) == 1 and not list(tmp_path.rglob("*.so*"))


def test_without_any_compiler_there_is_no_library(fresh, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(kernels.shutil, "which", lambda name: None)
    assert fresh() is None


def test_number_of_threads_changes_nothing_but_rounding():
    torch.manual_seed(0)
    x, before = torch.randn(4, 16, 9, 9), torch.get_num_threads()
    outputs = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            outputs.append(kernels.batch_norm(nn.BatchNorm2d(16), x))
    finally:
        torch.set_num_threads(before)
    assert torch.allclose(*outputs, atol=1e-6)


def test_a_net_of_odd_widths_stays_as_it_is():
    narrow = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    assert fused.fuse(narrow) and type(narrow) is nn.Sequential
    wide = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
    assert fused.fuse(wide) and type(wide) is fused.FusedSequential


def test_a_damaged_library_is_compiled_again_and_said(fresh, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(kernels, "FLAGS", ["-std=c++17", "-O0", "-shared", "-fPIC"])  # quicker
    assert fresh() is not None and not capsys.readouterr().err
    (file,) = tmp_path.rglob("*.so")
    whole = file.read_bytes()
    changed = whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]
    file.unlink()  # the library is in use
    file.write_bytes(changed)
    assert fresh() is not None and "damaged, compiled again" in capsys.readouterr().err
    assert file.read_bytes() != changed
