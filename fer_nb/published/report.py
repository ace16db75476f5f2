"""``reports/reference/index.html``: the results of all kept studies on one page, made from what is kept of them.

The page has the look of a study's pages and shows no picture of a person. Its figures are drawn anew only where their
numbers have changed: another version of matplotlib would draw them a little differently.
"""

import hashlib
import html
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from fer_nb.evaluation import plots, thesis
from fer_nb.evaluation.paired import between
from fer_nb.published import parts, searched
from fer_nb.published.drawn_faces import FACES, MP, NET, looked_at
from fer_nb.published.gather import (
    by_study,
    confusions,
    histories,
    kept_tables,
    measured_rows,
    most_pictures,
    predictions,
    with_study,
)
from fer_nb.published.origins import kept_folder, kept_origins, kept_studies, study_command
from fer_nb.published.readme import PICTURE, Findings
from fer_nb.report.claims import CAPTION
from fer_nb.report.page import fill_template
from fer_nb.report.save import save_sentences
from fer_nb.saliency import plots as saliency_plots
from fer_nb.saliency import robustness
from fer_nb.speed import plots as speed_plots
from fer_nb.training import weights

_CODE = re.compile("`([^`]+)`")
TOGETHER = (
    "Nets are compared where one recipe trained them all (where several did, the one of most epochs counts); a"
    " difference between nets of several recipes decides nothing."
)
ACCURACIES = ["dataset", "model", "accuracy", "low", "high", "thesis_accuracy", "difference", "verdict"]
ACCURACIES += ["study", "recipe", "seeds", "epochs", "minutes"]
CURVES = {"accuracy": "Accuracy", "loss": "Cross-entropy"}


def write_report(found: Findings) -> Path:
    """Write the page of what was ``found``, its tables (tables/) and its figures (figures/); the page's path.

    Figures that the page no longer shows are deleted. Raises ValueError where no study is kept.
    """
    folders = kept_studies()
    if not folders:
        raise ValueError("no study is kept: `python -m fer_nb.published STUDY` keeps one")
    best, said = found.best, found.sentences
    predicted = {part.name: predictions(best, part) for part in thesis.SECTION_3_3.values()}
    sections = {
        "Claims of both sources": [parts.table(found.claims, "claims", f"{CAPTION} {TOGETHER}", fold=False)],
        "Accuracies (tables 3-6, 3-8, 3-10)": _accuracies(best, predicted),
        "Counts (tables 3-1 to 3-4)": _counts(),
        "Confusion matrices (figures 3-8 to 3-10)": _confusions(predicted),
        "Learning curves (figures 3-11, 3-12)": _curves(best),
        "What the net looks at (chapter 4)": _chapter_4(folders),
        "Detectors (chapter 2)": _detectors(),
        "Speed and size": _speed(folders),
        "Searched networks (EmoNAS)": searched.nets(folders),
        "Micro-expressions (drawn clips)": searched.clips(),
    }
    joined = {title: Markup("\n".join(shown)) for title, shown in sections.items()}
    shown = {title: body for title, body in joined.items() if body}
    nonce = hashlib.sha256("\n".join([*said, *shown.values()]).encode()).hexdigest()  # the same content, the same page
    page = fill_template(
        kept_folder() / "index.html",
        "reference.html.j2",
        study=parts.PLACE,
        title="Results of the kept studies",
        findings=[Markup(_CODE.sub(r"<code>\1</code>", html.escape(sentence))) for sentence in said],
        nonce=nonce,
        sections=[(_key(title), title, body) for title, body in shown.items()],
        contents=[("2", _key(title), title) for title in [*shown, "Studies"]],
        studies=[_study(folder) for folder in folders],
    )
    text = page.read_text(encoding="utf-8")
    for file in (kept_folder() / "figures").glob("*.svg"):
        if f'src="figures/{file.name}"' not in text:
            file.unlink()
    for file in (kept_folder() / "tables").glob("*.csv"):
        if f'href="tables/{file.name}"' not in text:
            file.unlink()
    return page


def _key(title: str) -> str:
    """The heading's id."""
    return title.partition(" (")[0].lower().replace(" ", "-")


