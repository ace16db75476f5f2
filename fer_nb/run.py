"""Run one notebook: strict parameters, papermill, a page also on failure, papermill's exit code.

    python -m fer_nb.run NOTEBOOK PARAMS.yaml OUT.ipynb [name=value ...]

A parameter file in params/<study> says the study by its folder, and is read with those of the studies that it extends
(it may be missing where they have one).

Exit status: 0, or 1 where a cell failed or the kernel died (OUT.ipynb and its page are written and name the error;
the tables of the last run that ended well are put back), or 2 where the parameters are refused (nothing is written).
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import nbformat

from fer_nb import imports, machine, paths, study
from fer_nb.data import datasets
from fer_nb.files import hold, replacing, sha256
from fer_nb.names import refuse_unfit, refuse_unknown
from fer_nb.parameters import check_fit, defaults, read_checked, read_overrides
from fer_nb.report.promised import promised
from fer_nb.study_files import DATA, parameter_files, read_study_files, study_folder, study_of

NAMES = ("study", "dataset", "model", "change")  # parameters that become parts of paths


@contextmanager
def kernel_environment() -> Iterator[None]:
    """What the kernel inherits: this checkout's fer_nb, whichever is installed; the same data folder; a home to write.

    Jupyter's and IPython's files are in a temporary folder: the user's own may be read-only, on a mount without locks,
    name another Python as `python3`, or change what a notebook does.
    """
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        path = os.pathsep.join([str(paths.ROOT), *filter(None, [before.get("PYTHONPATH")])])
        os.environ |= {"PYTHONPATH": path, "FER_NB_DATA": str(paths.DATA)}
        os.environ |= dict.fromkeys(["JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"], folder)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ |= before


def execute(notebook: Path, given: dict, out: Path) -> str:
    """Run the notebook with papermill in its own folder; what its cells print streams through.

    Returns the status: "ok", "failed" (a cell raised, ``sys.exit(0)`` too) or "kernel died" (marked in OUT, whose cells
    papermill calls completed).
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    from fer_nb.report import manifest

    try:
        with kernel_environment():
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
    if found := manifest.failure(manifest.read_notebook(out)):  # papermill takes sys.exit(0) for an end
        print(f"fer_nb.run: {notebook.stem} failed: {found['name']} {found['message']}", file=sys.stderr)
        return "failed"
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


def shorten(node: nbformat.NotebookNode) -> None:
    """Take the machine's folders out of what the cells printed: warnings name files by their whole paths."""
    # The interpreter's first: .venv lies in the checkout.
    folders = {sys.prefix: "<python>", sys.base_prefix: "<python>", f"{paths.ROOT}/": "", str(Path.home()): "~"}
    for output in (output for cell in node.cells for output in cell.get("outputs", [])):
        for key in {"text", "evalue", "traceback"} & set(output):
            text = "\0".join(output[key]) if key == "traceback" else output[key]
            for folder, short in folders.items():
                text = text.replace(folder, short) if len(folder) > 1 else text
            output[key] = text.split("\0") if key == "traceback" else text


def execute_and_render(notebook: Path, parameters: dict, given: dict, out: Path, files: list[Path]) -> int:
    """Execute, record what made the result in ``metadata["fer_nb"]`` of OUT, render its page; the exit status.

    Args:
        parameters: all of them.
        given: those that differ from the notebook's own cell, for papermill to inject.
        files: those that the parameters were read from.
    """
    from fer_nb.report import kept, page

    # Now: a checkout may change while a net trains.
    commit, before, tables = machine.commit(), digests(notebook, files), own_tables(notebook.stem, parameters)
    started, clock = datetime.now(UTC), time.monotonic()
    status = execute(notebook, given, out)
    edited = [name for name, digest in before.items() if digest_of(paths.ROOT / name) != digest]
    if edited:
        print(f"fer_nb.run: edited while {notebook.stem} ran: {', '.join(edited)}: run it again", file=sys.stderr)
    if status == "ok" and (missing := kept.missing(parameters["study"], tables)):
        status = f"The notebook did not write what it promises: {', '.join(missing)}."
        print(f"fer_nb.run: {notebook.stem} failed: {status}", file=sys.stderr)
    node = nbformat.read(out, as_version=4)
    shorten(node)
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
        "files": before,
        "edited": edited,
    }
    if status == "ok":
        kept.keep(parameters["study"], tables)
    else:
        node.metadata["fer_nb"]["kept"] = kept.put_back(parameters["study"], tables)
    write_notebook(node, out)
    print(page.render(out, parameters["study"]))
    return 0 if status == "ok" else 1


