"""What several test files share."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """A copy of the checkout's code, notebooks and parameters, with no data and no results."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("fer_nb", "notebooks", "params", "profiles"):
        hidden = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(ROOT / name, folder / name, ignore=hidden)
    for name in ("Snakefile", "Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    return folder
