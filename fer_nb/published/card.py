"""The model card of the weights that are kept, in the form of Mitchell et al. 2019, "Model Cards for Model Reporting".

Its words stand in ``template/model_card.md.j2``; every number comes from the weights' headers and from the
predictions and tables kept beside them.
"""

from pathlib import Path

import jinja2
import pandas as pd

from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import accuracy, confusion, mean_per_class_accuracy
from fer_nb.intervals import wilson
from fer_nb.nets import models
from fer_nb.published.origins import short
from fer_nb.published.results import home, studies
from fer_nb.report.page import TEMPLATE, duration
from fer_nb.training import weights

# Parameters of notebook 04 that are no part of the recipe: they say which run it is, and where and how it ran.
APART = ("study", "data", "dataset", "model", "seed", "precision", "heap", "epochs")


def text() -> str:
    """``reports/reference/MODEL_CARD.md``; "" where no weights are kept."""
    files = {path.relative_to(home()).as_posix(): weights.about(path) for path in weights.kept_files()}
    kept = {facts["model"] for facts in files.values()}
    nets = [net(weights.released_file(model)) for model in weights.KEPT if model in kept]
    if not nets:
        return ""
    parameters = dict.fromkeys(name for one in nets for name in one["parameters"])
    recalled = [row | {"model": one["model"]} for one in nets for row in one["recalls"]]
    blocks = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE), undefined=jinja2.StrictUndefined, **blocks
    )
    return environment.get_template("model_card.md.j2").render(
        nets=nets,
        files=files,
        sides=_sides(),
        recipe=[name for name in parameters if name not in APART],
        weakest=min(recalled, key=lambda row: row["recall"]),
        duration=duration,
        short=short,
        interval="{:.2f} [{:.2f}, {:.2f}]".format,
    )


def net(path: Path) -> dict:
    """What the card says of one file of weights, from its header, its predictions and its study's tables."""
    facts = weights.about(path)
    (predictions,) = (path.parents[1] / "predictions").glob(f"{facts['run']}.csv*")
    table = pd.read_csv(predictions)
    table = table[table["split"] == "test"]
    mean = accuracy(table)
    counts = models.count(models.build(facts["model"], len(facts["classes"])))
    measured = {"accuracy": mean, "interval": wilson(mean, len(table)), "mean_recall": mean_per_class_accuracy(table)}
    return (
        facts
        | measured
        | {
            "file": path.relative_to(home()).as_posix(),
            "megabytes": path.stat().st_size / 1e6,
            "size": counts[["parameters", "macs"]].sum(),
            "pictures": len(table),
            "recalls": recalls(table, facts["classes"]),
            "thesis": thesis.TABLE_3_10[facts["model"]],
            "thesis_epochs": thesis.EPOCHS["ferm"],
            "over_seeds": _row(path.parents[1] / "table-3-10.csv", facts["model"]),
            "protocol": _row(path.parents[1] / "table-3-10-protocol.csv", facts["model"]),
        }
    )


def recalls(predictions: pd.DataFrame, classes: list[str]) -> list[dict]:
    """Per class, the lowest first: name, recall in percent with its Wilson interval, pictures, most frequent error."""
    matrix, rows = confusion(predictions, tuple(classes)), []
    for name in classes:
        pictures = int((predictions["label"] == name).sum())
        if not pictures:
            continue
        recall, others = matrix.loc[name, name], matrix.loc[name].drop(name)
        low, high = wilson(recall, pictures)
        row = {"name": name, "recall": recall, "low": low, "high": high, "pictures": pictures}
        rows.append(row | {"mistaken_for": others.idxmax(), "mistaken": others.max()})
    return sorted(rows, key=lambda row: row["recall"])


def _row(path: Path, model: str) -> dict | None:
    """A net's row in one of its study's tables; None where it has none."""
    table = pd.read_csv(path).set_index("model").to_dict("index") if path.exists() else {}
    return table.get(model)


def _sides() -> dict[str, dict[str, int]]:
    """Table 3-4, FERm's pictures for each side and class, from a study that keeps it; {} where none does."""
    tables = [path for folder in studies() if (path := folder / "table-3-4.csv").exists()]
    if not tables:
        return {}
    table = pd.read_csv(tables[0])
    return table.set_index(table.columns[0]).to_dict("index")
