"""When a search is ended before its last epoch, because its cells fall back on skips."""

import torch

from fer_nb.data import augment
from fer_nb.nas import steps
from fer_nb.training import train

STOPS = ("", "skips", "eigenvalue")
PATIENCE = 3  # epochs in a row with too many skips
WINDOW, DROP = 5, 0.75  # of the eigenvalue's stop: Zela et al. 2020, section 4.3


def stopped(history, stop, warmup, max_skips):
    """Position in ``history`` of the epoch whose alphas are taken, where ``stop`` ends the search; else None.

    Args:
        history: rows so far, each with "skips" and, for the eigenvalue's stop, "eigenvalue".
        stop, warmup, max_skips: see ``search.search``.
    """
    if stop == "skips":
        last = history[max(warmup, len(history) - PATIENCE) :]
        if len(last) == PATIENCE and all(row["skips"] > max_skips for row in last):
            return max(len(history) - PATIENCE - 1, 0)
    if stop == "eigenvalue" and len(history) >= 2 * WINDOW:
        now, before = (
            sum(abs(row["eigenvalue"]) for row in rows) / WINDOW
            for rows in (history[-WINDOW:], history[-2 * WINDOW : -WINDOW])
        )
        if before < DROP * now:
            return len(history) - WINDOW - 1
    return None


def eigenvalue(net, data, batch_size, generator, dtype):
    """``steps.largest_eigenvalue`` on the middle crops of one batch of ``data``, without dropout."""
    images, targets = data
    batch = train.shuffle(len(targets), batch_size, generator)[0]
    crops = augment.center_crop(images[batch]).contiguous(memory_format=torch.channels_last)
    net.skip_dropout = 0.0
    return steps.largest_eigenvalue(net, (crops, targets[batch]), generator, dtype=dtype)
