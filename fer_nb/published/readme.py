"""What README.md says was found: a picture and a few sentences, from the tables of the studies that are kept."""

from typing import NamedTuple

import pandas as pd

from fer_nb import paths
from fer_nb.data.folds import FOLDS
from fer_nb.evaluation import thesis
from fer_nb.evaluation.plots import accuracy_intervals
from fer_nb.files import replacing
from fer_nb.intervals import in_words
from fer_nb.published.accuracies import THESIS, kept_results
from fer_nb.published.gather import by_study, kept_claims, kept_tables, most_pictures, searched_nets, searched_on
from fer_nb.published.origins import kept_folder, kept_studies
from fer_nb.published.picture import draw
from fer_nb.report import answer

START, END = "<!-- findings: made by python -m fer_nb.published -->", "<!-- /findings -->"
PICTURE = "summary.svg"


class Findings(NamedTuple):
    """What was found in all that is kept."""

    best: pd.DataFrame  # the first of ``kept_results`` for each of the thesis's accuracies
    claims: pd.DataFrame  # ``gather.kept_claims``
    sentences: list[str]


def findings() -> Findings:
    """Read what is kept, once, for README and report."""
    results = kept_results()
    best, claims = results.drop_duplicates(["dataset", "model"], ignore_index=True), kept_claims(results)
    lead = f"{answer.accuracies_words(best)}{_other_recipes(best)}"
    said = [lead, _counts(), *_large_sets(best), *_found_nets(), _by_subject()]
    said += [_words("table-9-random") or _words("table-9-against"), _words("micro")]
    said += [_section_4_2(), answer.claims_words(claims)]
    return Findings(best, claims, [sentence for sentence in said if sentence])


def findings_text(found: Findings) -> str:
    """The findings as Markdown."""
    if not kept_studies():
        return "No results are kept yet: `python -m fer_nb.published STUDY` keeps those of a study on real data."
    picture = f"![Accuracies with intervals (circles) beside the thesis's (diamonds)](reports/reference/{PICTURE})"
    return "\n\n".join([picture, "\n".join(f"- {sentence}" for sentence in found.sentences)])


def _counts() -> str:
    tables = kept_tables("summary-counts")
    return answer.cells_words(pd.concat(tables).drop_duplicates("table")) if tables else ""


def _other_recipes(best: pd.DataFrame) -> str:
    """Which of the accuracies another recipe than the thesis's gave."""
    datasets = best.loc[~best["recipe"].isin([THESIS]) & best["accuracy"].notna(), "dataset"].unique()
    if not len(datasets):
        return ""
    return f" On {' and '.join(datasets)} the recipe differs from the thesis's too."


def _large_sets(best: pd.DataFrame) -> list[str]:
    """What the nets reach on FER2013 and on FERm."""
    lines = []
    for dataset in ("FER2013", "FERm"):
        ran = best[(best["dataset"] == dataset) & best["accuracy"].notna()]
        reached = [
            f"{row['model']} {in_words(row['accuracy'], row['low'], row['high'])}%"
            f" ({row['minutes']:.0f} minutes, thesis {row['thesis_accuracy']:.2f})"
            for row in ran.to_dict("records")
        ]
        lines += [f"{dataset}: {', '.join(reached)}."] if reached else []
    return lines


def _found_nets() -> list[str]:
    """Each net that a search found, on FER2013 and FERm, beside the net that its study compares it with."""
    table = searched_nets().dropna(subset="difference")
    table = table[table["data"].isin(["fer2013", "ferm"])].sort_values("data")
    lines = []
    for net, rows in table.groupby("model", sort=False):
        reached = [
            f"{in_words(row['accuracy'], row['low'], row['high'])}% on {thesis.DATASETS[row['data']]}"
            f" ({in_words(row['difference'], row['difference_low'], row['difference_high'], signed=True)} points)"
            for row in rows.to_dict("records")
        ]
        millions = rows["parameters"].max() / 1e6
        beside = " and ".join(rows["reference"].unique())
        searched = searched_on(rows["study"].iloc[0], net).partition("-")[0]
        lines.append(
            f"{net}, a net with {millions:.2f} million parameters and cells found on"
            f" {thesis.DATASETS.get(searched, 'another set')}, beside {beside}: {', '.join(reached)}."
        )
    return lines


def _by_subject() -> str:
    """CK+ on ten folds by subject: hand-made features, and the nets of all kept studies."""
    made = kept_tables("hand-made")
    rows = pd.concat(made) if made else pd.DataFrame(columns=["data", "method"])
    rows = rows[rows["data"].str.endswith("ten folds by subject") & rows["method"].str.contains("SVM")]
    found = rows.to_dict("records")
    for study, table in by_study("table-3-6-splits").items():
        nets = table[(table["split"] == "folds by subject") & (table["folds"] == len(FOLDS))]
        nets = nets.assign(seen=[searched_on(study, model).startswith("ckplus") for model in nets["model"]])
        found += nets.rename(columns={"model": "method"}).to_dict("records")
    reached = [
        f"{row['method']} {in_words(row['accuracy'], row['sequence_low'], row['sequence_high'])}%"
        + (" (its search saw test subjects)" if row.get("seen") else "")
        for row in sorted(found, key=lambda row: -row["accuracy"])
    ]
    return f"CK+ on ten folds by subject (interval over sequences): {', '.join(reached)}." if reached else ""


def _words(name: str) -> str:
    """What ``answer.WORDS`` says of the kept tables of one name, together."""
    tables = kept_tables(name)
    return answer.WORDS[name](pd.concat(tables)) if tables else ""


def _section_4_2() -> str:
    tables = by_study("section-4-2")
    return answer.sentences_words(tables[most_pictures(tables)]) if tables else ""


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
