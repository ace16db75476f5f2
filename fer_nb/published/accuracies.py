"""The thesis's accuracies (tables 3-6, 3-8, 3-10) beside those of the kept studies."""

from pathlib import Path

import numpy as np
import pandas as pd

from fer_nb.background.compare import kept_files
from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import verdict
from fer_nb.published.origins import kept_origins, kept_studies
from fer_nb.study import protocol
from fer_nb.study_files import parameter_files

MEASURED = ["accuracy", "low", "high", "mean_per_class_accuracy", "seeds"]
COLUMNS = ["dataset", "model", *MEASURED, "thesis_accuracy", "study", "recipe", "epochs", "minutes", "verdict"]
THESIS = "thesis"  # the recipe of a study that trains as the thesis does


def kept_results() -> pd.DataFrame:
    """The kept results for each of the thesis's accuracies, a row for each study.

    The one trained for most epochs comes first, of several the one by the thesis's own protocol, of those the one that
    is best on the validation split, and without such a split the one made last: never the one that looks best on the
    test split. Where there is none, the verdict is "not run" and what was not measured is missing.

    Returns:
        DataFrame with ``COLUMNS``; accuracies in percent, low and high: 95% Wilson interval over the test pictures, of
        CK+ over the sequences; recipe: "thesis", or the study that says how the net was trained; epochs of the shortest
        run, minutes of a run on average.
    """
    rows = []
    for own, part in thesis.SECTION_3_3.items():  # own: the study with the thesis's protocol
        for model, printed in part.accuracies.items():
            row = {"dataset": part.name, "model": model, "thesis_accuracy": printed, "verdict": "not run"}
            kept = [(folder, row_of(folder / f"{part.table}.csv", model)) for folder in kept_studies()]
            found = []
            for folder, ours in ((folder, ours) for folder, ours in kept if ours):
                epochs, minutes = training_of(folder, part.dataset.removesuffix("1"), model)
                by = recipe(folder.name, part.dataset)
                about = {"study": folder.name, "recipe": THESIS if by == own else by, "epochs": epochs}
                about |= {"minutes": minutes, "verdict": verdict(ours, printed, epochs, part)}
                order = epochs, by == own, validation(folder.name, part.dataset, model), _date(folder.name, part.table)
                found.append((order, row | {key: ours[key] for key in MEASURED} | about))
            found.sort(key=lambda one: one[0], reverse=True)
            rows += [one for _, one in found] or [row]
    return pd.DataFrame(rows, columns=COLUMNS)


def row_of(path: Path, model: str) -> dict | None:
    """The row of ``model`` in a kept table; None where there is none."""
    table = pd.read_csv(path).set_index("model").to_dict("index") if path.exists() else {}
    return table.get(model)


def training_of(folder: Path, dataset: str, model: str) -> tuple[int, float]:
    """Epochs of the shortest run, and minutes a run on average.

    runs.csv has all folds of CK+ in one row: ``ckplus-fold`` or ``ckplus-subject``.
    """
    runs = pd.read_csv(folder / "runs.csv")
    runs = runs[(runs["dataset"] == dataset) & (runs["model"] == model)]
    return int(runs["epochs"].min()), runs["minutes"].sum() / runs["runs"].sum()


def validation(study: str, dataset: str, model: str) -> float:
    """The best accuracy of an epoch on the validation split in percent, mean over the seeds; 0 without the split."""
    best = [pd.read_csv(file)["valid_accuracy"].max() for file in kept_files(study, "histories", dataset, model)]
    return float(np.nan_to_num(np.mean(best))) if best else 0.0


def recipe(study: str, dataset: str) -> str:
    """The study that says how a kept study trains a data set: itself, or one that it extends and changes nothing of."""
    return parameter_files(protocol(study, dataset), "04_training")[-1].parent.name


def _date(study: str, table: str) -> str:
    """When a kept study's table was made."""
    return kept_origins(study).set_index("table").loc[table, "date"]
