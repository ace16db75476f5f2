"""What a trained net says of pictures, by one middle crop or by the thesis's ten (section 3.2)."""

import pandas as pd
import torch
from safetensors.torch import load_file

from fer_nb import augment
from fer_nb import device as devices

VIEWS = {"cpu": 160, "cuda": 2560}  # crops at a time: what fits the caches, what fills the device


@torch.inference_mode()
def predict(model, images, crops=10, precision="auto"):
    """Logits of ``images``, averaged over the crops, as the code the thesis builds on does.

    Args:
        model: a net that takes (N, 3, 44, 44); its training mode is restored afterwards.
        images: uint8 (N, 48, 48), array or tensor on the model's device.
        crops: 10, or 1 for the middle crop alone.
        precision: see ``device.number_format``.

    Returns:
        float32 tensor (N, classes) on the CPU.

    Raises:
        ValueError: ``crops`` is neither 1 nor 10.
    """
    if crops not in (1, 10):
        raise ValueError(f"crops must be 1 or 10, not {crops!r}")
    device = next(model.parameters()).device
    dtype = devices.number_format(precision, device)
    images = torch.as_tensor(images, device=device)
    training = model.training
    model.eval()
    try:
        with devices.autocast(device, dtype):
            batches = images.split(VIEWS[device.type] // crops)
            logits = [logits_of(model, batch, crops) for batch in batches]
    finally:
        model.train(training)
    return torch.cat(logits).float().cpu()


def logits_of(model, batch, crops):
    if crops == 1:
        return model(augment.center_crop(batch).contiguous(memory_format=torch.channels_last))
    views = augment.ten_crop(batch).flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (10 N, 3, 44, 44)
    return model(views).float().unflatten(0, (-1, 10)).mean(1)


def table(model, faces, sides=("valid", "test"), precision="auto"):
    """Ten-crop predictions for each picture of the given sides, one row a picture.

    Returns:
        DataFrame: side, row (in the source file), label, predicted (class names), then one probability column a class.
    """
    tables = []
    for side in sides:
        part = faces.side(side)
        if not len(part):
            continue
        probability = predict(model, part.images, precision=precision).softmax(1).numpy()
        names = pd.Index(part.classes)
        columns = {"side": side, "row": part.rows, "label": names[part.labels]}
        columns["predicted"] = names[probability.argmax(1)]
        tables.append(pd.DataFrame({**columns, **dict(zip(names, probability.T, strict=True))}))
    return pd.concat(tables, ignore_index=True)


def load_weights(model, path):
    """Fill ``model`` from a safetensors file and return it.

    Raises ValueError where the file is no safetensors or holds the weights of another net.
    """
    try:
        model.load_state_dict(load_file(path))
    except FileNotFoundError:
        raise
    except Exception as error:  # safetensors and torch each raise types of their own
        reason = str(error).strip().splitlines()[-1].strip()
        raise ValueError(f"{path}: not the weights of this net ({reason}); choose its own file") from error
    return model
