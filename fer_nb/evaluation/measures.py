"""The tables of section 3.3 from the files of finished runs: accuracy, intervals, confusion, seeds, folds.

No net is needed: every table is computed from predictions.csv, history.csv and metrics.json. Accuracies and intervals
are in percent. An interval says what other test pictures would give, the standard deviation over seeds what other
trainings would give.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support, recall_score

from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import thesis
from fer_nb.finished import read_history, read_metrics, read_predictions
from fer_nb.intervals import wilson
from fer_nb.names import fold_rule
from fer_nb.study import Run

# The rules by which CK+ is split, and the folds of each.
CK_FOLDS = {
    "the thesis's fold": ["ckplus-fold1"],
    "folds by position": [f"ckplus-fold{k}" for k in range(1, 11)],
    "folds by subject": [f"ckplus-subject{k}" for k in range(1, 11)],
}

BY_SUBJECT = "ckplus-subject"  # all ten folds, their test pictures together
TITLES = {
    "ckplus-fold1": "CK+, the thesis's fold",
    "ckplus-subject1": "CK+, first fold by subject",
    BY_SUBJECT: "CK+, ten folds by subject",
    "fer2013": "FER2013",
    "ferm": "FERm",
}

FLAT = 5  # points


def sequences(faces: FaceSet) -> np.ndarray | None:
    """The sequence of each picture, whose frames count as one (CK+), str (N,); None where a picture has none."""
    if (faces.sequences == "").any():
        return None
    return np.char.add(np.char.add(faces.groups.astype(str), "/"), faces.sequences.astype(str))


def by_model(runs: list[Run], dataset: str) -> dict[str, list[Run]]:
    """The runs on one data set by net, without those of an ablation: first the thesis's nets, in its order."""
    runs = [run for run in runs if run.dataset == dataset and not run.change]
    names = dict.fromkeys(run.model for run in runs)
    order = [name for name in thesis.MODELS if name in names]
    order += [name for name in names if name not in thesis.MODELS]
    return {name: [run for run in runs if run.model == name] for name in order}


def pooled(runs: list[Run]) -> pd.DataFrame:
    """The test predictions of several runs on the same pictures, one below the other, with a column ``seed``.

    Raises ValueError where two runs predicted different pictures.
    """
    tables = [read_predictions(run).assign(seed=run.seed) for run in runs]
    for run, table in zip(runs[1:], tables[1:], strict=True):
        if not table[["row", "label"]].equals(tables[0][["row", "label"]]):
            raise ValueError(f"runs {runs[0].name} and {run.name} were measured on different pictures: train one again")
    return pd.concat(tables, ignore_index=True)


def accuracy(predictions: pd.DataFrame) -> float:
    """Share of the pictures predicted right, in percent; NaN where there are none."""
    return 100 * accuracy_score(predictions["label"], predictions["predicted"]) if len(predictions) else np.nan


def mean_per_class_accuracy(predictions: pd.DataFrame) -> float:
    """Mean of the classes' recalls in percent: the thesis's formula, but not what its tables hold."""
    truth, predicted = predictions["label"], predictions["predicted"]
    return 100 * recall_score(truth, predicted, labels=truth.unique(), average="macro", zero_division=0)


def trials(rows: ArrayLike, faces: FaceSet | None) -> int:
    """How many of the pictures with ``rows`` count: of CK+ their sequences, whose frames are nearly one picture.

    ``faces``: of the data set, with these rows; without them each picture counts. A row that comes twice counts once.
    """
    rows, of_row = np.unique(rows), sequence_of_row(faces)
    return len(rows) if of_row is None else of_row[rows].nunique()


def sequence_of_row(faces: FaceSet | None) -> pd.Series | None:
    """``sequences`` by row; None where there are no faces or a picture has no sequence."""
    if faces is None or (of := sequences(faces)) is None:
        return None
    return pd.Series(of, faces.rows)


