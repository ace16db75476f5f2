"""From the files of finished runs to the tables of section 3.3: accuracy, intervals, confusion, paired tests.

No net is needed: every table comes from a run's predictions.csv, history.csv and metrics.json. Accuracies and
intervals are in percent. An interval says what other test pictures would do; the standard deviation over
seeds says what other trainings would do.
"""

import itertools

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, recall_score
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import thesis
from fer_nb.finished import read_history, read_metrics, read_predictions
from fer_nb.intervals import wilson
from fer_nb.study import Run

# How CK+ is measured: the thesis's fold, and every fold of its rule and of a split by subject.
CK_FOLDS = {
    "the thesis's fold": ["ckplus-fold1"],
    "folds by position": [f"ckplus-fold{k}" for k in range(1, 11)],
    "folds by subject": [f"ckplus-subject{k}" for k in range(1, 11)],
}


def by_model(runs: list[Run], dataset: str) -> dict[str, list[Run]]:
    """The runs on one data set, per net: the nets in the thesis's order, other nets after them.

    The runs of an ablation are left out: they have a table of their own (``fer_nb.evaluation.ablation``).
    """
    runs = [run for run in runs if not run.change]
    names = dict.fromkeys(run.model for run in runs if run.dataset == dataset)
    order = [*(name for name in thesis.MODELS if name in names), *(name for name in names if name not in thesis.MODELS)]
    return {name: [run for run in runs if run.dataset == dataset and run.model == name] for name in order}


def pooled(runs: list[Run], side: str = "test") -> pd.DataFrame:
    """The predictions of several runs on the same pictures, one below the other, with a column ``seed``.

    Raises ValueError where two runs were measured on different pictures.
    """
    tables = [read_predictions(run, side).assign(seed=run.seed) for run in runs]
    for run, table in zip(runs[1:], tables[1:], strict=True):
        if not table[["row", "label"]].equals(tables[0][["row", "label"]]):
            raise ValueError(f"runs {runs[0].name} and {run.name} were measured on different pictures: train one again")
    return pd.concat(tables, ignore_index=True)


def accuracy(predictions: pd.DataFrame) -> float:
    """Share of the pictures named right, in percent."""
    return 100 * float((predictions["label"] == predictions["predicted"]).mean())


def mean_per_class_accuracy(predictions: pd.DataFrame) -> float:
    """Mean of the classes' recalls in percent: the thesis's formula, but not what its tables hold."""
    labels = sorted(predictions["label"].unique())
    truth, predicted = predictions["label"], predictions["predicted"]
    return 100 * recall_score(truth, predicted, labels=labels, average="macro", zero_division=0)


