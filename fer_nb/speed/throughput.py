"""Training speed on the CPU by variant of the training loop."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.nn import functional as F
from torch.profiler import record_function
from torch.utils.data import DataLoader, Dataset, RandomSampler

from fer_nb.data import augment
from fer_nb.names import refuse_unknown
from fer_nb.nets import device, fused
from fer_nb.speed import latency, timing
from fer_nb.training.protocol import Protocol

# Each variant is the one before it plus one change.
VARIANTS = (
    "usual loop",  # PIL transforms in a DataLoader, float32, NCHW
    "+ batched augmentation",
    "+ channels last",
    "+ bfloat16",  # where it is faster than float32
    "+ kept heap",
    "+ float32 depthwise backward",
    "+ fused blocks",  # of a searched net: fused cells
)
PICTURES = 4096
AUGMENTATION, OPTIMIZER = "augmentation", "optimizer and clamp"  # parts of a step, under these names in a profile


class UsualPictures(Dataset):
    """uint8 (N, 48, 48) pictures and labels, augmented one at a time through PIL, as it is usually written."""

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        from torchvision import transforms

        self.images, self.labels = images, labels
        views = [transforms.RandomCrop(augment.CROP), transforms.RandomHorizontalFlip(), transforms.RandomRotation(10)]
        colour = [transforms.ColorJitter(brightness=0.2, contrast=0.2), transforms.ToTensor()]
        self.view = transforms.Compose(views + colour)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.view(Image.fromarray(self.images[i]).convert("RGB")), int(self.labels[i])


def usual_batches(images: np.ndarray, labels: np.ndarray, batch_size: int) -> Iterator:
    """Batches without end as the usual code makes them: by a DataLoader with one worker process."""
    pictures = UsualPictures(images, labels)
    endless = RandomSampler(pictures, replacement=True, num_samples=2**40)
    return iter(DataLoader(pictures, batch_size, sampler=endless, num_workers=1))


def device_batches(images: np.ndarray, labels: np.ndarray, batch_size: int, layout: torch.memory_format) -> Iterator:
    """Batches without end as the study's training loop makes them."""
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.as_tensor(images), torch.as_tensor(labels)
    while True:
        for batch in torch.randperm(len(labels), generator=generator).split(batch_size):
            yield augment.augment(images[batch], generator).contiguous(memory_format=layout), labels[batch]


def training_step(name: str, variant: str, batch_size: int) -> tuple[Callable[[], None], torch.dtype]:
    """A function that takes one training step of net ``name`` by ``variant``, and the number format it computes in.

    The function is for this machine's CPU and this process, whose heap the later variants change.

    Raises:
        ValueError: unknown net or variant.
        RuntimeError: fused blocks without a C++ compiler.
    """
    refuse_unknown("variant", [variant], VARIANTS)
    changes = VARIANTS[: VARIANTS.index(variant) + 1]
    if "+ kept heap" in changes:
        device.keep_heap()
    model = latency.build(name)
    if "+ float32 depthwise backward" in changes:
        device.float32_depthwise(model)
    if "+ fused blocks" in changes and not fused.fuse(model):
        raise RuntimeError("the fused blocks need a C++ compiler: install g++, or leave this variant out")
    layout = torch.channels_last if "+ channels last" in changes else torch.contiguous_format
    model.to(memory_format=layout)
    cpu = torch.device("cpu")
    dtype = device.number_format("auto" if "+ bfloat16" in changes else "float32", cpu)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4)
    rng = np.random.default_rng(0)  # the speed does not depend on what the pictures show
    images, labels = rng.integers(0, 256, (PICTURES, 48, 48), dtype=np.uint8), rng.integers(0, 7, PICTURES)
    usual = variant == VARIANTS[0]
    given = (images, labels, batch_size)
    batches = usual_batches(*given) if usual else device_batches(*given, layout)

    def step():
        with record_function(AUGMENTATION):
            views, wanted = next(batches)
        with device.autocast(cpu, dtype):
            loss = F.cross_entropy(model(views), wanted)
        optimizer.zero_grad()
        loss.backward()
        with record_function(OPTIMIZER):
            torch.nn.utils.clip_grad_value_(model.parameters(), Protocol.clip_value)
            optimizer.step()

    return step, dtype


def measure(name: str, variant: str, batch_size: int, seconds: float) -> dict:
    """Training speed of net ``name`` by ``variant`` on this machine's CPU, in this process, after one step.

    Returns:
        {"model", "variant", "number_format" that the net computes in, "pictures_per_second", "peak_memory_mb"}

    Raises:
        ValueError, RuntimeError: as ``training_step``.
    """
    step, dtype = training_step(name, variant, batch_size)
    # The mean, as the usual loop's steps wait for its worker now and then.
    speed = batch_size / timing.repeat(step, seconds, least=1).mean()
    row = {"model": name, "variant": variant, "number_format": str(dtype).removeprefix("torch.")}
    return row | {"pictures_per_second": speed, "peak_memory_mb": timing.peak_memory_mb()}


def compare(names: list[str], variants: list[str], batch_size: int, seconds: float, repeats: int) -> pd.DataFrame:
    """``measure`` each net and variant ``repeats`` times in turn, each in a fresh process.

    Returns:
        DataFrame: model, variant (all that it adds to the row above), number_format, ratio (to the net's first row),
        pictures_per_second (median), lowest, highest, peak_memory_mb (highest; of this process, without the usual
        loop's worker).

    Raises:
        ValueError, RuntimeError: as ``measure``.
    """
    refuse_unknown("variant", variants, VARIANTS)
    variants = [variant for variant in VARIANTS if variant in variants]
    cases = [(name, variant, batch_size, seconds) for name in names for variant in variants] * repeats
    rows = pd.DataFrame(timing.in_fresh_processes(measure, cases, "training speed"))
    keys = ["model", "variant", "number_format"]
    memory = rows.groupby(keys, sort=False)["peak_memory_mb"].max()
    table = timing.spread(rows, keys, "pictures_per_second").join(memory).reset_index()
    first = table.groupby("model")["pictures_per_second"].transform("first")
    table.insert(3, "ratio", table["pictures_per_second"] / first)
    ends = [VARIANTS.index(variant) + 1 for variant in variants]
    added = [" ".join(VARIANTS[start:end]) for start, end in zip([0, *ends], ends, strict=False)]
    table["variant"] = table["variant"].map(dict(zip(variants, added, strict=True)))
    return table
