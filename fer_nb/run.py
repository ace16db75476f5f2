"""Run one notebook: strict parameters, papermill, a page also on failure, papermill's exit code.

    python -m fer_nb.run NOTEBOOK PARAMS.yaml OUT.ipynb [name=value ...]

A parameter file in params/<study> says the study by its folder, and is read with those of the studies that it extends
(it may be missing where they have one).

Exit status: 0, or 1 where a cell failed or the kernel died (OUT.ipynb and its page are written and name the error),
or 2 where the parameters are refused (nothing is written).
"""

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from fer_nb import machine, paths, study
from fer_nb.data import datasets
from fer_nb.files import replacing
from fer_nb.parameters import check_fit, defaults, read_checked, read_overrides
from fer_nb.study_files import parameter_files, read_study_files, study_folder, study_of


def execute(notebook: Path, given: dict, out: Path) -> str:
    """Run the notebook with papermill in its own folder; what its cells print streams through.

    Returns the status: "ok", "failed" (a cell raised) or "kernel died" (marked in OUT, whose cells papermill calls
    completed).
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    try:
        papermill.execute_notebook(
            notebook.resolve(),
            out.resolve(),
            given,
            kernel_name="python3",
            language="python",
            cwd=notebook.resolve().parent,
            progress_bar=False,
            stdout_file=sys.stdout,
            stderr_file=sys.stderr,
            extra_arguments=["--log-level=ERROR"],  # of the kernel
        )
    except papermill.PapermillExecutionError as error:
        print(f"fer_nb.run: {notebook.stem} failed: {error.ename}: {error.evalue}", file=sys.stderr)
        return "failed"
    except DeadKernelError:
        mark_death(out)
        print(f"fer_nb.run: {notebook.stem}: the kernel died (out of memory?)", file=sys.stderr)
        return "kernel died"
    return "ok"


def mark_death(out: Path) -> None:
    """Say in an executed notebook that its kernel died, in the cell that it died in: the last one that was started."""
    text = "the kernel died while this cell ran: most often the machine's memory was full, or the process was killed"
    node = nbformat.read(out, as_version=4)
    started = [cell for cell in node.cells if cell.cell_type == "code" and cell.metadata.papermill["start_time"]]
    started[-1].outputs.append(nbformat.v4.new_output("error", ename="DeadKernelError", evalue=text, traceback=[text]))
    started[-1].metadata.papermill["status"] = "failed"
    write_notebook(node, out)


def write_notebook(node: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook in place of the one that is there."""
    with replacing(path) as partial:
        nbformat.write(node, partial)


def execute_and_render(notebook: Path, parameters: dict, given: dict, out: Path) -> int:
    """Execute, record what made the result in ``metadata["fer_nb"]`` of OUT, render its page; the exit status.

    ``parameters``: all of them; ``given``: those that differ from the notebook's own cell, for papermill to inject.
    """
    from fer_nb.report import page

    commit = machine.commit()  # now: a checkout may change while a net trains
    started, clock = datetime.now(UTC), time.monotonic()
    status = execute(notebook, given, out)
    node = nbformat.read(out, as_version=4)
    node.metadata["fer_nb"] = {
        "notebook": notebook.stem,
        "study": parameters["study"],
        "parameters": parameters,
        "status": status,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - clock, 1),
        "commit": commit,
        "versions": machine.versions(),
        "device": machine.device(),
        "checksums": checksums(parameters),
    }
    write_notebook(node, out)
    print(page.render(out, parameters["study"]))
    return 0 if status == "ok" else 1


def checksums(parameters: dict) -> dict[str, str]:
    """SHA-256 of each data file (or folder) that a notebook with these parameters reads.

    Missing files are left out: the notebook itself has said so.
    """
    found = {}
    for name in study.read_datasets(parameters):
        try:
            found |= datasets.checksums(name, parameters["data"])
        except (OSError, ValueError):
            continue
    return found


def given_parameters(notebook: Path, file: Path, words: list[str]) -> tuple[dict, dict]:
    """The notebook's defaults, and what a parameter file (see the module's text) and ``name=value`` words change.

    Raises ValueError or FileNotFoundError, with one line that names file or word, key and remedy.
    """
    known, name = defaults(notebook), study_of(file)
    if (other := notebook.resolve().parents[1]) != paths.ROOT and (other / "fer_nb/run.py").exists():
        raise ValueError(f"{notebook} is of another checkout than the fer_nb in use: set PYTHONPATH={other}")
    of_study = parameter_files(name, file.stem) if name else []
    given = {"study": name} | read_study_files(of_study, known) if of_study else read_checked(file, known)
    overrides = read_overrides(words)
    check_fit(overrides, known)
    return known, given | overrides


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fer_nb.run", description="Run one notebook with strict parameters.")
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    parser.add_argument("parameters", type=Path, metavar="PARAMS.yaml")
    parser.add_argument("out", type=Path, metavar="OUT.ipynb")
    parser.add_argument("overrides", nargs="*", metavar="name=value")
    given = parser.parse_args(arguments)
    try:
        known, chosen = given_parameters(given.notebook, given.parameters, given.overrides)
        study_folder((known | chosen)["study"])  # raises where there is no such study
        if given.out.suffix != ".ipynb" or given.out.resolve() == given.notebook.resolve():
            raise ValueError(f"{given.out}: name another .ipynb file for the executed notebook")
        given.out.parent.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"fer_nb.run: {error}", file=sys.stderr)
        return 2
    return execute_and_render(given.notebook, known | chosen, chosen, given.out)


if __name__ == "__main__":
    sys.exit(main())