def accuracy_table(runs: list[Run], dataset: str, thesis_accuracies: dict[str, float]) -> pd.DataFrame:
    """Tables 3-6, 3-8, 3-10: per net the accuracy (mean over its seeds) beside the thesis's.

    ``low`` and ``high``: Wilson interval over the test pictures at that mean; ``seeds``: how many;
    ``difference``: ours minus the thesis's, in points. Only nets that have runs get a row.
    """
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        table = pooled(of_model)
        mean = accuracy(table)
        low, high = wilson(mean, len(table) // len(of_model))
        row = {"model": model, "accuracy": mean, "low": low, "high": high}
        row["mean_per_class_accuracy"] = mean_per_class_accuracy(table)
        row["seeds"] = len(of_model)
        row["thesis_accuracy"] = thesis_accuracies.get(model, np.nan)
        row["difference"] = mean - row["thesis_accuracy"]
        rows.append(row)
    return pd.DataFrame(rows).round(3)


def protocol_table(runs: list[Run], dataset: str, repeats: np.ndarray) -> pd.DataFrame:
    """What the way of measuring is worth, per net.

    ``accuracy`` is ours (epoch chosen on the validation side, or the last one: ``selection``), ``deviation``
    its standard deviation over seeds. ``selected_on_test`` is the thesis's way: the epoch that scores
    best on the test side itself (history.csv); ``optimism`` is what that adds to our epoch's score there. The last
    columns leave out the test pictures whose ``row`` is in ``repeats`` (they also stand in training), and count them.
    """
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        table = pooled(of_model)
        histories = [read_history(run).set_index("epoch")["test_accuracy"] for run in of_model]
        metrics = [read_metrics(run) for run in of_model]
        best = np.mean([history.max() for history in histories])
        chosen = np.mean([history[m["selected_epoch"]] for history, m in zip(histories, metrics, strict=True)])
        known = table["row"].isin(repeats)
        row = {"model": model, "selection": metrics[0]["selection"], "accuracy": accuracy(table)}
        row["deviation"] = pd.Series([accuracy(of_seed) for _, of_seed in table.groupby("seed")]).std()
        row["seeds"] = len(of_model)
        row["selected_on_test"], row["optimism"] = best, best - chosen
        row["without_repeats"], row["repeats"] = accuracy(table[~known]), known.sum() // len(of_model)
        rows.append(row)
    return pd.DataFrame(rows).round(3)


def ckplus_table(runs: list[Run], faces: FaceSet) -> pd.DataFrame:
    """CK+ by three rules of splitting, predictions pooled over the ``folds`` that the study trains.

    ``faces`` is all of CK+. The three frames of a sequence are nearly one picture, so ``low`` and ``high``
    (pictures taken as independent) are too narrow; ``sequence_low`` and ``sequence_high`` are the Wilson interval
    at the same accuracy with as many trials as there are sequences.
    """
    sequences = pd.Series(faces.groups, index=faces.rows) + "/" + faces.sequences
    rows = []
    for rule, folds in CK_FOLDS.items():
        nets = [by_model(runs, fold) for fold in folds]
        for model in dict.fromkeys(name for of_fold in nets for name in of_fold):
            tables = [pooled(of_fold[model]) for of_fold in nets if model in of_fold]
            if rule == "folds by position" and len(tables) == 1:
                continue  # the thesis's fold alone, which has its row
            table = pd.concat(tables)
            seeds = table["seed"].nunique()
            rows_seen = table["row"].unique()  # folds 9 and 10 by position share a few pictures
            pictures, count = len(rows_seen), sequences.loc[rows_seen].nunique()
            row = {"model": model, "split": rule, "folds": len(tables), "accuracy": accuracy(table)}
            row["low"], row["high"] = wilson(row["accuracy"], pictures)
            row["sequence_low"], row["sequence_high"] = wilson(row["accuracy"], count)
            row["fold_deviation"] = pd.Series([accuracy(of_fold) for of_fold in tables]).std()
            row |= {"seeds": seeds, "pictures": pictures, "sequences": count}
            rows.append(row)
    return pd.DataFrame(rows).round(3)


def confusion(predictions: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Confusion matrix, each row (true class) in percent of its pictures; a class without pictures is a row of 0."""
    counts = confusion_matrix(predictions["label"], predictions["predicted"], labels=classes, normalize="true")
    return pd.DataFrame(100 * counts, index=list(classes), columns=list(classes))


def confusions(runs: list[Run], dataset: str, classes: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    """The confusion matrix of each net, over all its seeds."""
    return {model: confusion(pooled(of_model), classes) for model, of_model in by_model(runs, dataset).items()}


def per_class_table(runs: list[Run], dataset: str, classes: tuple[str, ...]) -> pd.DataFrame:
    """Precision, recall (with its Wilson interval) and F1 in percent of each class, per net over all its seeds."""
    rows = []
    for model, of_model in by_model(runs, dataset).items():
        table = pooled(of_model)
        scores = precision_recall_fscore_support(table["label"], table["predicted"], labels=classes, zero_division=0)
        for name, precision, recall, f1, support in zip(classes, *scores, strict=True):
            pictures = int(support) // len(of_model)
            low, high = wilson(100 * recall, pictures) if pictures else (np.nan, np.nan)
            row = {"model": model, "class": name, "precision": 100 * precision, "recall": 100 * recall}
            rows.append(row | {"low": low, "high": high, "f1": 100 * f1, "pictures": pictures})
    return pd.DataFrame(rows).round(3)


def paired_tests(runs: list[Run], dataset: str) -> pd.DataFrame:
    """McNemar tests between every two nets on the same pictures, p values Holm-corrected over the pairs.

    Each net enters with its first seed. Exact (binomial) below 25 discordant pictures, else chi-squared with
    continuity correction. ``only_first``, ``only_second``: pictures that one net alone names right.
    """
    right = {}
    for model, of_model in by_model(runs, dataset).items():
        table = read_predictions(of_model[0])
        right[model] = table.set_index(["row", "label"]).eval("label == predicted")
    rows = []
    for (first, a), (second, b) in itertools.combinations(right.items(), 2):
        if not a.index.equals(b.index):
            raise ValueError(f"{first} and {second} were measured on different pictures of {dataset}: train one again")
        only_a, only_b = int((a & ~b).sum()), int((~a & b).sum())
        counts = [[int((a & b).sum()), only_a], [only_b, int((~a & ~b).sum())]]
        p = mcnemar(counts, exact=only_a + only_b < 25).pvalue
        rows.append({"first": first, "second": second, "only_first": only_a, "only_second": only_b, "p": p})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=multipletests(table["p"], method="holm")[1]) if rows else table


def verdict(accuracy: float, low: float, high: float, thesis_accuracy: float) -> str:
    """Where ours stands against the thesis's single number, by our 95% interval: a word."""
    if pd.isna(accuracy):
        return "not run"
    if pd.isna(thesis_accuracy):
        return "not in the thesis"
    if low <= thesis_accuracy <= high:
        return "within the interval"
    return "above" if thesis_accuracy < low else "below"