def own_tables(notebook: str, given: dict) -> list[str]:
    """The tables that a notebook promises; [] where its parameters ``given`` are not those of the study."""
    name = given["study"]
    theirs = parameter_files(name, notebook) and study.parameters(name, notebook)
    return promised(name, notebook) if given == theirs else []


def digests(notebook: Path, files: list[Path]) -> dict[str, str]:
    """SHA-256 of a notebook, of the modules that it imports and of ``files``, by their paths in the checkout."""
    try:
        modules = imports.modules(str(notebook.resolve()))
    except ValueError:  # a cell is no Python: it will say so itself
        modules = [str(notebook.resolve())]
    used = [paths.ROOT / name for name in modules] + [path.resolve() for path in files]
    named = {path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path: path for path in used}
    return {str(name): digest_of(path) for name, path in named.items()}


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, "" where it is missing."""
    return sha256(path) if path.exists() else ""


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


def refuse_other_checkout(path: Path) -> None:
    """Raise ValueError for a file of another checkout than that of the fer_nb in use."""
    for folder in path.resolve().parents:
        if folder == paths.ROOT:
            return
        if (folder / "fer_nb/run.py").exists():
            raise ValueError(f"{path} is of another checkout than the fer_nb in use: set PYTHONPATH={folder}")


def files_of(file: Path) -> list[Path]:
    """The parameter files that ``file`` stands for: itself, or those of its study and of what that extends."""
    name = study_of(file)
    return (parameter_files(name, file.stem) if name else []) or [file]


def given_parameters(notebook: Path, file: Path, words: list[str]) -> tuple[dict, dict]:
    """The notebook's defaults, and what a parameter file (see the module's text) and ``name=value`` words change.

    Raises ValueError or FileNotFoundError, with one line that names file or word, key and remedy.
    """
    known, name = defaults(notebook), study_of(file)
    for path in (notebook, file):
        refuse_other_checkout(path)
    of_study = parameter_files(name, file.stem) if name else []
    given = {"study": name} | read_study_files(of_study, known) if of_study else read_checked(file, known)
    overrides = read_overrides(words)
    check_fit(overrides, known)
    given |= overrides
    refuse_unknown("data", [given["data"]] if "data" in given else [], DATA)
    for name in NAMES:
        if given.get(name):
            refuse_unfit(name, given[name])
    return known, given


def check_out(out: Path, notebook: Path) -> None:
    """Raise ValueError where the executed notebook may not be written: it is never one of the checkout's own."""
    target = out.resolve()
    own = paths.NOTEBOOKS.resolve() in target.parents
    if out.suffix != ".ipynb" or own or target == notebook.resolve() or (target.exists() and target.samefile(notebook)):
        raise ValueError(f"{out}: name another .ipynb file for the executed notebook, as runs/quick/notebooks/x.ipynb")
    refuse_other_checkout(out)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fer_nb.run", description="Run one notebook with strict parameters.")
    parser.add_argument("notebook", type=Path, metavar="NOTEBOOK")
    parser.add_argument("parameters", type=Path, metavar="PARAMS.yaml")
    parser.add_argument("out", type=Path, metavar="OUT.ipynb")
    parser.add_argument("overrides", nargs="*", metavar="name=value")
    given = parser.parse_args(arguments)
    hold(paths.RUNS / ".jobs.lock")  # a later start of Snakemake waits for this process where its own was killed
    try:
        known, chosen = given_parameters(given.notebook, given.parameters, given.overrides)
        study_folder((known | chosen)["study"])  # raises where there is no such study
        check_out(given.out, given.notebook)
        given.out.parent.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        print(f"fer_nb.run: {error}", file=sys.stderr)
        return 2
    try:
        return execute_and_render(given.notebook, known | chosen, chosen, given.out, files_of(given.parameters))
    except (OSError, ValueError) as error:  # a full disk; parameters that were broken while it ran
        print(f"fer_nb.run: {given.notebook.stem} stopped: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
