"""What the files beside the code say: the version in one place, tools pinned alike, names that exist."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import fer_nb

ROOT = Path(__file__).parents[1]
TEXT = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "CHANGELOG.md")}
PINNED = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.M))


def read(name):
    return YAML(typ="safe", pure=True).load(ROOT / name)


def test_the_version_stands_in_the_package_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"] and project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "fer_nb.__version__"}
    assert "version" not in read("CITATION.cff")
    released = re.findall(r"^## (\d\S*) - \d{4}-\d{2}-\d{2}$", TEXT["CHANGELOG.md"], re.M)
    assert released[0] == fer_nb.__version__ and "\n## Unreleased\n" in TEXT["CHANGELOG.md"]


def test_the_citation_has_what_cff_1_2_requires():
    citation = read("CITATION.cff")
    assert citation["cff-version"] == "1.2.0" and citation["message"] and citation["title"].startswith("fer_nb")
    assert citation["authors"] == [{"name": "fer_nb developers"}]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["license"] == project["license"]


def test_hooks_use_the_tools_of_the_lock_file():
    ruff, strip = read(".pre-commit-config.yaml")["repos"]
    assert ruff["rev"] == f"v{PINNED['ruff']}" and [hook["id"] for hook in ruff["hooks"]] == [
        "ruff-check",
        "ruff-format",
    ]
    assert re.fullmatch(r"\d+\.\d+\.\d+", strip["rev"])


def test_what_contributing_names_is_there():
    quoted = re.findall(r"(?:fer_nb|tests|params|notebooks|reports)/[\w./-]*(?=[`\s])", TEXT["CONTRIBUTING.md"])
    assert len(quoted) > 10
    for name in quoted:
        assert (ROOT / name).exists(), name
    for constant, file in re.findall(r"`([A-Z_]+)` (?:of|or `[A-Z]+` of) `(fer_nb/\S+?\.py)`", TEXT["CONTRIBUTING.md"]):
        assert re.search(rf"^{constant}\b", (ROOT / file).read_text(), re.M), f"{file}: {constant}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("echo 1/", "success"), ("echo /1", "failed"), ("echo /", "running"), ("true", "failed"), ("exit 1", "running")],
    ids=["done", "failed", "running", "gone", "no answer"],
)
def test_the_status_of_a_kubernetes_job(tmp_path, answer, expected):
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "kubectl").chmod(0o755)
    found = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    told = subprocess.run([ROOT / "profiles/kubernetes/status", "job"], env=found, capture_output=True, text=True)
    assert (told.returncode, told.stdout.strip()) == (0, expected)
