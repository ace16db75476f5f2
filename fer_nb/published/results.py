"""The README's results, from the tables of finished studies that are kept under reports/reference/."""

from pathlib import Path

import pandas as pd

from fer_nb import paths
from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import verdict
from fer_nb.files import replacing

START, END = "<!-- results: made by python -m fer_nb.published -->", "<!-- /results -->"


def home() -> Path:
    """The folder of what is kept: a folder per study, a README.md that says what made them, and a model card."""
    return paths.REPORTS / "reference"


def studies() -> list[Path]:
    """The folders of the studies kept."""
    return sorted(path.parent for path in home().glob("[!.]*/origins.csv"))


def results() -> str:
    """The README's results as Markdown, from the tables kept of all studies."""
    folders = studies()
    if not folders:
        return "No results are kept yet: `python -m fer_nb.published STUDY` keeps those of a study on real data."
    head = ["data", "net", "study", "accuracy [95% interval]", "mean per class", "seeds", "epochs", "thesis"]
    rows = [row for part in thesis.SECTION_3_3.values() for row in _accuracies(folders, part)]
    text = [
        "Accuracies in percent on the test side, means over the seeds. The interval (Wilson) is over the test pictures;"
        " the verdict says whether the thesis's value lies in it, or ours is above or below."
        " [reports/reference](reports/reference/README.md) has the tables and what made each.",
        markdown([*head, "difference", "verdict"], rows),
        *_counts(folders),
        *_splits(folders),
        *_searched(folders),
    ]
    return "\n\n".join(text)


def _accuracies(folders: list[Path], part: thesis.Results) -> list[list]:
    """The rows of one table of accuracies: each net in each study that trained it, or else as not run."""
    rows = []
    for model, value in part.accuracies.items():
        found = [(folder.name, *of) for folder in folders if (of := _measured(folder, part.table, part.dataset, model))]
        for study, ours, epochs in found:
            word = verdict(ours, value, epochs, part.epochs)
            measured = [_interval(ours, "low", "high"), f"{ours['mean_per_class_accuracy']:.2f}", ours["seeds"]]
            compared = [epochs, f"{value:.2f}", f"{ours['difference']:+.2f}".replace("-", "−"), word]
            rows.append([part.name, model, study, *measured, *compared])
        if not found:
            rows.append([part.name, model, *["–"] * 5, f"{value:.2f}", "–", "not run"])
    return rows


def _measured(folder: Path, name: str, dataset: str, model: str) -> tuple[dict, int] | None:
    """A net's row in a study's table of accuracies, and the epochs it was trained for; None where it has none."""
    if not (folder / f"{name}.csv").exists():
        return None
    ours = pd.read_csv(folder / f"{name}.csv").set_index("model").to_dict("index").get(model)
    return ours and (ours, _epochs(folder, dataset.removesuffix("1"), model))


def _epochs(folder: Path, dataset: str, model: str) -> int:
    """Epochs of the shortest run; the folds of CK+ stand together, as ``ckplus-fold`` and ``ckplus-subject``."""
    runs = pd.read_csv(folder / "runs.csv")
    return int(runs.loc[(runs["dataset"] == dataset) & (runs["model"] == model), "epochs"].min())


def _counts(folders: list[Path]) -> list[str]:
    """Tables 3-1 to 3-4, counted cell by cell by notebook 12."""
    tables = [pd.read_csv(path) for folder in folders if (path := folder / "summary-counts.csv").exists()]
    if not tables:
        return []
    counted = pd.concat(tables).drop_duplicates().sort_values("table", kind="stable")
    lines = [
        f"- {row.table.replace('table-', 'Table ')}: {row.equal} of {row.cells} cells are as the thesis prints them."
        + (f" The others: {row.differing}." if row.equal < row.cells else "")
        for row in counted.itertuples()
    ]
    return ["\n".join(lines)]