def accuracy_table(
    runs: list[Run], dataset: str, thesis_accuracies: dict[str, float], faces: FaceSet | None = None
) -> pd.DataFrame:
    """Tables 3-6, 3-8, 3-10: a row per trained net, its accuracy (mean over ``seeds`` seeds) beside the thesis's.

    ``low`` and ``high``: Wilson interval at that mean on as many trials as there are test pictures, or sequences where
    ``faces`` has them (see ``trials``); ``difference``: ours minus the thesis's, in points.
    """
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        table = pooled(of_model)
        mean = accuracy(table)
        low, high = wilson(mean, trials(table["row"], faces))
        row = {"model": model, "accuracy": mean, "low": low, "high": high}
        row |= {"mean_per_class_accuracy": mean_per_class_accuracy(table), "seeds": len(of_model)}
        printed = thesis_accuracies.get(model, np.nan)
        row |= {"thesis_accuracy": printed, "difference": mean - printed}
        rows.append(row | {"pictures": len(table) // len(of_model)})
    return pd.DataFrame(rows)


def seeds_table(runs: list[Run], dataset: str, largest: float) -> pd.DataFrame:
    """Each seed of the nets that are trained from several: what other trainings give.

    ``accuracy``: on the test split; ``selected_epoch``: whose weights were kept; ``train_accuracy``: of the last epoch.
    ``flat_epochs``: first epochs whose training accuracy is less than ``FLAT`` points above ``largest``, the share of
    the largest class in "train" in percent: the net has learned little more than to name that class.
    """
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        for run in of_model if len(of_model) > 1 else ():
            history = read_history(run)
            flat = history["train_accuracy"] < largest + FLAT
            row = {"model": model, "seed": run.seed, "accuracy": accuracy(read_predictions(run))}
            row |= {"selected_epoch": read_metrics(run)["selected_epoch"], "epochs": len(history)}
            row |= {"train_accuracy": history["train_accuracy"].iloc[-1], "flat_epochs": int(flat.cummin().sum())}
            rows.append(row)
    return pd.DataFrame(rows)


def others_table(quoted: dict[str, float], ours: pd.DataFrame) -> pd.DataFrame:
    """Tables 3-7, 3-9, 3-11: others' methods as the thesis quotes them, its own nets, and ours (``accuracy_table``)."""
    printed = pd.DataFrame({"model": quoted.keys(), "accuracy": quoted.values()})
    printed["source"] = np.where(printed["model"].isin(thesis.MODELS), "thesis", "quoted by the thesis")
    table = pd.concat([printed, ours.assign(source="this study")], ignore_index=True)
    return table[["model", "source", "accuracy", "low", "high"]]


def protocol_table(runs: list[Run], dataset: str, repeats: np.ndarray) -> pd.DataFrame:
    """What the way of measuring is worth, a row per net.

    ``accuracy`` is that of the epoch kept, the best on the validation split or the last (``selection``), by as many
    crops as ``crops`` says: ten. ``deviation``: its standard deviation over the seeds. ``score_of_kept`` is
    the same epoch by the score after it (history.csv), which takes ``score_crops``; ``selected_on_test`` is the
    thesis's way, that score of the epoch that is best on the test split itself, and ``optimism`` the second minus the
    first. ``without_repeats``: ``accuracy`` without the ``repeats`` test pictures that also stand in "train"; the
    argument holds their rows.
    """
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        table = pooled(of_model)
        metrics = [read_metrics(run) for run in of_model]
        scores = [read_history(run).set_index("epoch")["test_accuracy"] for run in of_model]
        best = np.mean([of_run.max() for of_run in scores])
        kept = np.mean([of_run[m["selected_epoch"]] for of_run, m in zip(scores, metrics, strict=True)])
        again = table["row"].isin(repeats)
        row = {"model": model, "selection": metrics[0]["selection"], "accuracy": accuracy(table), "crops": 10}
        row["deviation"] = pd.Series([accuracy(of_seed) for _, of_seed in table.groupby("seed")]).std()
        row |= {"seeds": len(of_model), "score_of_kept": kept, "selected_on_test": best}
        row |= {"score_crops": metrics[0]["parameters"]["crops"], "optimism": best - kept}
        row |= {"without_repeats": accuracy(table[~again]), "repeats": again.sum() // len(of_model)}
        rows.append(row | {"pictures": len(table) // len(of_model)})
    return pd.DataFrame(rows)


def ckplus_table(runs: list[Run], faces: FaceSet) -> pd.DataFrame:
    """CK+ by each way of splitting, predictions pooled over the ``folds`` that the study trains.

    ``faces`` is all of CK+. The three frames of a sequence are nearly one picture, so ``low`` and ``high``, over
    pictures, are too narrow; ``sequence_low`` and ``sequence_high`` are the Wilson interval of the same accuracy on as
    many trials as there are sequences.
    """
    rows = []
    for rule, folds in CK_FOLDS.items():
        nets = {fold: by_model(runs, fold) for fold in folds}
        for model in dict.fromkeys(name for of_fold in nets.values() for name in of_fold):
            tables = {fold: pooled(of_fold[model]) for fold, of_fold in nets.items() if model in of_fold}
            if rule == "folds by position" and list(tables) == CK_FOLDS["the thesis's fold"]:
                continue  # it has its own row
            table = pd.concat(tables)
            seen = table["row"].unique()  # folds 9 and 10 by position share a few pictures
            mean = accuracy(table)
            row = {"model": model, "split": rule, "folds": len(tables), "accuracy": mean}
            row["low"], row["high"] = wilson(mean, len(seen))
            counts = {"pictures": len(seen), "sequences": trials(seen, faces)}
            row["sequence_low"], row["sequence_high"] = wilson(mean, counts["sequences"])
            row["fold_deviation"] = pd.Series([accuracy(of_fold) for of_fold in tables.values()]).std()
            rows.append(row | {"seeds": table["seed"].nunique()} | counts)
    return pd.DataFrame(rows)


def confusion(predictions: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Confusion matrix, each row (true class) in percent of its pictures; a class without pictures is a row of 0."""
    counts = confusion_matrix(predictions["label"], predictions["predicted"], labels=classes, normalize="true")
    return pd.DataFrame(100 * counts, index=list(classes), columns=list(classes))


def confusions(runs: list[Run], dataset: str, classes: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """The confusion matrix of each net, over all its seeds."""
    return {model: confusion(pooled(of_model), classes) for model, of_model in by_model(runs, dataset).items()}


def per_class_table(
    runs: list[Run], dataset: str, classes: tuple[str, ...], faces: FaceSet | None = None
) -> pd.DataFrame:
    """Precision, recall (with its Wilson interval) and F1 in percent of each class, per net over all its seeds.

    The interval is over the class's test pictures, or its sequences where ``faces`` has them (see ``trials``).
    """
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        table = pooled(of_model)
        scores = precision_recall_fscore_support(table["label"], table["predicted"], labels=classes, zero_division=0)
        for name, precision, recall, f1, support in zip(classes, *scores, strict=True):
            pictures = int(support) // len(of_model)
            number = trials(table.loc[table["label"] == name, "row"], faces)
            low, high = wilson(100 * recall, number) if number else (np.nan, np.nan)
            row = {"model": model, "class": name, "precision": 100 * precision, "recall": 100 * recall}
            rows.append(row | {"low": low, "high": high, "f1": 100 * f1, "pictures": pictures})
    return pd.DataFrame(rows)


def confident_mistakes(predictions: pd.DataFrame, classes: tuple[str, ...], most: int = 8) -> pd.DataFrame:
    """The wrong predictions with the highest probability, at most ``most`` of each true class, the surest first.

    ``predictions``: ``finished.read_predictions``. Returns row, label, predicted and confidence, the probability of the
    predicted class, in the order of ``classes``.
    """
    wrong = predictions[predictions["label"] != predictions["predicted"]]
    confidence = [row[row["predicted"]] for row in wrong.to_dict("records")]
    wrong = wrong.assign(confidence=confidence, place=wrong["label"].map(classes.index))
    wrong = wrong.sort_values(["place", "confidence", "row"], ascending=[True, False, True])
    return wrong.groupby("place").head(most)[["row", "label", "predicted", "confidence"]].reset_index(drop=True)


def verdict(ours: dict, thesis_accuracy: float, epochs: float, part: thesis.Results) -> str:
    """How our accuracy stands to the thesis's, in a word.

    Both are shares of a few test pictures: "within the interval" where one lies in the other's 95% interval. (100% of
    the 33 sequences of CK+ would else be above any interval.)

    Args:
        ours: accuracy, low and high in percent, NaN for a net that was not trained.
        thesis_accuracy: NaN for a net that is not in the thesis.
        epochs: of training; fewer than the thesis's are said. NaN where nothing was trained.
        part: of the data set.
    """
    if pd.isna(ours["accuracy"]):
        return "not run"
    if pd.isna(thesis_accuracy):
        return "not in the thesis"
    low, high = wilson(thesis_accuracy, thesis.PICTURES[part.name])
    if ours["low"] <= thesis_accuracy <= ours["high"] or low <= ours["accuracy"] <= high:
        word = "within the interval"
    else:
        word = "above" if thesis_accuracy < ours["low"] else "below"
    return word + (f", {epochs} of {part.epochs} epochs" if epochs < part.epochs else "")


def runs_table(runs: list[Run]) -> pd.DataFrame:
    """What was trained, without the ablation: per data set (folds of one rule together) and net.

    Columns: dataset, model, runs, epochs (of the shortest run), minutes (in all), selection, device, precision.
    """
    rows = []
    for run in (run for run in runs if not run.change):
        metrics = read_metrics(run)
        row = {"dataset": fold_rule(run.dataset), "model": run.model, "runs": 1, "minutes": metrics["seconds"] / 60}
        rows.append(row | {key: metrics[key] for key in ("epochs", "selection", "device", "precision")})
    columns = ["dataset", "model", "runs", "epochs", "minutes", "selection", "device", "precision"]
    how = {"runs": "sum", "epochs": "min", "minutes": "sum"} | dict.fromkeys(columns[5:], "first")
    return pd.DataFrame(rows, columns=columns).groupby(columns[:2], sort=False, as_index=False).agg(how)
