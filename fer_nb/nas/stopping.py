"""When a search ends before its last epoch, because its cells collapse to skips."""

import torch

from fer_nb.data import augment
from fer_nb.nas import steps
from fer_nb.training import train

STOPS = ("", "skips", "eigenvalue")
PATIENCE = 3  # epochs in a row with too many skips
WINDOW, DROP = 5, 0.75  # of the eigenvalue's stop: Zela et al. 2020, section 4.3


def stopped(history: list[dict], settings) -> int | None:
    """Position in ``history`` of the epoch whose alphas are taken, where ``settings.stop`` ends the search; else None.

    No epoch of the warm-up counts, nor are its alphas taken: they have not learned.

    Args:
        history: rows so far, each with "skips" and, for the eigenvalue's stop, "eigenvalue".
        settings: SearchSettings, of which stop, warmup and max_skips count.
    """
    if settings.stop == "skips":
        last = history[max(settings.warmup, len(history) - PATIENCE) :]
        if len(last) == PATIENCE and all(row["skips"] > settings.max_skips for row in last):
            return max(len(history) - PATIENCE - 1, settings.warmup)
    if settings.stop == "eigenvalue" and len(history) - settings.warmup >= 2 * WINDOW:
        now, before = (
            sum(abs(row["eigenvalue"]) for row in rows) / WINDOW
            for rows in (history[-WINDOW:], history[-2 * WINDOW : -WINDOW])
        )
        if before < DROP * now:
            return len(history) - WINDOW - 1
    return None


def eigenvalue(net, data, batch_size: int, generator, dtype) -> float:
    """``steps.largest_eigenvalue`` on the centre crops of one batch of ``data`` (images, targets), without dropout."""
    images, targets = data
    batch = train.shuffle(len(targets), batch_size, generator)[0]
    crops = augment.center_crop(images[batch]).contiguous(memory_format=torch.channels_last)
    net.skip_dropout = 0.0
    return steps.largest_eigenvalue(net, (crops, targets[batch]), generator, dtype=dtype)