def _splits(folders: list[Path]) -> list[str]:
    """CK+ by the ways of splitting that the studies train."""
    rows = []
    for folder in folders:
        path = folder / "table-3-6-splits.csv"
        for row in pd.read_csv(path).to_dict("records") if path.exists() else []:
            measured = [row["folds"], _interval(row, "sequence_low", "sequence_high"), row["sequences"]]
            dataset = "ckplus-subject" if row["split"].endswith("subject") else "ckplus-fold"
            rows.append([row["model"], row["split"], folder.name, *measured, _epochs(folder, dataset, row["model"])])
    head = ["net", "split", "study", "folds", "accuracy [95% interval over sequences]", "test sequences", "epochs"]
    lead = "CK+ by the way of splitting: folds by position share subjects with training, folds by subject do not."
    return [lead, markdown(head, rows)] if rows else []


def _searched(folders: list[Path]) -> list[str]:
    """Nets that searches found beside others, from notebook 10: as the source's tables 9 and 10."""
    rows = []
    for folder in [folder for folder in folders if (folder / "table-9.csv").exists()]:
        table = pd.read_csv(folder / "table-9.csv").merge(pd.read_csv(folder / "table-10.csv"), on="model")
        for row in table.to_dict("records"):
            cost = [f"{row['parameters']:,}", f"{row['macs'] / 1e6:.1f}", f"{row['latency_ms']:.2f}"]
            rows.append([row["data"], row["model"], folder.name, _interval(row, "low", "high"), _gap(row)])
            rows[-1] += [row["seeds"], _epochs_of(folder), *cost]
    head = ["data", "net", "study", "accuracy [95% interval]", "difference [over sequences]", "seeds"]
    head += ["epochs", "parameters", "million multiply-adds", "ms a picture"]
    lead = (
        "Searched networks (EmoNAS) beside others, each trained from scratch by one protocol. EmoNAS, and nets whose"
        " names begin small, come of searches (`fer_nb/nas/settings.py`); RandomSearch is the best of genotypes drawn"
        " at random at the cost of EmoNAS, RandomNet a single one. Intervals are over the pictures or sequences of one"
        " fold: they do not say what another search or another draw would give. The time is that of one picture on one"
        " thread in ONNX Runtime."
    )
    beside = [pd.read_csv(path) for folder in folders if (path := folder / "table-9-against.csv").exists()]
    lines = [
        f"- {row['data']}: {row['model']} less the {row['reference']}: {_span(row, 'low', 'high')} points."
        for table in beside
        for row in table.to_dict("records")
        if row["reference"].startswith("mean of")
    ]
    return [lead, markdown(head, rows), *(["\n".join(lines)] if lines else [])] if rows else []


def _gap(row: dict) -> str:
    if pd.isna(row.get("difference")):  # the reference itself, or a study that has not trained it
        return "–"
    return f"{_span(row, 'difference_low', 'difference_high')} to {row['reference']}"


def _span(row: dict, low: str, high: str) -> str:
    return f"{row['difference']:+.2f} [{row[low]:.2f}, {row[high]:.2f}]".replace("-", "−")


def _epochs_of(folder: Path) -> str:
    """The epochs of the runs behind table-9, as ``origins`` has them."""
    made = pd.read_csv(folder / "origins.csv", dtype=str).set_index("table")
    return made.loc["table-9", "epochs"]


def _interval(row: dict, low: str, high: str) -> str:
    return f"{row['accuracy']:.2f} [{row[low]:.2f}, {row[high]:.2f}]"


def markdown(head: list[str], rows: list[list]) -> str:
    """A table in Markdown."""
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, ["---"] * len(head), *rows))


def insert(part: str) -> None:
    """Put ``part`` between the two marks of README.md. Raises ValueError where a mark is missing."""
    path = paths.ROOT / "README.md"
    before, start, rest = path.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        raise ValueError(f"README.md: no line {END if start else START!r}: put it back round the results")
    with replacing(path) as partial:
        partial.write_text(f"{before}{START}\n{part}\n{END}{after}", encoding="utf-8")
