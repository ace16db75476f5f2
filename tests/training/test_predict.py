import copy

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fer_nb.data.faceset import FaceSet
from fer_nb.nets import export, models
from fer_nb.training import predict


@pytest.fixture(scope="module")
def net():
    """Conv - BN - ReLU - linear with three classes."""
    torch.manual_seed(0)
    model = nn.Sequential(*models.conv_bn(3, 8, 3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 11 * 11, 3))
    model(torch.rand(8, 3, 44, 44))
    return model


@pytest.fixture(scope="module")
def file(net, tmp_path_factory):
    return export.export(net, tmp_path_factory.mktemp("onnx") / "net.onnx")


def faces(classes=("a", "b", "c"), count=23):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 48, 48), dtype=np.uint8)
    none, split = np.full(count, ""), np.where(np.arange(count) % 2, "valid", "test")
    return FaceSet(images, rng.integers(0, len(classes), count), classes, split, none, none, np.arange(count))


@pytest.mark.parametrize("crops", [1, 10])
def test_an_onnx_file_predicts_what_its_net_does(net, file, crops, monkeypatch):
    monkeypatch.setitem(predict.VIEWS, "cpu", 50)  # more than one batch
    images = faces().images
    wanted = predict.predict(net, images, crops, precision="float32")
    for path in (file, str(file)):
        found = predict.predict(path, images, crops)
        assert found.shape == (23, 3) and found.dtype == torch.float32
        torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    assert wanted.std() > 0.01 and net.training


def test_the_table_of_an_onnx_file_is_that_of_its_net(net, file):
    ours, theirs = predict.table(net, faces(), precision="float32"), predict.table(file, faces())
    named = ["split", "row", "label", "predicted"]
    assert theirs[named].equals(ours[named]) and list(ours["split"].unique()) == ["valid", "test"]
    np.testing.assert_allclose(theirs[["a", "b", "c"]], ours[["a", "b", "c"]], atol=1e-5)


def test_a_net_of_other_classes_is_refused(net, file):
    for model in (net, file):
        with pytest.raises(ValueError, match="the net predicts 3 classes, the faces have 2"):
            predict.table(model, faces(("a", "b")))


def test_what_is_no_onnx_file_of_a_net_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"net\.onnx: no such file; write one with fer_nb\.nets\.export"):
        predict.predict(tmp_path / "net.onnx", faces().images)
    broken = tmp_path / "weights.onnx"
    broken.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"weights\.onnx: no ONNX file that can be read"):
        predict.predict(broken, faces().images)


def test_an_onnx_file_for_other_pictures_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(export.augment, "CROP", 40)
    other = export.export(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), tmp_path / "other.onnx")
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"other\.onnx: takes inputs of shape \[\[3, 40, 40\]\], not \[N, 3, 44, 44\]"):
        predict.predict(other, faces().images)


def test_weights_in_half_precision_fill_a_float32_net(tmp_path):
    torch.manual_seed(0)
    model = models.build("lightResNetl")
    halves = {name: value.half() if value.is_floating_point() else value for name, value in model.state_dict().items()}
    save_file(halves, tmp_path / "half.safetensors")
    filled = predict.load_weights(models.build("lightResNetl"), tmp_path / "half.safetensors")
    for name, value in filled.state_dict().items():
        assert value.dtype == model.state_dict()[name].dtype
        torch.testing.assert_close(value, model.state_dict()[name], atol=1e-4, rtol=1e-3)


def test_weights_of_another_net_are_refused_by_its_name(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(models.build("lightResNetm", 5).state_dict(), path)
    with pytest.raises(ValueError, match=r"weights\.safetensors: .* \(they are of lightResNetm with 5 classes\)"):
        predict.load_weights(models.build("lightResNetl"), path)
    with pytest.raises(ValueError, match="they are of lightResNetm with 5 classes"):
        predict.load_weights(models.build("lightResNetm", 7), path)
    save_file({"fc.weight": torch.zeros(7, 512)}, path)
    with pytest.raises(ValueError, match=r"weights\.safetensors: not the weights of this net \(.+\); choose its own"):
        predict.load_weights(models.build("lightResNetl"), path)


def test_what_is_no_safetensors_file_is_refused_by_name(tmp_path):
    path = tmp_path / "weights.safetensors"
    for content in (b"", b"something else entirely"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"weights\.safetensors: no safetensors file \(.+\); choose"):
            predict.load_weights(models.build("lightResNetl"), path)
    with pytest.raises(FileNotFoundError):
        predict.load_weights(models.build("lightResNetl"), tmp_path / "none.safetensors")


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_weights_of_a_wrapped_net_fill_the_net_itself(net, tmp_path, prefix):
    save_file({prefix + name: value for name, value in net.state_dict().items()}, tmp_path / "a.safetensors")
    fresh = copy.deepcopy(net)
    torch.nn.init.zeros_(next(fresh.parameters()))
    predict.load_weights(fresh, tmp_path / "a.safetensors")
    assert all(torch.equal(*pair) for pair in zip(fresh.parameters(), net.parameters(), strict=True))


def test_a_folder_of_weights_is_named(net, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file; choose the weights"):
        predict.load_weights(net, tmp_path)


@pytest.mark.parametrize("crops", [0, 5, "10", True, None])
def test_every_way_in_asks_for_one_or_ten_crops(net, crops):
    pictures = torch.zeros(1, 48, 48, dtype=torch.uint8)
    for take in (predict.predict, predict.logits_of):
        with pytest.raises(ValueError, match="crops must be 1 or 10"):
            take(net, pictures, crops)
