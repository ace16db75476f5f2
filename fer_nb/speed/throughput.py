"""Training speed, each variant in a fresh process of its own: the heap and the thread pool remember what ran before.

``python -m fer_nb.speed.throughput MODEL VARIANT BATCH SECONDS`` measures one and prints a JSON object.
"""

import json
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import torch
from torch.nn import functional as F
from tqdm import tqdm

from fer_nb.data import augment
from fer_nb.nets import device, fused, models

# Each variant is the one before it and one thing more.
VARIANTS = (
    "usual loop",  # PIL transforms in a DataLoader, float32, NCHW
    "+ batched augmentation",
    "+ channels last",
    "+ bfloat16",
    "+ kept heap",
    "+ float32 depthwise backward",
    "+ fused blocks",
)


def faces(count):
    """uint8 (count, 48, 48) noise and int64 labels: the speed does not depend on what is to be seen."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 48, 48), dtype=np.uint8), rng.integers(0, 7, count)


def usual_batches(images, labels, batch_size):
    """Batches as the usual code makes them: one picture at a time through PIL, in one worker process."""
    from PIL import Image
    from torchvision import transforms

    view = transforms.Compose(
        [
            transforms.RandomCrop(augment.CROP),
            transforms.RandomHorizontalFlip(),
            transforms.RandomRotation(10),
            transforms.ColorJitter(brightness=0.2, contrast=0.2),
            transforms.ToTensor(),
        ]
    )

    class Pictures(torch.utils.data.Dataset):
        def __len__(self):
            return len(labels)

        def __getitem__(self, i):
            return view(Image.fromarray(images[i]).convert("RGB")), int(labels[i])

    return torch.utils.data.DataLoader(Pictures(), batch_size, shuffle=True, num_workers=1)


def device_batches(images, labels, batch_size, layout):
    """Batches as ``train.step`` makes them."""
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.as_tensor(images), torch.as_tensor(labels)
    for batch in torch.randperm(len(labels), generator=generator).split(batch_size):
        yield augment.augment(images[batch], generator).contiguous(memory_format=layout), labels[batch]


def measure(name, variant, batch_size, seconds):
    """Pictures a second of training steps of net ``name`` on this machine's CPU, after one step to warm up.

    Raises ValueError for an unknown variant.
    """
    if variant not in VARIANTS:
        raise ValueError(f"unknown variant {variant!r}: choose one of {', '.join(VARIANTS)}")
    with_it = set(VARIANTS[: VARIANTS.index(variant) + 1])
    if "+ kept heap" in with_it:
        device.keep_heap()
    torch.manual_seed(0)
    model = models.build(name)
    if "+ float32 depthwise backward" in with_it:
        device.float32_depthwise(model)
    if "+ fused blocks" in with_it and not fused.fuse(model):
        raise RuntimeError("the fused blocks need a C++ compiler: install g++, or leave this variant out")
    layout = torch.channels_last if "+ channels last" in with_it else torch.contiguous_format
    model.to(memory_format=layout)
    dtype = device.number_format("auto" if "+ bfloat16" in with_it else "float32", torch.device("cpu"))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9, weight_decay=5e-4)
    images, labels = faces(64 * batch_size)
    if variant == "usual loop":
        batches = usual_batches(images, labels, batch_size)
    else:
        batches = device_batches(images, labels, batch_size, layout)
    start, steps = None, 0
    for views, wanted in batches:
        with device.autocast(torch.device("cpu"), dtype):
            loss = F.cross_entropy(model(views), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if start is None:
            start = time.perf_counter()
            continue
        steps += 1
        if time.perf_counter() - start > seconds:
            break
    speed = steps * batch_size / (time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"model": name, "variant": variant, "pictures_per_second": speed, "peak_memory_mb": peak}


def compare(names, variants, batch_size, seconds, repeats):
    """``measure`` of each net and variant, ``repeats`` times in turn; medians, and the ratio to the first variant.

    Returns:
        DataFrame: model, variant, ratio, pictures_per_second, lowest, highest, peak_memory_mb.
    """
    cases = [(name, variant) for _ in range(repeats) for name in names for variant in variants]
    rows = []
    for name, variant in tqdm(cases, desc="speed"):
        command = [sys.executable, "-m", "fer_nb.speed.throughput", name, variant, str(batch_size), str(seconds)]
        output = subprocess.run(command, capture_output=True, text=True)
        if output.returncode:
            raise RuntimeError(f"{name}, {variant}: {output.stderr.strip().splitlines()[-1]}")
        rows.append(json.loads(output.stdout))
    groups = pd.DataFrame(rows).groupby(["model", "variant"], sort=False)
    speeds = groups["pictures_per_second"].agg(pictures_per_second="median", lowest="min", highest="max")
    table = speeds.join(groups["peak_memory_mb"].max()).reset_index()
    first = table.groupby("model")["pictures_per_second"].transform("first")
    table.insert(2, "ratio", table["pictures_per_second"] / first)
    return table


if __name__ == "__main__":
    net, wanted_variant, pictures, limit = sys.argv[1:]
    print(json.dumps(measure(net, wanted_variant, int(pictures), float(limit))))
