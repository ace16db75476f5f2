"""Section 3.3 on one data set, by the same calls for CK+, FER2013 and FERm: a sentence, tables and figures.

``key`` is the data set's in ``thesis.SECTION_3_3``. Tables and figures come with the name that they are saved by and
their caption; there are none where the study trains no net on the data set.
"""

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import measures, plots
from fer_nb.evaluation.paired import paired_tests
from fer_nb.evaluation.thesis import SECTION_3_3, Results
from fer_nb.finished import read_history, read_metrics, read_predictions
from fer_nb.intervals import LEVEL, in_words
from fer_nb.study import Run


def digits(table: pd.DataFrame) -> dict[str, int]:
    """Decimals shown of each column of a result: one of percentages where a picture is worth more than 0.1."""
    of_percent = 1 if table.get("pictures", pd.Series([1000])).max() < 1000 else 2
    return dict.fromkeys(table.columns, of_percent) | {"p": 4, "p_holm": 4}


def data_words(data: str) -> str:
    """What the numbers of a page are worth: ``data`` is "synthetic" or "real"."""
    if data == "synthetic":
        return "**Drawn faces:** the numbers below show that every step works; they say nothing about real faces."
    return "The numbers below are measured on the real data sets."


def accuracy_words(runs: list[Run], key: str, data: str) -> str:
    """The accuracy of each net on a data set, and on real data the thesis's with a verdict."""
    part = SECTION_3_3[key]
    nets = measures.by_model(runs, part.dataset)
    if not nets:
        where = part.name + (" by the thesis's split" if _trained(runs, key) else "")
        return f"This study trains no net on {where}."
    words = []
    faces = datasets.load(part.dataset, data)
    for row in measures.accuracy_table(runs, part.dataset, part.accuracies, faces).to_dict("records"):
        places = 1 if row["pictures"] < 1000 else 2
        word = f"{row['model']} {in_words(row['accuracy'], row['low'], row['high'], places)}"
        if data != "synthetic":
            epochs = min(read_metrics(run)["epochs"] for run in nets[row["model"]])
            verdict = measures.verdict(row, row["thesis_accuracy"], epochs, part)
            word += f" (thesis {in_words(row['thesis_accuracy'])}: {verdict})"
        words.append(word)
    return f"Accuracy in percent [95% interval over the test {_counted(faces)}]: {'; '.join(words)}."


def _counted(faces: FaceSet) -> str:
    """What intervals and tests are over: a sequence of CK+ counts once, as its three frames are nearly one picture."""
    return "pictures" if measures.sequences(faces) is None else "sequences"


def _trained(runs: list[Run], key: str) -> bool:
    return any(run.dataset.partition("-")[0] == key for run in runs)


def result_tables(runs: list[Run], key: str, data: str) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Name, caption and table of each result on a data set: see ``measures``."""
    part = SECTION_3_3[key]
    if nets := measures.by_model(runs, part.dataset):
        faces = datasets.load(part.dataset, data)
        over = f"95% Wilson interval over the test {_counted(faces)}"
        ours = measures.accuracy_table(runs, part.dataset, part.accuracies, faces)
        yield _item(part, part.table, f"accuracy in percent, {over}, and the thesis's value.", ours)
        text = f"others' results as the thesis quotes them, the thesis's, and this study's with its {over}."
        yield _item(part, part.others, text, measures.others_table(part.quoted, ours))
        table = measures.protocol_table(runs, part.dataset, faces.rows[datasets.repeated(faces)])
        text = (
            "accuracy by our protocol, with the crops that each picture is cut into. Score of kept: that epoch by the"
            " score that is taken after each epoch (score crops); selected on test: the epoch that is best on the test"
            " split, as in the thesis; optimism: what that choice adds, both by the same crops. Without repeats:"
            " accuracy without the test pictures that also stand in training."
        )
        yield _item(part, f"{part.table}-protocol", text, table)
        largest = 100 * np.bincount(labels := faces.of_split("train").labels).max() / len(labels)
        table = measures.seeds_table(runs, part.dataset, largest)
        if len(table):
            text = (
                "each seed. Flat epochs: the first ones, in which the net learns little more than to name the largest"
                f" class (training accuracy below {largest + measures.FLAT:.1f}%)."
            )
            yield _item(part, f"{part.table}-seeds", text, table)
        table = measures.per_class_table(runs, part.dataset, part.classes, faces)
        text = f"precision, recall (with its {over}) and F1 of each class, in percent."
        yield _item(part, f"{part.table}-classes", text, table)
    if len(nets) > 1:
        table = paired_tests(runs, part.dataset, faces)
        different = (table["p_holm"] < LEVEL).sum()
        rule = " (a sequence by the majority of its frames)" if _counted(faces) == "sequences" else ""
        text = (
            "accuracy of the first net minus that of the second in points, with its paired 95% interval, over all"
            f" seeds; {_counted(faces)} that only one of them predicts right{rule}, and McNemar's test of these (first"
            " seeds)."
            f" {different} of {len(table)} pairs of nets differ at the 5% level."
        )
        yield _item(part, f"{part.table}-mcnemar", text, table)
    if key == "ckplus" and _trained(runs, key):
        table = measures.ckplus_table(runs, datasets.load(key, data))
        text = (
            "the ways of splitting that this study trains. The thesis's fold shares most of its test subjects with"
            " training, folds by subject share none. The three frames of a sequence are nearly one picture, so the"
            " interval over sequences is the honest one."
        )
        yield _item(part, f"{part.table}-splits", text, table)


def result_figures(runs: list[Run], key: str) -> Iterator[tuple[str, str, Figure]]:
    """Name, caption and figure of each result on a data set: confusion matrices and learning curves."""
    part = SECTION_3_3[key]
    if nets := measures.by_model(runs, part.dataset):
        figure = plots.confusion_matrices(measures.confusions(runs, part.dataset, part.classes))
        text = f"confusion matrices of the nets, in percent of the true class. {part.finding}"
        yield _item(part, part.confusions, text.strip(), figure)
        histories = {model: read_history(of_model[0]) for model, of_model in nets.items()}
        for quantity, name in part.curves.items():
            what = "accuracy" if quantity == "accuracy" else "cross-entropy"
            figure = plots.learning_curves(histories, quantity)
            yield _item(part, name, f"{what} after each epoch, first seed of each net.", figure)


def mistake_figures(runs: list[Run], key: str, data: str) -> Iterator[tuple[str, str, Figure]]:
    """Name, caption and figure of each net's most confident mistakes, of its first seed, with the pictures."""
    part = SECTION_3_3[key]
    nets = measures.by_model(runs, part.dataset)
    if not nets:
        return
    faces = datasets.load(part.dataset, data)
    for model, of_model in nets.items():
        table = measures.confident_mistakes(read_predictions(of_model[0]), part.classes)
        if len(table):
            places = pd.Series(range(len(faces)), index=faces.rows)[table["row"]]
            text = f"the surest wrong predictions of {model} for each true class: what it says instead, and how surely."
            yield _item(part, f"mistakes-{key}-{model}", text, plots.mistakes(table, faces.images[places]))


def _item(part: Results, name: str, text: str, content):
    """``name``, its caption and ``content``; the caption begins with the thesis's number where ``name`` has one."""
    number = re.fullmatch(r"(table|fig)-(\d-\d+)", name)
    kinds = {"table": "Table", "fig": "Figure"}
    title = f"{kinds[number[1]]} {number[2]}. " if number else ""
    return name, f"{title}{part.name}: {text}", content
