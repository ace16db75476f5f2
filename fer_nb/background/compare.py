"""Hand-made features with a linear SVM, and the nets on the same test pictures: accuracies with their intervals."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from fer_nb import paths
from fer_nb.background import machines
from fer_nb.background.features import describe
from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.data.folds import FOLDS
from fer_nb.evaluation import measures
from fer_nb.evaluation.measures import BY_SUBJECT, TITLES
from fer_nb.finished import is_finished, read_metrics, read_predictions
from fer_nb.intervals import in_words, wilson
from fer_nb.study import evaluation_runs, notebooks

# The tables of a kept study with the accuracy of each net; table-9 says the data set in its column "data".
KEPT = {"ckplus-fold1": "table-3-6", BY_SUBJECT: "table-3-6-splits", "fer2013": "table-3-8", "ferm": "table-3-10"}
SCORES = ["accuracy", "mean_per_class_accuracy"]
COLUMNS = ["data", "method", "study", "epochs", "C", "accuracy", "low", "high", "mean_per_class_accuracy"]
COLUMNS += ["sequence_low", "sequence_high", "pictures", "sequences"]


def comparison(names: list[str], data: str, descriptors: list[str], study: str, kept: list[str]) -> pd.DataFrame:
    """A row for each descriptor, and for each net that has run, on each data set of ``names``.

    Args:
        names: of ``datasets.load``, or ``ckplus-subject`` for all ten folds by subject.
        data: "real" or "synthetic".
        descriptors: of ``features.DESCRIPTORS``.
        study: whose finished runs of notebook 05 are compared.
        kept: studies under reports/reference whose nets are compared too.

    Returns:
        DataFrame with ``COLUMNS``. ``low`` and ``high``: 95% Wilson interval over the test pictures; ``sequence_low``
        and ``sequence_high``: of the same accuracy on as many trials as there are sequences, for the three frames of
        a sequence of CK+ are nearly one picture. ``C``: what was chosen; of folds the smallest and the largest.

    Raises what ``refuse_unkept`` and ``datasets.load`` raise.
    """
    refuse_unkept(kept, data, "kept")
    rows, known = [], {}
    for name in names:
        folds = [datasets.load(fold, data) for fold in parts(name)]
        for descriptor in descriptors:
            key = name.partition("-")[0], descriptor
            if key not in known:  # the folds of a data set have the same pictures in the same order
                known[key] = describe(folds[0].images, descriptor)
            rows.append(_machine(name, descriptor, known[key], folds))
        rows += [_row(name, folds, **net) for net in [*finished_nets(study, name), *kept_nets(kept, name)]]
    counts = dict.fromkeys(["epochs", "pictures", "sequences"], "Int64")  # missing in some rows
    return pd.DataFrame(rows).reindex(columns=COLUMNS).astype(counts)


def parts(name: str) -> list[str]:
    """The data sets whose test splits are taken together: ten for ``ckplus-subject``."""
    return [f"{name}{k}" for k in FOLDS] if name == BY_SUBJECT else [name]


def _machine(name: str, descriptor: str, features: np.ndarray, folds: list[FaceSet]) -> dict:
    fitted = [machines.fit(features, faces) for faces in tqdm(folds, f"{descriptor}, {name}", leave=False)]
    pairs = zip(fitted, folds, strict=True)
    table = pd.concat(machines.predictions(machine, features, faces) for machine, faces in pairs)
    chosen = sorted({machine.C for machine in fitted})
    words = " to ".join(f"{c:g}" for c in dict.fromkeys((chosen[0], chosen[-1])))
    return _row(name, folds, f"{descriptor} + linear SVM", **scores(table)) | {"C": words}


def scores(predictions: pd.DataFrame) -> dict[str, float]:
    """Accuracy and mean of the classes' recalls, in percent, of a table with the columns label and predicted."""
    return {name: getattr(measures, name)(predictions) for name in SCORES}


def _row(name: str, folds: list[FaceSet], method: str, accuracy: float, **more) -> dict:
    tests = [faces.of_split("test") for faces in folds]
    pictures, of_pictures = sum(map(len, tests)), [measures.sequences(test) for test in tests]
    found = {"data": TITLES.get(name, name), "method": method, "accuracy": accuracy, "pictures": pictures, **more}
    found["low"], found["high"] = wilson(accuracy, pictures)
    if all(of is not None for of in of_pictures):
        found["sequences"] = len(np.unique(np.concatenate(of_pictures)))
        found["sequence_low"], found["sequence_high"] = wilson(accuracy, found["sequences"])
    return found


