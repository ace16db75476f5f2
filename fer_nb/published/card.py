"""The model card of the weights that are kept, in the form of Mitchell et al. 2019, "Model Cards for Model Reporting".

Its words are in ``model_card.md.j2``; every number comes from the weights' headers and from the predictions and tables
kept beside them.
"""

from pathlib import Path

import jinja2
import pandas as pd

from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import accuracy, confusion, mean_per_class_accuracy
from fer_nb.intervals import in_words, wilson
from fer_nb.nets import models
from fer_nb.published.accuracies import recipe, row_of
from fer_nb.published.origins import kept_folder, kept_studies, short_commit
from fer_nb.report.page import duration
from fer_nb.training import weights

# Parameters of notebook 04 that are not part of the recipe: which run it is, and how it ran.
APART = ("study", "data", "dataset", "model", "seed", "precision", "heap", "epochs", "change", "minutes")


def model_card() -> str:
    """``reports/reference/MODEL_CARD.md``; "" where no weights are kept."""
    files = {path.relative_to(kept_folder()).as_posix(): weights.about(path) for path in weights.kept_files()}
    kept = weights.kept_nets()
    nets = [_net(weights.released_file(model)) for model in kept]
    if not nets:
        return ""
    parameters = dict.fromkeys(name for one in nets for name in one["parameters"])
    recalled = [row | {"model": one["model"]} for one in nets for row in one["recalls"]]
    blocks = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, **blocks)
    return environment.get_template("model_card.md.j2").render(
        kept=kept,
        nets=nets,
        files=files,
        splits=_splits(),
        recipe=[name for name in parameters if name not in APART],
        weakest=min(recalled, key=lambda row: row["recall"]),
        duration=duration,
        short_commit=short_commit,
        in_words=in_words,
    )


def _net(path: Path) -> dict:
    """What the card says of one file of weights, from its header, its predictions and its study's tables."""
    facts = weights.about(path)
    model, folder = facts["model"], path.parents[1]
    (predictions,) = (folder / "predictions").glob(f"{facts['run']}.csv*")
    table = pd.read_csv(predictions)
    table = table[table["split"] == "test"]
    mean = accuracy(table)
    return facts | {
        "file": path.relative_to(kept_folder()).as_posix(),
        "megabytes": path.stat().st_size / 1e6,
        "size": models.count(weights.from_file(path)[0])[["parameters", "macs"]].sum(),
        "pictures": len(table),
        "accuracy": in_words(mean, *wilson(mean, len(table))),
        "mean_recall": mean_per_class_accuracy(table),
        "recalls": recalls(table, facts["classes"]),
        "thesis": thesis.TABLE_3_10.get(model),
        "thesis_epochs": thesis.EPOCHS["ferm"],
        "recipe": "thesis" if recipe(folder.name, "ferm") == "ferm" else folder.name,
        "over_seeds": row_of(folder / "table-3-10.csv", model),
        "protocol": row_of(folder / "table-3-10-protocol.csv", model),
    }


def recalls(predictions: pd.DataFrame, classes: list[str]) -> list[dict]:
    """Per class, the lowest recall first: name, recall, low, high (Wilson), pictures, and the most frequent error.

    Recalls are in percent; mistaken_for is the class most often predicted instead, mistaken its share in percent.
    """
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


def _splits() -> dict[str, dict[str, int]]:
    """Table 3-4, FERm's pictures by split and class, from a study that keeps it; {} where none does."""
    tables = [path for folder in kept_studies() if (path := folder / "table-3-4.csv").exists()]
    return pd.read_csv(tables[0], index_col=0).to_dict("index") if tables else {}
