"""A faster copy of a net with frozen weights, which computes the same up to rounding.

Batch norms are folded into the convolutions before them, ReLUs are computed in place or within the convolution, the
memory format is channels_last. What each is worth is measured by saliency/speed.py.
"""

import copy
from itertools import pairwise

import torch
from torch import nn

from fer_nb.nets import device, export


class ConvolutionReLU(nn.Conv2d):
    """Convolution and ReLU; on the CPU, where no gradient is asked for, in one pass of oneDNN.

    It is the pass that torch.compile would call: a wide map is written once, not twice.
    """

    def forward(self, x):
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
        if torch.is_grad_enabled() or not fusible(x.device, dtype):
            return super().forward(x).relu_()
        bias = None if self.bias is None else self.bias.to(dtype)
        geometry = self.padding, self.stride, self.dilation, self.groups
        return torch.ops.mkldnn._convolution_pointwise(
            x.to(dtype), self.weight.to(dtype), bias, *geometry, "relu", [], ""
        )


def fusible(where, dtype):
    """Whether oneDNN computes there in this number format."""
    return where.type == "cpu" and dtype in (torch.float32, torch.bfloat16) and torch.backends.mkldnn.is_available()


def join_relu(module):
    """Join each plain convolution of every nn.Sequential inside ``module`` with the ReLU that follows it, in place."""
    for child in module.children():
        join_relu(child)
    if not isinstance(module, nn.Sequential):
        return
    computing = [i for i, layer in enumerate(module) if not isinstance(layer, nn.Identity)]
    for i, j in pairwise(computing):
        layer = module[i]
        if not isinstance(layer, nn.Conv2d) or type(module[j]) is not nn.ReLU:
            continue
        if type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not isinstance(layer.padding, str):
            layer.__class__, module[j] = ConvolutionReLU, nn.Identity()
        else:
            module[j] = nn.ReLU(inplace=True)


class FastNet:
    """``FastNet(model)(x)``: the logits of a net in eval mode, by a frozen copy that computes faster.

    ``model`` itself, its mode, hooks and requires_grad are not touched; later changes of it do not reach the copy.

    Args:
        model: net; the copy is in eval mode.
        precision: number format of the copy, "float32", "bfloat16" or "auto" (``device.number_format``); None keeps
            that of the net.
        heap: on the CPU, keep large buffers (``device.keep_heap``).
    """

    def __init__(self, model: nn.Module, precision: str | None = None, heap: bool = True):
        model = export.unwrapped(model)
        parameter = next(model.parameters())
        self.device, self.dtype = parameter.device, parameter.dtype
        self.computes_in = self.dtype if precision is None else device.number_format(precision, self.device)
        if heap and self.device.type == "cpu":
            device.keep_heap()
        with torch.no_grad():
            net = export.fold(copy.deepcopy(model))
            self.net = device.prepare(net, self.device).requires_grad_(False)
            join_relu(self.net)

    def __call__(self, x):
        """Logits (N, classes) of pictures ``x``, in the number format of the net."""
        enabled = self.computes_in != self.dtype
        with torch.autocast(self.device.type, self.computes_in, enabled=enabled):
            return self.net(x.contiguous(memory_format=torch.channels_last)).to(self.dtype)

    def chunk_size(self, picture: torch.Tensor, most: int) -> int:
        """How many pictures fit at once: their feature maps in half of the free memory, from 1 to ``most``.

        Args:
            picture: (1, 3, H, W) to measure with.
            most: upper limit, for what fits caches.
        """
        sizes = []
        layers = [layer for layer in self.net.modules() if not list(layer.children())]
        hooks = [layer.register_forward_hook(lambda layer, _, maps: sizes.append(maps.nbytes)) for layer in layers]
        try:
            with torch.no_grad():
                self(picture)
        finally:
            for hook in hooks:
                hook.remove()
        return max(1, min(most, free_memory(self.device) // 2 // max(1, sum(sizes))))


def free_memory(where):
    """Bytes that are free on a device."""
    if where.type == "cuda":
        return torch.cuda.mem_get_info(where)[0]
    import psutil  # training does without

    return psutil.virtual_memory().available