def finished_nets(study: str, name: str) -> list[dict]:
    """What the study's runs of notebook 05 reached on ``name``: for each net method, study, epochs and ``scores``.

    The mean over the seeds; of ``ckplus-subject`` over the folds too, where all ten are planned. A net with a run that
    is not finished is left out.
    """
    planned = evaluation_runs(study) if "05_evaluation" in notebooks(study) else []
    planned = [run for run in planned if run.dataset in parts(name) and not run.change]
    found = []
    for net in dict.fromkeys(run.model for run in planned):
        runs = [run for run in planned if run.model == net]
        if {run.dataset for run in runs} == set(parts(name)) and all(map(is_finished, runs)):
            epochs = min(read_metrics(run)["epochs"] for run in runs)
            table = pd.concat([read_predictions(run) for run in runs])
            found.append({"method": net, "study": study, "epochs": epochs, **scores(table)})
    return found


def refuse_unkept(studies: list[str], data: str, parameter: str) -> None:
    """Check the kept studies that a parameter names.

    Raises ValueError for kept studies beside drawn faces, FileNotFoundError for a study that is not kept.
    """
    if studies and data == "synthetic":
        raise ValueError(
            f'{parameter}: those nets were measured on real pictures: leave it empty with data "synthetic"'
        )
    for study in studies:
        folder = paths.REPORTS / "reference" / study
        if not (folder / "origins.csv").exists():
            raise FileNotFoundError(f"{folder} holds no kept study: correct the name in `{parameter}`")


def kept_nets(studies: list[str], name: str) -> list[dict]:
    """The same as ``finished_nets`` of studies kept under reports/reference, from their tables."""
    found = []
    for study in studies:
        folder = paths.REPORTS / "reference" / study
        epochs = pd.read_csv(folder / "origins.csv", dtype=str).set_index("table")["epochs"]
        for table in (KEPT.get(name, ""), "table-9"):
            if not (folder / f"{table}.csv").exists():
                continue
            nets = pd.read_csv(folder / f"{table}.csv")
            nets = nets[nets["data"] == name] if "data" in nets else nets
            if "split" in nets:
                nets = nets[(nets["split"] == "folds by subject") & (nets["folds"] == len(FOLDS))]
            nets = nets[~nets["model"].isin([net["method"] for net in found if net["study"] == study])]
            least = min(map(int, epochs[table].split("; ")))
            nets = nets.assign(method=nets["model"], study=study, epochs=least)
            found += nets.reindex(columns=["method", "study", "epochs", *SCORES]).to_dict("records")
    return found


def kept_files(study: str, kind: str, dataset: str, model: str) -> list[Path]:
    """The files of a ``kind``, "predictions" or "histories", that a kept study has of a net, one a seed."""
    return sorted((paths.REPORTS / "reference" / study / kind).glob(f"{dataset}-{model}-seed[0-9]*.csv*"))


def kept_test_predictions(studies: Iterable[str], dataset: str, model: str) -> tuple[str, list[pd.DataFrame]]:
    """The first of ``studies`` that keeps predictions of a net, and those of its test pictures, a table a seed.

    ("", []) where none keeps them.
    """
    for study in studies:
        if files := kept_files(study, "predictions", dataset, model):
            tables = [pd.read_csv(file) for file in files]
            return study, [table[table["split"] == "test"] for table in tables]
    return "", []


def of_sequences(table: pd.DataFrame) -> pd.DataFrame:
    """``comparison`` with ``low`` and ``high`` over sequences where there are any."""
    return table.assign(**{end: table[f"sequence_{end}"].fillna(table[end]) for end in ("low", "high")})


def words(table: pd.DataFrame) -> str:
    """What ``comparison`` found on each data set: the better descriptor, and the best net."""
    found = []
    for data, rows in of_sequences(table).groupby("data", sort=False):
        made, nets = rows[rows["C"].notna()], rows[rows["C"].isna()]
        best = made.loc[made["accuracy"].idxmax()]
        text = f"{data}: {best['method']} {_percent(best)}"
        if len(nets):
            net = nets.loc[nets["accuracy"].idxmax()]
            trained = f"{net['method']} ({net['epochs']} epochs, study {net['study']})"
            gap = in_words(net["accuracy"] - best["accuracy"], signed=True)
            text += f", {trained} {_percent(net)}; the difference is {gap} points"
        found.append(text)
    return f"Accuracy in percent [95% interval over the test pictures, of CK+ over sequences]. {'. '.join(found)}."


def _percent(row: pd.Series) -> str:
    return in_words(row["accuracy"], row["low"], row["high"])
