import copy

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from torch import nn

from fer_nb.nets import device, export, known, models
from fer_nb.speed import latency
from fer_nb.training import predict


def seen(name, **given):
    """A net whose batch norms have seen pictures, so that folding them is no matter of course."""
    torch.manual_seed(0)
    model = models.build(name, **given)
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.uniform_(0.5, 1.5)
                layer.bias.uniform_(-0.5, 0.5)
        model(torch.rand(2, 3, 44, 44))
    return model


@pytest.fixture(scope="module", params=models.NAMES)
def exported(request, tmp_path_factory):
    """A net as training leaves it, its weights before the export, and its file."""
    model = device.prepare(seen(request.param, num_classes=5), torch.device("cpu"))
    before = copy.deepcopy(model.state_dict())
    return model, before, export.export(model, tmp_path_factory.mktemp("onnx") / "net.onnx")


def test_export_leaves_the_net_as_it_is_and_names_no_place(exported):
    model, before, path = exported
    assert model.training and any(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert [entry.name for entry in path.parent.iterdir()] == ["net.onnx"]
    assert b"container.py" not in path.read_bytes()  # nothing of the stack traces that the exporter keeps


def test_an_exported_net_gives_pytorchs_logits_for_any_batch(exported):
    model, _, path = exported
    session = InferenceSession(path)
    model.eval()
    for batch in (1, 3):
        pictures = torch.rand(batch, 3, 44, 44)
        (found,) = session.run(["logits"], {"pictures": pictures.numpy()})
        wanted = model(pictures).detach()
        assert wanted.std() > 0.05
        torch.testing.assert_close(torch.from_numpy(found), wanted, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ("lightResNetl", *known.COMPARED))
def test_folding_leaves_no_batch_norm_and_the_outputs_as_they_are(name):
    model = latency.build(name).double()
    model(torch.rand(2, 3, 44, 44, dtype=torch.float64))
    pictures = torch.rand(2, 3, 44, 44, dtype=torch.float64)
    wanted = model.eval()(pictures)
    folded = export.fold(model)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in folded.modules())
    torch.testing.assert_close(folded(pictures), wanted, atol=0, rtol=1e-6)


def test_int8_is_a_quarter_in_size_and_near_the_float32_net(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 48, 48), dtype=np.uint8)
    exact = export.export(seen("lightResNetl"), tmp_path / "net.onnx")
    rounded = export.quantize(exact, tmp_path / "int8.onnx", images[:4])
    assert rounded.stat().st_size < 0.3 * exact.stat().st_size
    assert {entry.name for entry in tmp_path.iterdir()} == {"net.onnx", "int8.onnx"}
    wanted, found = (predict.predict(file, images[4:], crops=1) for file in (exact, rounded))
    difference = (found - wanted).square().mean().sqrt()
    assert 0 < difference < 0.1 * wanted.std()


def test_a_found_net_is_rounded_without_a_line_for_each_batch_norm(tmp_path, caplog):
    exact = export.export(latency.build("PDARTS_CIFAR10").eval(), tmp_path / "net.onnx")
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), dtype=np.uint8)
    assert export.quantize(exact, tmp_path / "int8.onnx", images).exists()
    assert "out-of-range" not in caplog.text


def test_without_pictures_nothing_is_calibrated(tmp_path):
    (tmp_path / "net.onnx").touch()
    with pytest.raises(ValueError, match=r"pictures are uint8 \(0, 48, 48\): give grey ones"):
        export.quantize(tmp_path / "net.onnx", tmp_path / "int8.onnx", np.empty((0, 48, 48), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["net.onnx"]
