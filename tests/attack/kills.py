"""Kills at random moments: the same command again gives what the unbroken run gave, without a person's help.

A kill takes Snakemake and all that it started, Snakemake alone, or the notebook's kernel; half of them come after the
first file of the result is there. The environment variable FER_NB_KILLS says how many (30).
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pandas as pd
import psutil
from conftest import RUN, copy_checkout, draw, environment

MADE = ("runs/test", "reports/test")
TABLE = "reports/test/tables/table-3-6.csv"  # of the one training run
COMMAND = [sys.executable, "-m", "snakemake", "--cores", "2", "--max-threads", "1", TABLE, "--config", "study=test"]


def start(folder: Path, *more: str) -> subprocess.Popen:
    quiet = {"stdout": (folder / "told").open("w"), "stderr": subprocess.STDOUT}
    return subprocess.Popen([*COMMAND, *more], cwd=folder, env=environment(folder), start_new_session=True, **quiet)


def made(folder: Path) -> dict[str, str]:
    """The digests of what the study made, but for seconds and days."""
    found = {}
    for name in (f"{RUN}/predictions.csv", f"{RUN}/weights.safetensors", TABLE):
        found[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    history = pd.read_csv(folder / RUN / "history.csv")
    return found | {"history": history.drop(columns=[name for name in history if "seconds" in name]).to_csv()}


def kill(process: subprocess.Popen, what: str) -> None:
    """SIGKILL to a start of Snakemake: "all" of its group, "snakemake" alone, or the "kernel" (if there is one yet)."""
    if process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            below = psutil.Process(process.pid).children(recursive=True)
            kernels = [one for one in below if "ipykernel_launcher" in one.cmdline()] if what == "kernel" else []
            for one in kernels:
                one.kill()
        if not kernels:
            (os.killpg if what == "all" else os.kill)(process.pid, signal.SIGKILL)
    process.wait()


def trial(folder: Path, moment: float, late: bool, what: str, more: list[str]) -> bool:
    """Start from nothing, kill after ``moment`` seconds, and the same again; whether that ends well.

    With ``late`` the seconds count from the first output.
    """
    for name in MADE:
        shutil.rmtree(folder / name, ignore_errors=True)
    process, first = start(folder, *more), folder / RUN / "history.csv"
    while late and not first.exists() and process.poll() is None:
        time.sleep(0.05)
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    kill(process, what)
    return start(folder, *more).wait() == 0


def main(seed: int = 0) -> Counter:
    chance, counts = random.Random(seed), Counter(tried=0, equal=0, failed=0)
    with tempfile.TemporaryDirectory() as place:
        folder = copy_checkout(Path(place))
        protocol = folder / "params/test/04_training.yaml"
        protocol.write_text(protocol.read_text().replace("epochs: 1", "epochs: 4"))
        draw(folder)
        clock = time.monotonic()
        if start(folder).wait():
            raise RuntimeError((folder / "told").read_text()[-3000:])
        whole, expected = time.monotonic() - clock, made(folder)
        for number in range(int(os.environ.get("FER_NB_KILLS", "30"))):
            late, what = number % 2 == 1, ("all", "snakemake", "kernel")[number % 3]
            moment = chance.uniform(0, whole / 3 if late else whole)
            more = ["--keep-going"] if number % 4 > 1 else []
            ended = trial(folder, moment, late, what, more)
            equal = ended and made(folder) == expected
            counts.update(tried=1, equal=equal, failed=not equal)
            when = f"{moment:.1f} s after {'the first output' if late else 'the start'}"
            print(f"{'equal' if equal else 'NOT EQUAL'}: {what} killed {when} {' '.join(more)}", flush=True)
            if not equal:
                print((folder / "told").read_text()[-2000:])
    return counts
