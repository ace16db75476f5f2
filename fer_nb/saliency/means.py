"""The masks of MP, which tremble with the random shifts, averaged over iterations; when they have settled."""

from collections import deque

import torch


class Means:
    """The mean mask of each picture over the last ``window`` iterations, and which pictures it has settled for."""

    def __init__(self, mask, window, settled):
        self.window, self.settled = window, settled
        self.mask, self.recent, self.before = mask.clone(), deque(maxlen=window), None
        self.found, self.iterations = mask.clone(), mask.new_zeros(len(mask), dtype=torch.long)

    def add(self, t, which, mask):
        """Take the masks of iteration ``t``, of the pictures numbered ``which``.

        Returns:
            bool, which of them go on; None where all do.
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

    def result(self, t):
        """Masks and iterations of all pictures, the last of which was ``t``."""
        left = self.iterations == 0
        self.found[left], self.iterations[left] = torch.stack(list(self.recent)).mean(0)[left], t
        return self.found, self.iterations


def correlation(a, b):
    """Pearson correlation (N,) of maps (N, 1, H, W) with their others: 1 where both are constant, 0 where one is."""
    a, b = (x.flatten(1) - x.flatten(1).mean(1, keepdim=True) for x in (a, b))
    sizes = a.norm(dim=1), b.norm(dim=1)
    flat = (sizes[0] == 0) & (sizes[1] == 0)
    return torch.where(flat, 1, (a * b).sum(1) / (sizes[0] * sizes[1]).clamp(min=torch.finfo(a.dtype).tiny))
