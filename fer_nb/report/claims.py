"""Every sentence of results of both sources beside what was measured: see ``evaluation.sentences``."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from fer_nb import paths
from fer_nb.evaluation import sentences, thesis
from fer_nb.evaluation.measures import by_model, confusion, pooled
from fer_nb.evaluation.paired import shares_right
from fer_nb.finished import read_history
from fer_nb.report import measured, measured_searched
from fer_nb.report.results import Found, Missing, Results
from fer_nb.study import Run

WORDS = {"yes": "holds", "no": "does not hold"}
NAMES = ("table-3-1", "receptive-field", "efficiency-light", "efficiency-inference", "hand-made", "section-4-2")
# Not of the pictures: what drawn faces decide too.
COUNTED = ("ratio", "widening", "latency", "latency as a share", "cost", "share of", "share of the least")
CAPTION = (
    "What both sources say they found, what was measured, its 95% interval (of the lowest or highest of several: for"
    " all of them; of a latency: its 10th to 90th percentile), what it must be for the sentence to hold (our reading),"
    " and whether it does."
)
COLUMNS = ["source", "where", "sentence", "verdict", "measured", "low", "high", "needed", "unit", "seeds"]
COLUMNS += ["study", "table"]
MEASURES: dict[str, Callable[..., Found]] = {
    "hand-made beyond nets": measured.hand_made,
    "ratio": measured.ratio,
    "widening": measured.widening,
    "least accuracy": measured.least_accuracy,
    "beyond": measured.beyond,
    "gap": measured.gap,
    "best classes": measured.best_classes,
    "worst classes": measured.worst_classes,
    "mistaken": measured.mistaken,
    "overfit": measured.overfit,
    "latency": measured.latency,
    "latency as a share": measured.latency_share,
    "section 4.2": measured.section,
    "change": measured.change,
    "cost": measured_searched.cost,
    "share of": measured_searched.share_of,
    "share of the least": measured_searched.share_of_least,
    "searched beyond": measured_searched.beyond,
    "searched on": measured_searched.accuracy_on,
}


def claims_table(results: Results, drawn: bool = False) -> pd.DataFrame:
    """A row for each sentence.

    Returns:
        DataFrame with ``COLUMNS``. verdict: "holds" or "does not hold" where the whole interval says so, "in part",
        "cannot say", "fewer epochs" (what was measured may come from training for fewer epochs than the thesis's),
        "several recipes" (it may come from these: no recipe trained all of the sentence's nets),
        "not run", "not kept" (it ran; its predictions are not kept), "no data" (the project does not have the
        set), "not measured" (nothing here measures it), "drawn faces" (``drawn``: they say nothing of people).
    """
    sources = {"thesis": sentences.THESIS, "EmoNAS": sentences.EMONAS}
    rows = [_row(results, source, claim, drawn) for source, claims in sources.items() for claim in claims]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seeds": "Int64"})


def _row(results: Results, source: str, claim: thesis.Claim, drawn: bool) -> dict:
    row: dict[str, Any] = {"source": source, "where": claim.where, "sentence": claim.says}
    row |= dict.fromkeys(("unit", "study", "table"), "")
    if not claim.quantity:
        return row | {"verdict": "not measured"}
    kind, *words = claim.quantity
    try:
        found = MEASURES[kind](results, *words)
    except Missing as why:
        return row | {"verdict": str(why)}
    verdict = found.holds or sentences.holds(found.low, found.high, claim.relation, claim.bound)
    if found.mixed:
        verdict = "several recipes"
    elif found.short and verdict != "cannot say" and (verdict == "no" or kind in ("gap", "beyond")):
        verdict = "fewer epochs"
    row |= {"measured": found.value, "seeds": found.seeds}
    row |= {"unit": found.unit, "study": found.study, "table": found.table}
    if found.low < found.high:  # what is counted has no interval
        row |= {"low": found.low, "high": found.high}
    row["needed"] = "" if found.holds else f"{claim.relation} {claim.bound:.4g}"
    return row | {"verdict": "drawn faces" if drawn and kind not in COUNTED else WORDS.get(verdict, verdict)}


def results_of(study: str, accuracies: pd.DataFrame, runs: list[Run]) -> Results:
    """What a study has: the tables that its notebooks saved, and its finished ``runs`` of notebook 05.

    ``accuracies``: from ``evaluation.summary.accuracies``.
    """
    folder = paths.REPORTS / study / "tables"
    tables = {name: pd.read_csv(folder / f"{name}.csv") for name in NAMES if (folder / f"{name}.csv").exists()}
    # A study has one recipe for a data set.
    results = Results(accuracies.assign(study=study, recipe=study), tables, dict.fromkeys(tables, study))
    for part in thesis.SECTION_3_3.values():
        if nets := by_model(runs, part.dataset):
            predicted = {model: pooled(of_model) for model, of_model in nets.items()}
            matrices = {model: confusion(table, part.classes) for model, table in predicted.items()}
            results.confusions[part.name] = {study: matrices}
            histories = {model: read_history(of_model[0]) for model, of_model in nets.items()}
            results.histories[part.name] = {study: histories}
            if part.name != "CK+":
                right = {model: shares_right(table) for model, table in predicted.items()}
                results.right[part.name] = {study: right}
    if (file := folder / "ablation.csv").exists():
        results.changes = pd.read_csv(file).assign(study=study)
    files = [folder / f"table-{number}.csv" for number in (9, 10)]
    if all(file.exists() for file in files):
        results.searched = searched(*map(pd.read_csv, files)).assign(study=study)
    return results


def searched(accuracies: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """Tables 9 and 10 in one; difference and its interval are missing where a study trained no reference."""
    both = accuracies.merge(costs, on="model")
    columns = ["reference", "difference", "difference_low", "difference_high"]
    return both.reindex(columns=[*both, *(name for name in columns if name not in both)])
