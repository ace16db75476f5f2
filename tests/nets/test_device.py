import platform

import pytest
import torch

from fer_nb.nets import device, models

CPU = torch.device("cpu")
needs_bfloat16 = pytest.mark.skipif(not device.has_bfloat16(CPU), reason="this processor has no bfloat16 convolutions")


def test_number_format():
    assert device.number_format("float32") is torch.float32
    assert device.number_format("auto", CPU) in (torch.float32, torch.bfloat16)
    with pytest.raises(ValueError, match="unknown precision 'half'"):
        device.number_format("half")


@pytest.mark.parametrize("able", [True, False])
def test_bfloat16_is_for_processors_that_have_it(able, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: able)
    monkeypatch.setattr(device, "bfloat16_is_faster", lambda: True)
    assert device.has_bfloat16(CPU) == able
    if able:
        assert device.number_format("bfloat16", CPU) is device.number_format("auto", CPU) is torch.bfloat16
        return
    assert device.number_format("auto", CPU) is torch.float32
    with pytest.raises(ValueError, match=r"precision bfloat16: .* has no convolutions in it .*: choose float32"):
        device.number_format("bfloat16", CPU)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_keep_heap_is_accepted():
    assert device.keep_heap()


def gradients(model, x, dtype):
    model.zero_grad()
    torch.manual_seed(0)  # dropout
    with device.autocast(CPU, dtype):
        logits = model(x)
    logits.float().square().sum().backward()
    return logits.detach().float(), torch.cat([p.grad.flatten() for p in model.parameters()])


def distance(a, b):
    return ((a - b).norm() / b.norm()).item()


def small(name):
    """A narrow net of the thesis that has every kind of layer which ``prepare`` changes."""

    def block(stage, index, inputs, outputs, stride):
        if name == "ResNet18":
            return models.ResidualBlock(inputs, outputs, stride)
        kind = models.BasicBlock1 if stride == 1 else models.BasicBlock2
        return kind(inputs, outputs, outputs, stride)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "STAGE_WIDTHS", (64, 64, 64, 512))
        return models.resnet(block, torch.nn.AdaptiveAvgPool2d(1), 7)


@pytest.mark.parametrize("name", ["lightResNetl", "ResNet18"])
@pytest.mark.parametrize("kernels", [True, False], ids=["fused", "plain"])
def test_a_prepared_net_computes_what_the_plain_one_does(name, kernels, monkeypatch):
    if not kernels:
        monkeypatch.setattr(device.fused, "fuse", lambda model: False)
    torch.manual_seed(0)
    x = torch.rand(8, 3, 22, 22)
    plain, prepared = small(name), small(name)
    prepared.load_state_dict(plain.state_dict())
    device.prepare(prepared, CPU)
    assert list(prepared.state_dict()) == list(plain.state_dict())
    exact = gradients(plain, x, torch.float32)
    ours = gradients(prepared, x.contiguous(memory_format=torch.channels_last), torch.float32)
    assert distance(ours[0], exact[0]) < 1e-4 and distance(ours[1], exact[1]) < 0.02
    for one, other in zip(plain.buffers(), prepared.buffers(), strict=True):  # running statistics
        assert torch.allclose(one.float(), other.float(), rtol=1e-3, atol=1e-5)
    if not device.has_bfloat16(CPU):
        return  # what follows needs convolutions in bfloat16
    # In bfloat16, no farther from the exact numbers than the plain net in bfloat16 is.
    rounded = gradients(plain, x, torch.bfloat16)
    ours = gradients(prepared, x.contiguous(memory_format=torch.channels_last), torch.bfloat16)
    for found, usual, wanted in zip(ours, rounded, exact, strict=True):
        assert distance(found, wanted) < 1.5 * distance(usual, wanted)


@needs_bfloat16
@pytest.mark.parametrize("size", [8, 11])
def test_gradients_of_the_stride_2_depthwise_convolution(size):
    torch.manual_seed(0)
    plain = torch.nn.Conv2d(6, 6, 3, 2, 1, groups=6)
    ours = torch.nn.Conv2d(6, 6, 3, 2, 1, groups=6)
    ours.load_state_dict(plain.state_dict())
    device.prepare(ours, CPU)
    x = torch.randn(4, 6, size, size)
    results = []
    for layer, dtype in ((plain, torch.float32), (ours, torch.bfloat16)):
        x = x.detach().requires_grad_()
        with device.autocast(CPU, dtype):
            layer(x).float().square().sum().backward()
        results.append([x.grad, layer.weight.grad, layer.bias.grad])
    for wanted, found in zip(*results, strict=True):
        assert (found - wanted).norm() / wanted.norm() < 0.02


def test_describe_names_the_processor():
    assert f"{torch.get_num_threads()} thread" in device.describe(CPU)


def test_a_damaged_note_on_number_formats_is_measured_again(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(device.paths, "RUNS", tmp_path)
    monkeypatch.setattr(device, "matrix_speed", lambda dtype: 2.0 if dtype == torch.bfloat16 else 1.0)
    assert device.bfloat16_is_faster.__wrapped__()
    (note,) = tmp_path.rglob("*.txt")
    note.write_text("nan\n")
    assert device.bfloat16_is_faster.__wrapped__() and note.read_text() == "2.000\n"
    assert f"{note}: damaged, measured again" in capsys.readouterr().err
