"""A notebook as a person runs it: by plain papermill, and by restart-and-run-all from its own folder.

Every notebook is executed with test-size parameters by test_workflow.py, which runs the study `test`.
"""

import subprocess
import sys

import nbformat
from conftest import RUN, environment


def run(folder, *command):
    return subprocess.run(
        command, cwd=folder, env=environment(folder.parent, OMP_NUM_THREADS="1"), capture_output=True, text=True
    )


def outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    return str([cell.outputs for cell in cells if cell.cell_type == "code"])


def test_training_by_plain_papermill(finished, tmp_path):
    out, parameters = tmp_path / "out.ipynb", finished / "params/test/04_training.yaml"
    chosen = ["-p", "dataset", "ckplus-fold1", "-p", "model", "lightResNetl", "-p", "study", "alone"]
    papermill = [sys.executable, "-m", "papermill", "04_training.ipynb", str(out), "-f", str(parameters)]
    done = run(finished / "notebooks", *papermill, *chosen)
    assert done.returncode == 0, done.stderr[-3000:]
    history = (finished / RUN / "history.csv").read_text().splitlines()
    alone = (finished / RUN.replace("runs/test", "runs/alone") / "history.csv").read_text().splitlines()
    # The same seed gives the same numbers, but for the seconds.
    assert [line.split(",")[:8] for line in alone] == [line.split(",")[:8] for line in history]
    assert "on the test split" in outputs(out)


def test_restart_and_run_all_in_the_notebooks_folder(finished, tmp_path):
    convert = [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", "--output-dir", str(tmp_path)]
    done = run(finished / "notebooks", *convert, "03_models.ipynb")
    assert done.returncode == 0, done.stderr[-3000:]
    assert "4 of 4 nets equal the thesis in both counts" in outputs(tmp_path / "03_models.ipynb")
