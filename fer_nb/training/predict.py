"""What a trained net predicts, by one middle crop or by the thesis's ten crops (section 3.2).

The net is a PyTorch module, or the path of an ONNX file of ``fer_nb.nets.export``.
"""

from pathlib import Path

import pandas as pd
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from fer_nb.data import augment
from fer_nb.data.faceset import FaceSet
from fer_nb.nets import models
from fer_nb.nets.folding import FastNet

VIEWS = {"cpu": 160, "cuda": 2560}  # crops at a time: what fits the caches, what fills the device


@torch.inference_mode()
def predict(model, images, crops: int = 10, precision: str = "auto", heap: bool = True) -> torch.Tensor:
    """Logits of ``images``, averaged over the crops, as the code the thesis builds on does.

    Args:
        model: a net that takes (N, 3, 44, 44), computed in eval mode and left as it is. Or the path of an ONNX file,
            which ONNX Runtime computes on the CPU in the file's own number format.
        images: uint8 (N, 48, 48), array or tensor on the model's device.
        crops: 10, or 1 for the middle crop alone.
        precision: see ``device.number_format``.
        heap: on the CPU, keep large buffers (``device.keep_heap``).

    Returns:
        float32 tensor (N, classes) on the CPU.

    Raises:
        ValueError: ``crops`` is neither 1 nor 10, the pictures are others, or the file is no ONNX file of such a net.
        FileNotFoundError: there is no such file.
    """
    check_crops(crops)
    images = augment.check_pictures(images)
    if not isinstance(model, torch.nn.Module):
        net, batches = onnx_net(model), images.split(VIEWS["cpu"] // crops)
        return torch.cat([logits_of(net, batch, crops) for batch in batches])
    net = FastNet(model, precision, heap)
    batches = images.to(net.device).split(VIEWS[net.device.type] // crops)
    return torch.cat([logits_of(net, batch, crops) for batch in batches]).float().cpu()


def onnx_net(path):
    """The net in an ONNX file as a function of float32 (N, 3, 44, 44) that gives its logits, float32 (N, classes).

    It computes with as many threads as PyTorch would. Raises as ``predict`` does.
    """
    import onnxruntime

    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; write one with fer_nb.nets.export.export")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no common type
        raise ValueError(f"{path}: no ONNX file that can be read ({last_line(error)})") from error
    shapes = [given.shape[1:] for given in session.get_inputs()]
    if shapes != [[3, augment.CROP, augment.CROP]]:
        raise ValueError(
            f"{path}: takes inputs of shape {shapes}, not [N, 3, 44, 44]: choose a net of fer_nb.nets.export"
        )
    name = session.get_inputs()[0].name
    return lambda views: torch.from_numpy(session.run(None, {name: views.contiguous().numpy()})[0])


def check_crops(crops: int) -> None:
    """Raise ValueError for any but 1 and 10."""
    if isinstance(crops, bool) or not isinstance(crops, int) or crops not in (1, 10):
        raise ValueError(f"crops must be 1 or 10, not {crops!r}")


def logits_of(model, batch, crops):
    """Logits (N, classes) of ``batch``, uint8 (N, 48, 48) on the model's device, by one or ten crops."""
    check_crops(crops)
    if crops == 1:
        return model(augment.center_crop(batch).contiguous(memory_format=torch.channels_last))
    views = augment.ten_crop(batch).flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (10 N, 3, 44, 44)
    return model(views).float().unflatten(0, (-1, 10)).mean(1)


def table(model, faces: FaceSet, splits=("valid", "test"), precision: str = "auto", heap: bool = True) -> pd.DataFrame:
    """Ten-crop predictions for each picture of the given splits, one row per picture; arguments as for ``predict``.

    Returns:
        DataFrame: split, row (in the source file), label, predicted (class names), one probability column per class.

    Raises:
        ValueError: the net has another number of classes than the faces, or as ``predict``.
    """
    tables = []
    for split in splits:
        part = faces.of_split(split)
        if not len(part):
            continue
        probability = predict(model, part.images, precision=precision, heap=heap).softmax(1).numpy()
        names = pd.Index(part.classes)
        if probability.shape[1] != len(names):
            raise ValueError(f"the net predicts {probability.shape[1]} classes, the faces have {len(names)}")
        columns = {"split": split, "row": part.rows, "label": names[part.labels]}
        columns["predicted"] = names[probability.argmax(1)]
        tables.append(pd.DataFrame({**columns, **dict(zip(names, probability.T, strict=True))}))
    return pd.concat(tables, ignore_index=True)


def load_weights(model: torch.nn.Module, path: Path) -> torch.nn.Module:
    """Fill ``model`` from a safetensors file, in the model's own number format, and return it.

    The file may hold half precision, and names that ``nn.DataParallel`` or ``torch.compile`` put ``module.`` or
    ``_orig_mod.`` in front of. Raises ValueError where it is no safetensors file, holds the weights of another net,
    which is named if ``models.build`` makes it, or a value that no training leaves: not finite, or whole numbers.
    FileNotFoundError where there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; choose the weights of this net")
    try:
        weights = without_prefix(load_file(path))
    except SafetensorError as error:
        raise ValueError(f"{path}: no safetensors file ({last_line(error)}); choose the weights of this net") from error
    for name, wanted in model.state_dict().items():
        value = weights.get(name, wanted)
        if value.is_floating_point() != wanted.is_floating_point() or not value.isfinite().all():
            kind = "not finite" if value.is_floating_point() else "no numbers with a fraction"
            raise ValueError(f"{path}: damaged, the values of {name} are {kind}: choose another file, or train again")
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        other = net_of(weights)
        reason = f"they are of {other}" if other else last_line(error)
        raise ValueError(f"{path}: not the weights of this net ({reason}); choose its own file") from error
    return model


def without_prefix(weights: dict) -> dict:
    """``weights`` by the names that the net itself has for them."""
    # torch.compile may stand within nn.DataParallel or around it.
    for prefix in ("_orig_mod.", "module.", "_orig_mod."):
        if weights and all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def net_of(weights):
    """The name and number of classes of the net of ``models.build`` that has these weights; None where none has."""
    if "fc.bias" not in weights:
        return None
    classes = len(weights["fc.bias"])
    for name in models.NAMES:
        with torch.device("meta"):
            own = models.build(name, classes).state_dict()
        if {key: value.shape for key, value in own.items()} == {key: value.shape for key, value in weights.items()}:
            return f"{name} with {classes} classes"
    return None


def last_line(error):
    return str(error).strip().splitlines()[-1].strip()
