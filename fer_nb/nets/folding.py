"""A faster copy of a net with frozen weights, which computes the same up to rounding.

Batch norms are folded into the convolutions before them, ReLUs are computed in place or, like the additions of residual
blocks, within the convolution, the memory format is channels_last. What each is worth is measured by saliency/speed.py.
"""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from fer_nb.nets import device, export, models


class FusedConvolution(nn.Conv2d):
    """A frozen convolution, the addition of a shortcut and a ReLU, on the CPU in one pass of oneDNN.

    It is the pass that torch.compile would call: a wide map is written once, not up to three times, and the weights
    are put in oneDNN's order once, not in every call. It computes in the number format of its weights.
    """

    relu = False
    packed = None

    def forward(self, x, shortcut=None):
        x = x.to(self.weight.dtype)
        shortcut = shortcut if shortcut is None else shortcut.to(x.dtype)
        return FusedFunction.apply(x, shortcut, self) if torch.is_grad_enabled() else self.compute(x, shortcut)

    def compute(self, x, shortcut):
        geometry = self.padding, self.stride, self.dilation, self.groups
        if self.packed is None:  # in the order that is best for pictures of this size
            self.packed = torch.ops.mkldnn._reorder_convolution_weight(self.weight, *geometry, x.shape)
        given, convolve = (self.packed, self.bias, *geometry), torch.ops.mkldnn._convolution_pointwise
        if shortcut is None:
            return convolve(x, *given, "relu" if self.relu else "none", [], "")
        return convolve.binary(x, shortcut, *given, "add", 1.0, "relu" if self.relu else None, [], None)


class FusedFunction(torch.autograd.Function):
    """``FusedConvolution.compute`` with its gradients at the input and the shortcut."""

    @staticmethod
    def forward(context, x, shortcut, layer):
        out = layer.compute(x, shortcut)
        context.layer = layer
        context.save_for_backward(x, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(context, gradient):
        layer, (x, out) = context.layer, context.saved_tensors
        if layer.relu:
            gradient = torch.ops.aten.threshold_backward(gradient, out, 0)
        dtype = torch.float32 if device.slow_backward(layer) else x.dtype
        # Of x only the shape counts.
        given = gradient.to(dtype), x if x.dtype == dtype else torch.empty_like(x, dtype=dtype), layer.weight.to(dtype)
        geometry = layer.stride, layer.padding, layer.dilation, False, (0, 0), layer.groups
        found, _, _ = torch.ops.aten.convolution_backward(*given, None, *geometry, (True, False, False))
        return found.to(x.dtype), gradient if context.needs_input_grad[1] else None, None


class FoldedBlock(nn.Module):
    """A residual block of models.py in eval mode, whose last convolution adds the shortcut.

    ``layers``: its convolutions and ReLUs, the last of them a FusedConvolution.
    """

    def __init__(self, block, layers):
        super().__init__()
        self.first, self.last, self.shortcut = nn.Sequential(*layers[:-1]), layers[-1], block.shortcut
        self.last.relu = isinstance(block, models.ResidualBlock) or isinstance(block.activation, nn.ReLU)

    def forward(self, x):
        return self.last(self.first(x), self.shortcut(x))


def fuse(net, dtype):
    """Let the convolutions of a folded net compute in ``dtype`` with the ReLUs and additions after them, in place."""
    for layer in net.modules():
        plain = type(layer) in (nn.Conv2d, device.DepthwiseConv2d) and not isinstance(layer.padding, str)
        if plain and layer.padding_mode == "zeros":
            layer.__class__ = FusedConvolution
            layer.to(dtype)
    for name, block in list(net.named_modules()):
        if name and isinstance(block, models.ResidualBlock | models.BasicBlock1):
            layers = [layer for layer in block.block if not isinstance(layer, nn.Identity)]
            if isinstance(layers[-1], FusedConvolution):
                net.set_submodule(name, FoldedBlock(block, layers))
    for conv, layers, i in followed_by_relu(net):
        if isinstance(conv, FusedConvolution):
            conv.relu, layers[i] = True, nn.Identity()


def followed_by_relu(net):
    """Each convolution that a ReLU follows in an nn.Sequential, that Sequential, and the ReLU's place in it."""
    for layers in [layer for layer in net.modules() if isinstance(layer, nn.Sequential)]:
        computing = [i for i, layer in enumerate(layers) if not isinstance(layer, nn.Identity)]
        for i, j in pairwise(computing):
            if isinstance(layers[i], nn.Conv2d) and type(layers[j]) is nn.ReLU:
                yield layers[i], layers, j


def fusible(where, dtype):
    """Whether oneDNN computes there in this number format."""
    return where.type == "cpu" and dtype in (torch.float32, torch.bfloat16) and torch.backends.mkldnn.is_available()


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
            self.net = export.fold(copy.deepcopy(model)).requires_grad_(False).to(memory_format=torch.channels_last)
            if fusible(self.device, self.computes_in):
                fuse(self.net, self.computes_in)
            for _, layers, i in followed_by_relu(self.net):
                layers[i] = nn.ReLU(inplace=True)

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
