"""What README.md says was found: a picture and a few sentences, from the tables of the studies that are kept."""

from typing import NamedTuple

import pandas as pd

from fer_nb import paths
from fer_nb.data.folds import FOLDS
from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import verdict
from fer_nb.evaluation.plots import accuracy_intervals
from fer_nb.files import replacing
from fer_nb.intervals import in_words
from fer_nb.published.gather import kept_claims, kept_tables, most_pictures, recipe, searched_nets
from fer_nb.published.origins import kept_folder, kept_origins, kept_studies
from fer_nb.published.picture import draw
from fer_nb.published.results import row_of, training_of
from fer_nb.report import answer

START, END = "<!-- findings: made by python -m fer_nb.published -->", "<!-- /findings -->"
PICTURE = "summary.svg"
MEASURED = ["accuracy", "low", "high", "seeds"]
COLUMNS = ["dataset", "model", *MEASURED, "thesis_accuracy", "study", "epochs", "minutes", "verdict"]


class Findings(NamedTuple):
    """What was found in all that is kept."""

    best: pd.DataFrame  # the first of ``kept_results`` for each of the thesis's accuracies
    claims: pd.DataFrame  # ``gather.kept_claims``
    sentences: list[str]


def findings() -> Findings:
    """Read what is kept, once, for README and report."""
    results = kept_results()
    best, claims = results.drop_duplicates(["dataset", "model"], ignore_index=True), kept_claims(results)
    lead = f"{answer.accuracies_words(best)} Circles: this study; diamonds: the thesis."
    said = [lead, _counts(), *_large_sets(best), *_found_nets(), _by_subject()]
    said += [_words("table-9-random") or _words("table-9-against"), _words("micro")]
    said += [_section_4_2(), answer.claims_words(claims)]
    return Findings(best, claims, [sentence for sentence in said if sentence])


def kept_results() -> pd.DataFrame:
    """The kept results for each of the thesis's accuracies (tables 3-6, 3-8, 3-10), a row for each study.

    The one trained for most epochs comes first, of several the one by the thesis's own protocol, and of those the one
    made last: not the one that looks best on the test split. Where there is none, the verdict is "not run" and what was
    not measured is missing.

    Returns:
        DataFrame with ``COLUMNS``; accuracies in percent, low and high: 95% Wilson interval.
    """
    rows = []
    for own, part in thesis.SECTION_3_3.items():  # own: the study with the thesis's protocol
        for model, printed in part.accuracies.items():
            row = {"dataset": part.name, "model": model, "thesis_accuracy": printed, "verdict": "not run"}
            kept = [(folder, row_of(folder / f"{part.table}.csv", model)) for folder in kept_studies()]
            found = []
            for folder, ours in ((folder, ours) for folder, ours in kept if ours):
                epochs, minutes = training_of(folder, part.dataset.removesuffix("1"), model)
                about = {"study": folder.name, "epochs": epochs, "minutes": minutes}
                about["verdict"] = verdict(ours, printed, epochs, part.epochs)
                order = epochs, recipe(folder.name, part.dataset) == own, _date(folder.name, part.table)
                found.append((order, row | {key: ours[key] for key in MEASURED} | about))
            found.sort(key=lambda one: one[0], reverse=True)
            rows += [one for _, one in found] or [row]
    return pd.DataFrame(rows, columns=COLUMNS)


def _date(study: str, table: str) -> str:
    return kept_origins(study).set_index("table").loc[table, "date"]


def findings_text(found: Findings) -> str:
    """The findings as Markdown."""
    if not kept_studies():
        return "No results are kept yet: `python -m fer_nb.published STUDY` keeps those of a study on real data."
    picture = f"![Accuracies with intervals beside the thesis's](reports/reference/{PICTURE})"
    return "\n\n".join([picture, "\n".join(f"- {sentence}" for sentence in found.sentences)])


