import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from fer_nb import names
from fer_nb.nets import device
from fer_nb.speed import latency, timing


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but for what a call adds to it."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(timing.benchmark, "timer", lambda: now.seconds)
    return now


def test_each_call_is_timed_alone_after_those_that_warm_up(clock):
    lasts = iter([9, 1, 3, 2, 100])

    def call():
        clock.seconds += next(lasts)

    assert timing.repeat(call, seconds=5).tolist() == [1, 3, 2]


def test_no_time_to_go_on_still_gives_the_least_calls():
    calls = []
    assert len(timing.repeat(lambda: calls.append(0), 0, warmup=2, least=3)) == 3 and len(calls) == 5


def test_the_spread_has_median_lowest_and_highest_in_the_order_of_the_rows():
    rows = pd.DataFrame({"net": ["b", "a", "b", "b"], "seconds": [3.0, 7, 1, 8]})
    table = timing.spread(rows, ["net"], "seconds")
    assert list(table.index) == ["b", "a"] and list(table) == ["seconds", "lowest", "highest"]
    assert table.loc["b"].tolist() == [3, 1, 8]


def test_what_is_unknown_is_named_with_the_nearest():
    with pytest.raises(ValueError, match="unknown variant 'mixtures': did you mean mixture"):
        names.refuse_unknown("variant", ["plain", "mixtures"], {"plain": 1, "mixture": 2})


def test_an_error_in_a_measuring_process_is_raised_here():
    with pytest.raises(ValueError, match="unknown net 'mobilenet_v4': did you mean mobilenet_v2"):
        timing.in_fresh_processes(latency.build, [("mobilenet_v4",)], "build")


def test_the_peak_memory_of_a_large_parents_child_is_the_childs_own():
    code = (
        "import numpy as np; from fer_nb.speed.timing import peak_memory_mb; before = peak_memory_mb(); "
        "touched = np.ones(256 << 17); print(before, peak_memory_mb())"
    )
    large = np.ones(1024 << 17)  # 1024 MB
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    assert before < large.nbytes / 2**20
    assert 128 < after - before < 320  # 256 MB, some of it perhaps free before


@pytest.mark.parametrize("platform, megabytes", [("freebsd", 2048), ("darwin", 2)])
def test_without_proc_the_peak_memory_is_that_of_getrusage(platform, megabytes, monkeypatch, tmp_path):
    monkeypatch.setattr(timing, "Path", lambda path: Path(tmp_path / "none"))
    monkeypatch.setattr(timing.sys, "platform", platform)
    monkeypatch.setattr(timing.resource, "getrusage", lambda whose: SimpleNamespace(ru_maxrss=2 << 20))
    assert timing.peak_memory_mb() == megabytes


@pytest.mark.parametrize("native", [True, False])
def test_the_peak_is_that_of_each_number_format_that_is_not_emulated(native, monkeypatch):
    monkeypatch.setattr(device, "has_bfloat16", lambda device: native)
    monkeypatch.setattr(timing.torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(timing, "in_fresh_processes", lambda speed, cases, what: [2e9 * len(case) for case in cases])
    assert timing.machine_peaks() == ({"float32": 2, "bfloat16": 2} if native else {"float32": 2})  # GFLOP/s


def test_the_peak_grows_with_the_time_that_a_product_takes(monkeypatch):
    now = iter(np.cumsum([0, 9, 0, 4, 0, 2, 0, 4, 0, 4, 0, 4]))  # seconds at start and end; the first warms up
    monkeypatch.setattr(device.time, "perf_counter", lambda: next(now))
    assert device.matrix_speed(torch.bfloat16, size=100) == pytest.approx(1e6)  # 2e6 FLOP in 2 s
