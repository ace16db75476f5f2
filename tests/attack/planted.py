"""Planted failures of one stage, notebook 03: exit status, page and index tell each, and the last good table stays."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from conftest import ROOT, copy_checkout, snakemake

from fer_nb.report.refusal import REFUSAL

NOTEBOOK, PARAMETERS = "notebooks/03_models.ipynb", "params/test/03_models.yaml"
MODULE, TABLE = "fer_nb/nets/diagrams.py", "reports/test/tables/table-3-1.csv"


def cell(text: str, last: bool = False) -> Callable[[Path], None]:
    """A code cell more: after the imports, or at the end, when the table is written."""

    def plant(folder: Path) -> None:
        node = json.loads((folder / NOTEBOOK).read_text())
        more = {"cell_type": "code", "execution_count": None, "id": "planted", "metadata": {}, "outputs": []}
        code = [number for number, one in enumerate(node["cells"]) if one["cell_type"] == "code"]
        node["cells"].insert(code[-1 if last else 1] + 1, more | {"source": text})
        (folder / NOTEBOOK).write_text(json.dumps(node, indent=1))

    return plant


def text(file: str, content: str, add: bool = False) -> Callable[[Path], None]:
    """Another content of a file, or more of it."""

    def plant(folder: Path) -> None:
        old = (folder / file).read_text() if add else ""
        (folder / file).write_text(old + content)

    return plant


def without_its_table(folder: Path) -> None:
    node = (folder / NOTEBOOK).read_text()
    assert '\\"table-3-1\\"' in node
    (folder / NOTEBOOK).write_text(node.replace('\\"table-3-1\\"', '\\"table-3-0\\"'))


def full_disk(folder: Path) -> None:
    """No file may be longer than 1000 bytes in the kernel."""
    limit = "import resource, signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    cell(f"{limit}resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))")(folder)


PLANTED: dict[str, Callable[[Path], None]] = {
    "an error": cell("1 / 0"),
    "an error after the table": cell("1 / 0", last=True),
    "sys.exit(0)": cell("import sys\nsys.exit(0)"),
    "sys.exit(0) after the table": cell("import sys\nsys.exit(0)", last=True),
    "sys.exit(3)": cell("import sys\nsys.exit(3)"),
    "os._exit(0)": cell("import os\nos._exit(0)"),
    "killed": cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"),
    "killed after the table": cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", last=True),
    "a segmentation fault": cell("import ctypes\nctypes.string_at(0)"),
    "Ctrl-C": cell("raise KeyboardInterrupt"),
    "no memory": cell("raise MemoryError"),
    "bytes that are no text": cell("b'\\xff'.decode()"),
    "a file that is missing": cell("open('no-such-file')"),
    "an import that is missing": cell("import no_such_module"),
    "an error with markup": cell("raise ValueError('<script>alert(1)</script>')"),
    "a full disk": full_disk,
    "a table that is not written": without_its_table,
    "a module that fails": text(MODULE, "\nraise RuntimeError('planted')\n", add=True),
    "a module that is no Python": text(MODULE, "\ndef (\n", add=True),
    "a cell that is no Python": cell("def ("),
    "parameters that are no YAML": text(PARAMETERS, "models: ["),
    "a parameter that is not known": text(PARAMETERS, "modles: [VGG19]"),
    "a notebook that is cut": text(NOTEBOOK, '{"cells": [{"cell_type": "code"'),
}


def problems(folder: Path, good: bytes) -> list[str]:
    """What is wrong after a run of the stage that has to fail."""
    done = snakemake(folder, TABLE)
    index, page = ((folder / f"reports/test/{name}.html").read_text() for name in ("index", "03_models"))
    refused = REFUSAL in index
    table = folder / TABLE
    checks = {
        "the exit status is 0": done.returncode != 0,
        "a traceback of the workflow": "Traceback" not in done.stdout or not refused,
        "the index does not show it": refused or 'class="mark">failed' in index,
        "the page does not show it": refused or 'role="alert"' in page,
        "the page does not say that the table is older": refused or "older than this failure: table-3-1" in page,
        "the last good table is lost": table.is_file() and table.read_bytes() == good,
    }
    return [problem for problem, right in checks.items() if not right]


def main(seed: int = 0) -> Counter:
    """Plant each in turn. Nothing is random: ``seed`` changes nothing."""
    counts = Counter(planted=0, failed=0)
    with tempfile.TemporaryDirectory() as place:
        folder = copy_checkout(Path(place))
        if (done := snakemake(folder, TABLE)).returncode:
            raise RuntimeError(done.stdout[-3000:])
        good = (folder / TABLE).read_bytes()
        for name, plant in PLANTED.items():
            plant(folder)
            wrong = problems(folder, good)
            counts.update(planted=1, failed=bool(wrong))
            print(f"{name}: {', '.join(wrong) or 'as it should be'}", flush=True)
            for file in (NOTEBOOK, PARAMETERS, MODULE):
                shutil.copy2(ROOT / file, folder / file)
        done = snakemake(folder, TABLE)
        if done.returncode or (folder / TABLE).read_bytes() != good:
            counts["failed"] += 1
            print(f"not repaired: {done.stdout[-2000:]}")
    return counts
