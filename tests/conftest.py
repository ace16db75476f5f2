"""What several test files share."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# The training run of study `test` that notebook 05 evaluates.
RUN = "runs/test/04_training/ckplus-fold1-lightResNetl-seed0"


def environment(folder: Path, **more: str) -> dict:
    kept = {name: value for name, value in os.environ.items() if name != "FER_NB_DATA"}
    return kept | {"PYTHONPATH": str(folder)} | more


def snakemake(folder: Path, *arguments: str, study: str = "test", **more: str) -> subprocess.CompletedProcess:
    """Run Snakemake in a checkout, two jobs of one thread at a time; stdout and stderr together in ``stdout``."""
    cores = ["--cores", "2", "--max-threads", "1"]
    command = [sys.executable, "-m", "snakemake", *cores, *arguments, "--config", *f"study={study}".split()]
    both = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(command, cwd=folder, env=environment(folder, **more), text=True, timeout=1200, **both)


def copy_checkout(folder: Path) -> Path:
    """Copy the checkout's code, notebooks and parameters, with no data and no results, into a folder; the folder."""
    for name in ("fer_nb", "notebooks", "params", "profiles"):
        hidden = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, folder / name, ignore=hidden)
    if (ROOT / "reports/reference").exists():
        shutil.copytree(ROOT / "reports/reference", folder / "reports/reference")  # released weights
    for name in ("Snakefile", "Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    return folder


def draw(folder: Path) -> None:
    """Draw few faces in a checkout."""
    words = ["-m", "fer_nb.drawing.synthetic", "runs/synthetic", "--faces", "300", "--sequences", "30"]
    subprocess.run([sys.executable, *words], cwd=folder, env=environment(folder), check=True, capture_output=True)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def finished(checkout) -> Path:
    """A checkout in which study `test` has run once, on few faces."""
    draw(checkout)
    done = snakemake(checkout)
    assert done.returncode == 0, done.stdout[-5000:]
    return checkout


@pytest.fixture(scope="module")
def browser():
    """The machine's Chromium without a window; a test that asks for it is skipped where there is none."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: pip install playwright"
    )
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=chromium, args=flags)
        yield launched
        launched.close()
