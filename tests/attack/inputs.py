"""Damaged inputs of every kind: each is refused clearly or rightly accepted, or the attack has found a defect."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from attack import data_inputs, kept_inputs, value_inputs
from attack.attempts import ACCEPTED, FAILED, REFUSED, Attempt, judge
from tqdm import tqdm

from fer_nb import paths
from fer_nb.nets import kernels

COUNTS = Path(__file__).parents[2] / "reports/reference/reliability.csv"
KINDS = (*data_inputs.KINDS, *kept_inputs.KINDS, *value_inputs.KINDS)


def attempts(seed: int, folder: Path) -> Iterator[Attempt]:
    """Every damaged input, drawn from ``seed`` and written under ``folder``, one kind after the other."""
    for number, kind in enumerate(KINDS):
        place = folder / kind.__name__
        place.mkdir()
        yield from kind(np.random.default_rng([seed, number]), place)


def judged(seed: int, share: int = 1) -> pd.DataFrame:
    """One row for every ``share``-th input: kind, name, outcome, detail."""
    rows = []
    kernels.library()  # compiled for the checkout, not for the folder of this attack
    with tempfile.TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        folder = Path(temporary)
        for name in ("DATA", "RUNS", "REPORTS"):
            patch.setattr(paths, name, folder / name.lower())
        for number, one in enumerate(tqdm(attempts(seed, folder), "damaged inputs", mininterval=5)):
            if number % share == 0:
                rows.append((one.kind, one.name, *judge(one)))
    return pd.DataFrame(rows, columns=["kind", "name", "outcome", "detail"])


def main(seed: int) -> Counter:
    """Judge every input; print what failed and the counts by kind, and keep these in ``COUNTS``."""
    found = judged(seed)
    for row in found[found["outcome"] == FAILED].itertuples():
        print(f"{row.kind}: {row.name}: {row.detail}")
    counts = pd.crosstab(found["kind"], found["outcome"]).reindex(columns=[REFUSED, ACCEPTED, FAILED], fill_value=0)
    counts.insert(0, "tried", counts.sum(axis=1))
    counts = counts.loc[found["kind"].unique()].rename_axis(columns=None)
    counts.to_csv(COUNTS)
    print(counts.to_string())
    return Counter(counts.sum().astype(int).to_dict())
