"""MP's masks averaged over iterations, as each single one still moves with the random shifts."""

from collections import deque

import torch


class Means:
    """The mean mask of each picture over the last ``window`` iterations, and which pictures have settled.

    Args:
        mask: (N, 1, H, W), the masks at the start.
        settled: a picture is finished once its mean correlates more than this with the mean one window before; None:
            no picture finishes early.
    """

    def __init__(self, mask: torch.Tensor, window: int, settled: float | None):
        self.window, self.settled = window, settled
        self.mask, self.recent, self.before = mask.clone(), deque(maxlen=window), None
        self.found, self.iterations = mask.clone(), mask.new_zeros(len(mask), dtype=torch.long)

    def add(self, t: int, which: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | None:
        """Take the masks (M, 1, H, W) of iteration ``t`` (from 1), of the pictures numbered ``which``, int64 (M,).

        Returns:
            bool (M,), which of them go on; None where all do.
        """
        self.mask[which] = mask
        self.recent.append(self.mask.clone())
        if self.settled is None or t % self.window:
            return None
        now = torch.stack(list(self.recent)).mean(0)
        before, self.before = self.before, now
        if before is None:
            return None
        going = correlation(now[which], before[which]) <= self.settled
        self.found[which], self.iterations[which[~going]] = now[which], t
        return None if going.all() else going

    def result(self, t: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean mask (N, 1, H, W) and number of iterations, int64 (N,), of each picture; ``t``: the last iteration."""
        left = self.iterations == 0
        self.found[left], self.iterations[left] = torch.stack(list(self.recent)).mean(0)[left], t
        return self.found, self.iterations


def correlation(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Pearson correlation (N,) of maps (N, 1, H, W) in pairs: 1 where both are constant, 0 where one is."""
    a, b = (x.flatten(1) - x.flatten(1).mean(1, keepdim=True) for x in (a, b))
    sizes = a.norm(dim=1), b.norm(dim=1)
    flat = (sizes[0] == 0) & (sizes[1] == 0)
    return torch.where(flat, 1, (a * b).sum(1) / (sizes[0] * sizes[1]).clamp(min=torch.finfo(a.dtype).tiny))