def _counts() -> str:
    tables = kept_tables("summary-counts")
    return answer.cells_words(pd.concat(tables).drop_duplicates("table")) if tables else ""


def _large_sets(results: pd.DataFrame) -> list[str]:
    """The net that comes nearest to its own printed value on FER2013 and on FERm."""
    lines = []
    for part in ("FER2013", "FERm"):
        ran = results[(results["dataset"] == part) & results["accuracy"].notna()]
        if len(ran):
            best = ran.loc[(ran["accuracy"] - ran["thesis_accuracy"]).idxmax()]
            lines.append(
                f"{part}: {best['model']} reaches {in_words(best['accuracy'], best['low'], best['high'])}% in"
                f" {best['minutes']:.0f} minutes ({best['epochs']:.0f} epochs, study `{best['study']}`);"
                f" the thesis prints {best['thesis_accuracy']:.2f}%."
            )
    return lines


def _found_nets() -> list[str]:
    """Each net that a search found, on FER2013 and FERm, beside the net that its study compares it with."""
    table = searched_nets().dropna(subset="difference")
    table = table[table["data"].isin(["fer2013", "ferm"])].sort_values("data")
    lines = []
    for net, rows in table.groupby("model", sort=False):
        reached = [
            f"{in_words(row['accuracy'], row['low'], row['high'])}% on {thesis.DATASETS[row['data']]}"
            f" ({in_words(row['difference'], row['difference_low'], row['difference_high'], signed=True)} points"
            f" to {row['reference']})"
            for row in rows.to_dict("records")
        ]
        millions = rows["parameters"].max() / 1e6
        lines.append(f"{net}, a found net with {millions:.2f} million parameters: {', '.join(reached)}.")
    return lines


def _by_subject() -> str:
    """CK+ on ten folds by subject: hand-made features, and the nets of all kept studies."""
    made = kept_tables("hand-made")
    rows = pd.concat(made) if made else pd.DataFrame(columns=["data", "method"])
    rows = rows[rows["data"].str.endswith("ten folds by subject") & rows["method"].str.contains("SVM")]
    found = rows.to_dict("records")
    for table in kept_tables("table-3-6-splits"):
        nets = table[(table["split"] == "folds by subject") & (table["folds"] == len(FOLDS))]
        found += nets.rename(columns={"model": "method"}).to_dict("records")
    reached = [
        f"{row['method']} {in_words(row['accuracy'], row['sequence_low'], row['sequence_high'])}%"
        for row in sorted(found, key=lambda row: -row["accuracy"])
    ]
    return f"CK+ on ten folds by subject (interval over sequences): {', '.join(reached)}." if reached else ""


def _words(name: str) -> str:
    """What ``answer.WORDS`` says of the kept tables of one name, together."""
    tables = kept_tables(name)
    return answer.WORDS[name](pd.concat(tables)) if tables else ""


def _section_4_2() -> str:
    tables = kept_tables("section-4-2")
    return answer.sentences_words(most_pictures(tables)) if tables else ""


def insert_into_readme(findings: str) -> None:
    """Put ``findings_text`` between the two marks of README.md. Raises ValueError where a mark is missing."""
    path = paths.ROOT / "README.md"
    before, start, rest = path.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"README.md: no line {END if start else START!r}: put it back round the findings")
    with replacing(path) as partial:
        partial.write_text(f"{before}{START}\n{findings}\n{END}{after}", encoding="utf-8")


def shown(best: pd.DataFrame) -> pd.DataFrame:
    """What the picture shows of ``Findings.best``."""
    table = best[["dataset", "model", "accuracy", "low", "high", "thesis_accuracy"]]
    return table.astype({"accuracy": float, "low": float, "high": float})  # object where nothing was measured


def draw_picture(best: pd.DataFrame) -> None:
    """Draw the picture of ``Findings.best`` where it is out of date."""
    numbers = shown(best)
    draw(kept_folder() / PICTURE, [numbers], lambda: accuracy_intervals(numbers))
