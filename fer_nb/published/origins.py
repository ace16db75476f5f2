"""What made each table of a finished study: from the executed notebooks' records and the runs' metrics.json."""

import re
from collections.abc import Sequence

import pandas as pd

from fer_nb import paths
from fer_nb.finished import read_metrics
from fer_nb.report import page
from fer_nb.report.promised import TABLES, promised
from fer_nb.study import Run, evaluation_runs, notebooks, parameters, training_runs

# Of the tables that notebooks save, those that hold results: the promised ones, and what extends their names.
RESULTS = ("runs", "ablation", *(name for of in TABLES.values() for names in of.values() for name in names))


def command(study: str) -> str:
    """What makes a study."""
    return f"snakemake -c 2 --config study={study}"


def origins(study: str) -> pd.DataFrame:
    """A row for each table of a finished study that holds results.

    Columns: table, notebook, its date and commit; runs (how many training runs the table is computed from), their
    epochs, minutes (in all), trained_commit, device and precision (number format); data (SHA-256 of each file).
    Raises ValueError for a study of drawn faces, whose tables are no results; FileNotFoundError where there is no
    such study, where a table is missing, or where no executed notebook tells what made it.
    """
    names = [name for name in notebooks(study) if name != "04_training"]
    if any(parameters(study, name).get("data") == "synthetic" for name in names):
        raise ValueError(f"study {study} reads drawn faces, so its tables are no results: name a study on real data")
    first = ["runs"] if "05_evaluation" in names else []
    for table in [*first, *(table for name in names for table in promised(study, name))]:
        if not (paths.REPORTS / study / "tables" / f"{table}.csv").exists():
            raise FileNotFoundError(f"study {study} has no {table}.csv: make it with `{command(study)}`")
    trainings, planned = training_runs(study), evaluation_runs(study) if first else []
    trained = {run: (executed(run.study, f"04_training-{run.name}")[0], read_metrics(run)) for run in trainings}
    made = [executed(study, name) for name in names]
    return pd.DataFrame(
        origin(table, record, [trained[run] for run in behind(table, planned, trainings)])
        for record, saved in made
        for table in saved
        if any(f"{table}-".startswith(f"{name}-") for name in RESULTS)
    )


def executed(study: str, notebook: str) -> tuple[dict, list[str]]:
    """What ``fer_nb.run`` recorded in an executed notebook, and the names of the tables that the notebook saved."""
    path = paths.RUNS / study / "notebooks" / f"{notebook}.ipynb"
    node = page.read(path) if path.exists() else {"metadata": {}}
    record = node["metadata"].get("fer_nb", {})
    if record.get("status") != "ok":
        raise FileNotFoundError(
            f"no runs/{study}/notebooks/{path.name} that ran to its end, so nothing tells what made its results: copy "
            f"it from where it ran, or delete the results and run `{command(study)}`"
        )
    if record["parameters"].get("data") == "synthetic":
        raise ValueError(f"runs/{study}/notebooks/{path.name} read drawn faces: run `{command(study)}` on real data")
    outputs = [output for cell in node["cells"] for output in cell.get("outputs", [])]
    shown = "\n".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    return record, re.findall(r'<table class="report" id="([^"]+)"', shown)


def behind(table: str, runs: list[Run], others: Sequence[Run] = ()) -> list[Run]:
    """The training runs that a table is computed from; none for tables of counts or of speed.

    ``runs`` are those of notebook 05, ``others`` with those of notebook 10.
    """
    if any(f"{table}-".startswith(f"{name}-") for name in TABLES["10_searched_networks"][""]):
        return list(others)
    if table.startswith("ablation"):
        changed = {(run.dataset, run.model) for run in runs if run.change}
        return [run for run in runs if (run.dataset, run.model) in changed]
    runs = [run for run in runs if not run.change]
    if table in ("runs", "summary", "summary-protocol"):
        return runs
    if table in ("table-3-6-splits", "summary-ckplus"):
        return [run for run in runs if run.dataset.startswith("ckplus")]
    number = "-".join(table.split("-")[:3])  # table-3-10-protocol -> table-3-10
    datasets = {name: dataset for dataset, names in TABLES["05_evaluation"].items() for name in names}
    dataset = datasets.get(number, "").replace("ckplus", "ckplus-fold1")
    return [run for run in runs if run.dataset == dataset]


def origin(table: str, record: dict, trained: list[tuple[dict, dict]]) -> dict:
    """A row of ``origins``, from the notebook's record and each training run's record and metrics."""
    metrics = [of_run for _, of_run in trained]
    sums = [item for made in (record, *(of_run for of_run, _ in trained)) for item in made["checksums"].items()]
    return {
        "table": table,
        "notebook": record["notebook"],
        "date": record["started"][:10],
        "commit": short(record["commit"]),
        "runs": len(trained),
        "epochs": distinct(of_run["epochs"] for of_run in metrics),
        "minutes": round(sum(of_run["seconds"] for of_run in metrics) / 60, 1),
        "trained_commit": distinct(short(of_run["commit"]) for of_run, _ in trained),
        "device": distinct(of_run["device"] for of_run in metrics) or record["device"],
        "precision": distinct(of_run["precision"] for of_run in metrics),
        "data": distinct(f"{path} {digest}" for path, digest in sums),
    }


def distinct(values) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values))


def short(commit: str) -> str:
    """The commit's first ten digits, and whether the files differed from it."""
    head, _, changes = commit.partition("+")
    return (head[:10] + (" with changes" if changes else "")) or "no commit"
