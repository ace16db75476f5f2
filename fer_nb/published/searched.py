"""The sections of the page of all kept results on nets that searches found, and on drawn clips."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pandas as pd

from fer_nb.nas import drawing
from fer_nb.nas.plots import accuracy_over_parameters, among_random, micro_curves, micro_scores
from fer_nb.nets import genotypes
from fer_nb.published import parts
from fer_nb.published.gather import by_study, conditions_in_words, searched_nets

COLUMNS = ["data", "model", "accuracy", "low", "high", "seeds", "worst", "best", "reference"]
COLUMNS += ["difference", "difference_low", "difference_high", "parameters", "macs", "latency_ms"]


def nets(folders: list[Path]) -> Iterable[str]:
    of_study = dict(list(searched_nets().groupby("study")))
    for folder in (folder for folder in folders if folder.name in of_study):
        both = of_study[folder.name][COLUMNS]
        for dataset, rows in both.groupby("data", sort=False):
            if len(rows) == 1:
                continue  # one point shows nothing that the table does not
            caption = f"Study {folder.name}, {dataset}: accuracy over parameters."
            name = f"parameters-{folder.name}-{dataset}"
            yield parts.figure(name, caption, [rows], partial(accuracy_over_parameters, rows))
        caption = f"Study {folder.name}: accuracy in percent, difference to the reference in points, cost of a picture."
        yield parts.table(both, f"searched-{folder.name}", caption)
        yield from _luck(folder)
        for file in sorted((folder / "genotypes").glob("EmoNAS*-seed0.json")):
            found, _ = genotypes.load(file)
            caption = f"Study {folder.name}: the cells of {file.stem} (as figures 5 and 6 of EmoNAS)."
            edges = pd.DataFrame([*found.normal, *found.reduce])
            yield parts.figure(f"cells-{folder.name}-{file.stem}", caption, [edges], partial(drawing.figure, found))


def _luck(folder: Path) -> Iterable[str]:
    """Found nets among random ones, where a study has trained both."""
    file = folder / "table-9-genotypes.csv"
    if file.exists():
        trained = pd.read_csv(file)
        caption = f"Study {folder.name}: accuracy of found nets (dots) and of random ones (ticks)."
        yield parts.figure(f"among-random-{folder.name}", caption, [trained], partial(among_random, trained))
    captions = {
        "random": "how many of the pairs with a random net the found nets win, in percent, and the rank test's p",
        "supernet": "Kendall's tau of the search's ranking of the random genotypes with their trained accuracies",
    }
    for name, words in captions.items():
        if (folder / f"table-9-{name}.csv").exists():
            table, caption = pd.read_csv(folder / f"table-9-{name}.csv"), f"Study {folder.name}: {words}."
            yield parts.table(table, f"table-9-{name}-{folder.name}", caption, digits=dict.fromkeys(("p", "p_holm"), 4))


def clips() -> Iterable[str]:
    """Scores on drawn clips: they compare kinds of picture."""
    differences, graded = by_study("micro-differences"), by_study("micro-graded")
    for study, scores in by_study("micro").items():
        caption = f"Study {study}: UF1 on drawn clips by kind of picture, each subject held out in turn."
        caption += f" {conditions_in_words(scores['data'])}"
        yield parts.figure(f"micro-{study}", caption, [scores], partial(micro_scores, scores))
        caption = f"Study {study}: accuracy, UAR and UF1 in percent, with 95% intervals over subjects."
        yield parts.table(scores, f"micro-{study}", caption)
        if study in differences:
            caption = f"Study {study}: accuracy of one kind of picture minus that of another, in points."
            yield parts.table(differences[study], f"micro-differences-{study}", caption)
        if study in graded:
            caption, table = f"Study {study}: UF1 and UAR over what makes the clips hard.", graded[study]
            yield parts.figure(f"micro-graded-{study}", caption, [table], partial(micro_curves, table))
