"""What made each table of a finished study: from the manifests of its pages and the runs' metrics.json.

Tables of drawn faces are no results. Those of drawn clips are: they compare ways of making one picture of a clip, on
motions that are known.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from fer_nb import paths
from fer_nb.drawing.conditions import CONDITIONS
from fer_nb.evaluation.calibration import calibrated_runs
from fer_nb.finished import read_metrics
from fer_nb.report.manifest import read_manifest
from fer_nb.report.promised import TABLES, promised
from fer_nb.study import Run, evaluation_runs, notebooks, parameters, training_runs

# The saved tables that hold results: the promised ones and those whose names extend theirs (table-3-6-splits).
RESULTS = (
    "runs",
    "ablation",
    "detection",
    *(name for of in TABLES.values() for names in of.values() for name in names),
)
OF_CLIPS = ("micro",)  # those that hold results of drawn clips


def kept_folder() -> Path:
    """The folder of what is kept: a folder per study, a README.md that says what made them, and a model card."""
    return paths.REPORTS / "reference"


def kept_studies() -> list[Path]:
    """The folders of the studies that are kept."""
    return sorted(path.parent for path in kept_folder().glob("[!.]*/origins.csv"))


def drawn_clips(datasets: Iterable[str]) -> bool:
    """Whether the data sets are drawn clips, all of them."""
    bases = {name.partition("_")[0] for name in datasets}
    return bool(bases) and bases <= CONDITIONS.keys()


def _no_results(given: dict) -> bool:
    """Whether a notebook with these parameters reads drawn data other than clips."""
    datasets = [name for of in ("datasets", "micro", "clips") for name in given.get(of, [])]
    return given.get("data") == "synthetic" and not drawn_clips(datasets)


def study_command(study: str) -> str:
    """The command that makes a study."""
    return f"snakemake -c 2 --config study={study}"


def origins_table(study: str) -> pd.DataFrame:
    """A row for each table of a finished study that holds results.

    Columns: table, notebook, its date and commit; runs (how many training runs the table is computed from), their
    epochs, minutes (in all), trained_commit, device and precision (number format); data (SHA-256 of each file).
    Of a study of drawn clips they are the tables of clips alone. Rows that are ``carried`` are among them.
    Raises ValueError for a study on drawn faces; FileNotFoundError where there is no such study, where a table is
    missing, or where no manifest tells what made it.
    """
    # One's own pictures are no results of a study, and nobody else's business.
    names = [name for name in notebooks(study) if name not in ("04_training", "14_own_pictures")]
    if any(_no_results(parameters(study, name)) for name in names):
        raise ValueError(f"study {study} reads drawn faces, so its tables are no results: name a study on real data")
    before = carried(study)
    names = [name for name in names if name not in set(before["notebook"])]
    first = ["runs"] if "05_evaluation" in names else []
    for table in [*first, *(table for name in names for table in promised(study, name))]:
        if not (paths.REPORTS / study / "tables" / f"{table}.csv").exists():
            raise FileNotFoundError(f"study {study} has no {table}.csv: make it with `{study_command(study)}`")
    trainings, planned = training_runs(study), evaluation_runs(study) if first else []
    trained = {run: finished_metrics(run) for run in trainings}
    results = OF_CLIPS if drawn_clips(run.dataset for run in trainings) else RESULTS
    rows = [
        _origin(table["name"], made, [trained[run] for run in runs_behind(table["name"], planned, trainings)])
        for made in [finished_manifest(study, name) for name in names]
        for table in made["tables"]
        if any(f"{table['name']}-".startswith(f"{name}-") for name in results)
    ]
    return pd.DataFrame(sorted([*before.to_dict("records"), *rows], key=lambda row: row["notebook"]))


def kept_origins(study: str) -> pd.DataFrame:
    """``origins_table`` of a study as it is kept, each value as text; without a row where it is not kept."""
    file = kept_folder() / study / "origins.csv"
    columns = ["table", "notebook", "runs"]
    return pd.read_csv(file, dtype=str, keep_default_na=False) if file.exists() else pd.DataFrame(columns=columns)


def carried(study: str) -> pd.DataFrame:
    """The rows of ``kept_origins`` that stay: of notebooks that have not run here and that compare no training runs.

    So runs can be added to a kept study without hours of MP and Score-CAM, which read the weights of one run alone.
    Those must be kept, and ``keep.keep_study`` refuses such tables where kept weights would change.
    """
    kept, names = kept_origins(study), notebooks(study)
    compares = set(kept.loc[kept["runs"] != "0", "notebook"])
    stay = [
        name in names
        and name not in compares
        and read_manifest(study, name) is None
        and _explains_kept(study, parameters(study, name))
        and set(promised(study, name)) <= set(kept["table"])
        for name in kept["notebook"]
    ]
    return kept[pd.Series(stay, kept.index, dtype=bool)]


def _explains_kept(study: str, given: dict) -> bool:
    """Whether the weights of the net that a notebook explains are kept; True where it explains none."""
    weights = kept_folder() / study / "weights"
    return "model" not in given or (weights / f"{given['model']}-{given['dataset']}.safetensors").exists()


def finished_manifest(study: str, page: str) -> dict:
    """The manifest of a page whose notebook ran to its end on real data or drawn clips.

    Raises FileNotFoundError where there is none, ValueError where the notebook read drawn faces.
    """
    made = read_manifest(study, page)
    if made is None or made["status"] != "ok":
        what = "is missing" if made is None else "is of a notebook that did not run to its end"
        raise FileNotFoundError(
            f"reports/{study}/{page}.json {what}, so nothing tells what made the results: run `{study_command(study)}`"
            f"; where the notebook has run, `python -m fer_nb.report {study}` writes the file"
        )
    if _no_results(made["parameters"]):
        raise ValueError(f"reports/{study}/{page}.json: the notebook read drawn faces: run it on real data")
    return made


def finished_metrics(run: Run) -> dict:
    """metrics.json of a run on real data or drawn clips.

    Raises FileNotFoundError where the run has not finished, ValueError where it does not tell what made it, or was
    trained on drawn faces.
    """
    metrics = read_metrics(run)
    if "parameters" not in metrics:
        raise ValueError(f"{run.folder}/metrics.json does not tell what made it: delete the folder and train anew")
    if metrics["parameters"].get("data") != "real" and not drawn_clips([run.dataset]):
        raise ValueError(f"{run.name} was not trained on the real data: train it with `data: real`")
    return metrics


def runs_behind(table: str, runs: list[Run], others: Sequence[Run] = ()) -> list[Run]:
    """The training runs that a table is computed from; none for tables of counts or of speed.

    ``runs`` are those of notebook 05; ``others`` are all of the study, those of notebook 10 included.
    """
    if any(f"{table}-".startswith(f"{name}-") for name in (*TABLES["10_searched_networks"][""], *OF_CLIPS)):
        return list(others)
    if table.startswith("ablation"):
        changed = {(run.dataset, run.model) for run in runs if run.change}
        return [run for run in runs if (run.dataset, run.model) in changed]
    runs = [run for run in runs if not run.change]
    if table in ("runs", "summary", "summary-protocol"):
        return runs
    if table == "calibration":
        return calibrated_runs(runs)
    if table in ("table-3-6-splits", "summary-ckplus"):
        return [run for run in runs if run.dataset.startswith("ckplus")]
    number = "-".join(table.split("-")[:3])  # table-3-10-protocol -> table-3-10
    datasets = {name: dataset for dataset, names in TABLES["05_evaluation"].items() for name in names}
    dataset = datasets.get(number, "").replace("ckplus", "ckplus-fold1")
    return [run for run in runs if run.dataset == dataset]


def _origin(table: str, made: dict, trained: list[dict]) -> dict:
    """A row of ``origins_table``: of the manifest of its page, and the metrics of each training run."""
    sums = [item for one in (made, *trained) for item in one["checksums"].items()]
    return {
        "table": table,
        "notebook": made["notebook"],
        "date": made["started"][:10],
        "commit": short_commit(made["commit"]),
        "runs": len(trained),
        "epochs": _distinct(of_run["epochs"] for of_run in trained),
        "minutes": round(sum(of_run["seconds"] for of_run in trained) / 60, 1),
        "trained_commit": _distinct(short_commit(of_run["commit"]) for of_run in trained),
        "device": _distinct(of_run["device"] for of_run in trained) or made["device"],
        "precision": _distinct(of_run["precision"] for of_run in trained),
        "data": _distinct(f"{path} {digest}" for path, digest in sums),
    }


def _distinct(values: Iterable) -> str:
    return "; ".join(dict.fromkeys(str(value) for value in values))


def short_commit(commit: str) -> str:
    """The commit's first ten digits, and whether the files differed from it: "0123456789 with changes"."""
    head, _, changes = commit.partition("+")
    return (head[:10] + (" with changes" if changes else "")) or "no commit"