def _accuracies(best: pd.DataFrame, predicted: dict[str, dict]) -> Iterable[str]:
    caption = "The thesis's accuracies (diamonds) and ours with their 95% intervals (circles)."
    yield parts.shown("summary", caption, PICTURE)
    caption = (
        "In percent, beside the thesis's. Of several kept studies the one with most epochs stands here, of those the"
        " one by the thesis's own protocol, then the best on the validation split, on CK+ the last. Recipe: the"
        " thesis's, or our own; minutes are those of one training run."
    )
    whole = best.astype({"epochs": "Int64", "seeds": "Int64"}).assign(
        difference=best["accuracy"] - best["thesis_accuracy"]
    )[ACCURACIES]
    yield parts.table(whole, "accuracies", caption, digits={"minutes": 0})
    yield from _splits()
    for part in thesis.SECTION_3_3.values():
        found = [_rows(row, f"{part.table}-classes") for row in measured_rows(best, part)]
        found = [table for table in found if len(table)]
        if found:
            caption = f"{part.name}: precision, recall and F1 of each class, in percent."
            yield parts.table(pd.concat(found), f"{part.table}-classes", caption)
        yield from _seeds(part)
        yield from _pairs(predicted[part.name], part)


def _seeds(part: thesis.Results) -> Iterable[str]:
    found = with_study(name := f"{part.table}-seeds")
    if len(found):
        caption = (
            f"{part.name}: each seed of the nets that a study trains from several. Flat epochs: the first ones, in"
            " which the net learns little more than to name the largest class."
        )
        yield parts.table(found, name, caption)


def _pairs(predicted: dict[str, list[pd.DataFrame]], part: thesis.Results) -> Iterable[str]:
    if len(predicted) > 1:
        caption = (
            f"{part.name}: accuracy of the first net minus that of the second on the same test pictures, in points"
            " with its paired 95% interval, over all seeds; pictures that only one of them predicts right (first"
            " seeds), and McNemar's test of these (p_holm: corrected for the number of pairs). The recipes are those of"
            " the accuracies above."
        )
        table = between(predicted, part.name)
        yield parts.table(table, f"{part.table}-pairs", caption, digits={"p": 4, "p_holm": 4})


def _splits() -> Iterable[str]:
    found = with_study("table-3-6-splits")
    if len(found):
        caption = (
            "CK+ by the way of splitting: accuracy in percent with its 95% interval over sequences. Folds by position"
            " share subjects with training, folds by subject do not."
        )
        columns = ["model", "split", "study", "folds", "accuracy", "sequence_low", "sequence_high", "sequences"]
        yield parts.table(found[columns], "ckplus-splits", caption)


def _rows(row: dict, name: str) -> pd.DataFrame:
    """The rows of the net of ``row`` in a table of its study; empty where it keeps no such table."""
    path = kept_folder() / row["study"] / f"{name}.csv"
    table = pd.read_csv(path) if path.exists() else pd.DataFrame(columns=["model"])
    return table[table["model"] == row["model"]]


def _counts() -> Iterable[str]:
    if tables := kept_tables("summary-counts"):
        table = pd.concat(tables).drop_duplicates("table").sort_values("table")
        yield parts.table(table, "counts", "Counted cells, and those that are not as the thesis prints them.")
    if tables := kept_tables("table-3-1"):
        yield parts.table(
            tables[-1], "table-3-1", "Table 3-1. Parameters and what the thesis calls FLOPs, beside MACs."
        )


def _confusions(predicted: dict[str, dict]) -> Iterable[str]:
    for part in thesis.SECTION_3_3.values():
        matrices = confusions(predicted[part.name], part)
        if matrices:
            caption = f"{part.name}: confusion matrices, in percent of the true class. {part.finding}".strip()
            numbers = [matrix.assign(model=model) for model, matrix in matrices.items()]
            yield parts.figure(part.confusions, caption, numbers, partial(plots.confusion_matrices, matrices))


def _curves(best: pd.DataFrame) -> Iterable[str]:
    for key, part in thesis.SECTION_3_3.items():
        shown = histories(best, part)
        for quantity, title in CURVES.items() if shown else ():
            caption = f"{part.name}: {title.lower()} after each epoch, first seed of each net."
            numbers = [history.assign(model=model) for model, history in shown.items()]
            name = f"curves-{quantity}-{key}"
            yield parts.figure(name, caption, numbers, partial(plots.learning_curves, shown, quantity))


