"""Trained nets as ONNX files, in float32 and in int8: what runs them needs no PyTorch.

    export(net, "net.onnx")
    quantize("net.onnx", "net-int8.onnx", faces.of_split("train").images[:256])
    predict.predict("net-int8.onnx", images)

A file takes ``pictures``, float32 (N, 3, 44, 44) in [0, 1], N any number, and gives ``logits``, float32 (N, classes).
"""

import copy
import itertools
import logging
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from fer_nb.data import augment
from fer_nb.files import replacing

INPUT, OUTPUT = "pictures", "logits"


def unwrapped(model: nn.Module) -> nn.Module:
    """The net inside ``torch.compile``, ``nn.DataParallel`` and their like; any other as it is."""
    while True:
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif hasattr(model, "_orig_mod"):  # torch.compile's type is not public
            model = model._orig_mod
        else:
            return model


def fold(model: nn.Module) -> nn.Module:
    """Multiply each batch norm into the convolution before it, in place, and return the net in eval mode.

    In eval mode a batch norm is one factor and one addition a channel, so that the outputs stay (Ioffe and Szegedy
    2015, section 3.1); training it further makes no sense. Pairs are found where they follow each other in a
    Sequential: all of ``models.build``, and those of torchvision's MobileNets and EfficientNets.
    """
    model.eval()
    for layers in [layer for layer in model.modules() if isinstance(layer, nn.Sequential)]:
        for i, (conv, norm) in enumerate(itertools.pairwise(list(layers))):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                layers[i], layers[i + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
    return model


def export(model: nn.Module, path: Path) -> Path:
    """Write a net as an ONNX file in float32, batch norms folded, and return the path.

    Args:
        model: any net that takes (N, 3, 44, 44), on any device and in either mode, compiled or spread over GPUs too; it
            is left as it is.
        path: of the file, which is written under a temporary name and renamed.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    net = fold(copy.deepcopy(unwrapped(model)).float().cpu())
    for layer in net.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False  # the exporter is several times slower with it, and takes hard swish apart
    pictures = torch.zeros(2, 3, augment.CROP, augment.CROP)
    program = torch.onnx.export(
        net,
        (pictures,),
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    ClearMetadataAndDocStringPass()(program.model)  # stack traces: the paths of this machine
    with replacing(path) as partial:
        program.save(partial, external_data=False)
    return Path(path)


def quantize(source: Path, target: Path, images) -> Path:
    """Write an int8 version of an ONNX file of ``export`` and return its path.

    Activations are rounded to 8 bits and weights to 7, weights with a scale for each output channel (Jacob et al. 2018;
    Krishnamoorthi 2018). The range of each activation is the one seen on ``images``. Weights of 7 bits cost little
    accuracy and make the result right on every processor: AVX2 and AVX-512 without VNNI add two products of 8 bits in
    16 bits, which overflow with weights of 8 bits (2 x 255 x 127 > 32,767) and never with 7 (2 x 255 x 64 = 32,640).

    Args:
        source: the float32 file.
        target: the file to write, under a temporary name that is renamed.
        images: uint8 (N, 48, 48) of the train split, some hundred; their middle crops are taken.

    Raises:
        FileNotFoundError: there is no file ``source``. ValueError: it is no ONNX file, or the images are others.
    """
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    if not Path(source).is_file():
        raise FileNotFoundError(f"{source}: no such file; write one with fer_nb.nets.export.export")
    images = augment.check_pictures(images)
    with replacing(target) as partial:
        logging.root.addFilter(_of_use)
        try:
            quant_pre_process(source, partial, skip_symbolic_shape=True)
            quantization.quantize_static(
                partial,
                partial,
                Crops(images),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
            )
        except OSError:  # a full disk
            raise
        except Exception as error:  # onnx's and onnxruntime's errors have no common type
            raise ValueError(f"{source}: no ONNX file that can be read; write it again with export") from error
        finally:
            logging.root.removeFilter(_of_use)
    return Path(target)


def _of_use(record: logging.LogRecord) -> bool:
    """Not a line for each batch norm of a found net: its weights are a vector, and get one scale."""
    return "is out-of-range for weight" not in record.getMessage()


class Crops:
    """Middle crops in batches, as onnxruntime's calibration asks for them (its CalibrationDataReader)."""

    def __init__(self, images, batch_size=4):
        self.batches = iter(augment.center_crop(images).split(batch_size))

    def get_next(self):
        """{input name: float32 (n, 3, 44, 44)}, None at the end."""
        batch = next(self.batches, None)
        return None if batch is None else {INPUT: batch.contiguous().numpy()}