def _looked_at() -> Iterable[str]:
    """Figure 4-1 on drawn faces, where the weights of the net are kept."""
    if NET not in weights.kept_nets():
        return
    made_by = {"weights": weights.digest_line(weights.released_file(NET)), "faces": FACES, **MP}
    caption = (
        f"As figure 4-1, on drawn faces: what {NET}, trained on FERm, looks at for the expression that it reads."
        f" Of {FACES} faces of an expression the first that it reads right is shown, or else the first."
    )
    yield parts.figure("fig-4-1-drawn", caption, [pd.DataFrame([made_by])], lambda: looked_at(*weights.released(NET)))


def _chapter_4(folders: list[Path]) -> Iterable[str]:
    yield from _looked_at()
    if tables := by_study("section-4-2"):
        caption = (
            "The sentences of section 4.2: what was measured on real pictures, and whether they hold. Enrichment: a"
            " region's share of the map over its share of the area, 1 by chance; kept: percent of the right predictions"
            " that stay right; n: pictures; in part: some rows say yes, others no."
        )
        sentences = tables[most_pictures(tables)].fillna({"method": "", "quantity": "", "bound": ""})
        yield str(save_sentences(sentences, "section-4-2", parts.PLACE, caption, digits=3).data)
    for folder in folders:
        if (folder / "robustness.csv").exists():
            table = pd.read_csv(folder / "robustness.csv").fillna({"method": ""})
            table = table[table["quantity"].isin(["accuracy", "probability", "spearman"])]
            printed = {one["transform"]: one for one in thesis.FIGURES_4_2.values()}
            printed = {name: one | {"strength": robustness.JUDGED[name]} for name, one in printed.items()}
            caption = f"Study {folder.name}: accuracy, probability of the true class and similarity of the maps."
            if table["pictures"].max() < thesis.TABLE_3_4["test"]["Total"]:
                caption += " The expressions are taken in turn, so the accuracy is lower than on the whole test split."
            yield parts.figure(
                f"robustness-{folder.name}",
                caption,
                [table],
                partial(saliency_plots.robustness, table, printed, robustness.TRAINED),
            )


def _detectors() -> Iterable[str]:
    captions = {
        "detection-found": "Faces found, in percent with Wilson's 95% interval; median time of a picture in ms.",
        "detection-enlarged": "Accuracy of a kept net on faces that were enlarged on a background, found and cut out"
        " again, in percent; the difference to that on the original pictures, in points with its 95% interval.",
    }
    for name, caption in captions.items():
        if tables := kept_tables(name):
            yield parts.table(tables[-1], name, caption)


def _speed(folders: list[Path]) -> Iterable[str]:
    captions = {
        "efficiency-inference": "time of one picture and pictures a second, by runtime",
        "efficiency-light": "as a share of ResNet18's",
        "efficiency-size": "parameters, files and memory",
        "efficiency-int8": "int8 beside float32, one crop a picture",
        "efficiency": "training, with each step of speed",
    }
    figures: dict[str, Callable[[pd.DataFrame], Figure]] = {
        "efficiency-inference": speed_plots.latencies,
        "efficiency-light": speed_plots.lightness,
        "efficiency": speed_plots.speeds,
    }
    for folder in folders:
        for name, words in captions.items():
            if not (folder / f"{name}.csv").exists():
                continue
            table, caption = pd.read_csv(folder / f"{name}.csv"), f"Study {folder.name}: {words}"
            if name in figures:
                make = partial(figures[name], table)
                yield parts.figure(f"{name}-{folder.name}", f"{caption}, as a figure.", [table], make)
            yield parts.table(table, f"{name}-{folder.name}", f"{caption}.")


def _study(folder: Path) -> dict:
    """What made a study's tables: name, command, date of the last notebook, commits, devices."""
    made = kept_origins(folder.name)
    facts = {}
    for name in ("commit", "device"):
        facts[name] = ", ".join(sorted({one for value in made[name] for one in value.split("; ") if one}))
    return facts | {"name": folder.name, "command": study_command(folder.name), "date": made["date"].max()}
