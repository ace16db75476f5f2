"""What finished studies leave in git for readers who will not run them again, and the texts made from it.

    python -m fer_nb.published STUDY    keep a finished study on real data under reports/reference/STUDY
    python -m fer_nb.published          only write the texts anew from what is kept

Kept are the tables, the predictions for each picture of FER2013 and FERm (no picture is in them), the weights of
lightResNetl and lightResNetm trained on FERm, and the genotypes that searches found. Of CK+, whose licence is narrower,
no predictions. The texts are the results in README.md, and README.md and MODEL_CARD.md beside what is kept.
"""

import gzip
import json
import shutil
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.finished import read_metrics, read_predictions
from fer_nb.published import card
from fer_nb.published.origins import command, executed, origins
from fer_nb.published.results import home, insert, markdown, results, studies
from fer_nb.report import page
from fer_nb.study import Run, genotype, searches, training_runs
from fer_nb.training import weights

PREDICTIONS = ("fer2013", "ferm")  # the data sets whose predictions are kept
LINKED = {
    "predictions": "Predictions for each picture",
    "weights": "Weights in half precision",
    "genotypes": "Cells that searches found",
}
PLAIN = 300_000  # bytes up to which a file of predictions is kept as it is; larger ones are compressed


def keep(study: str) -> Path:
    """Copy what is kept of the study to ``reports/reference/<study>/``, in place of all that was there; that folder.

    Beside the tables stand origins.csv (``origins.origins``), predictions/, weights/ and genotypes/.
    Raises what ``origins`` and ``pack`` raise; nothing is written then.
    """
    made = origins(study)
    folder, source = home() / study, paths.REPORTS / study / "tables"
    files = {f"{name}.csv": (source / f"{name}.csv").read_bytes() for name in made["table"]}
    files["origins.csv"] = made.to_csv(index=False, lineterminator="\n").encode()
    files |= dict(predictions(run) for run in training_runs(study) if run.dataset in PREDICTIONS)
    files |= {f"weights/{run.model}-ferm.safetensors": pack(run) for run in weighed(training_runs(study))}
    found = [genotype(study, *of) for of in searches(study)]
    files |= {f"genotypes/{file.name}": file.read_bytes() for file in found}
    fresh, old = (folder.with_name(f".{study}.{word}.partial") for word in ("new", "old"))
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        for name, content in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    return folder


def predictions(run: Run) -> tuple[str, bytes]:
    """The name and content under which the run's predictions.csv is kept."""
    read_predictions(run)  # that it is whole, or an error that names the remedy
    content = (run.folder / "predictions.csv").read_bytes()
    if len(content) > PLAIN:  # no time in it: the same table gives the same file
        return f"predictions/{run.name}.csv.gz", gzip.compress(content, mtime=0)
    return f"predictions/{run.name}.csv", content


def weighed(runs: list[Run]) -> list[Run]:
    """The runs whose weights are kept: the first seed of each net in ``weights.KEPT`` on FERm."""
    first = {run.model: run for run in reversed(runs) if run.dataset == "ferm"}
    return [first[model] for model in weights.KEPT if model in first]


def pack(run: Run) -> bytes:
    """The weights of a finished run on FERm in half precision, as the content of a safetensors file.

    Its header holds, as JSON under the one key ``fer_nb`` (safetensors writes several in random order), metrics.json
    and: run (its name), classes, and date, commit, checksums and parameters of the notebook that trained it.
    Raises ValueError where the run is of another data set or on drawn faces, FileNotFoundError where it has not
    finished.
    """
    if run.dataset != "ferm":
        raise ValueError(f"{run.name}: weights are kept of nets on FERm alone: name a run on ferm")
    record = executed(run.study, f"04_training-{run.name}")[0]
    if record["parameters"].get("data") != "real":
        raise ValueError(f"{run.name} was not trained on the real data: train it with `data: real`")
    facts = read_metrics(run) | {"run": run.name, "classes": list(read_predictions(run).columns[3:])}
    facts |= {"date": record["started"][:10]} | {key: record[key] for key in ("commit", "checksums", "parameters")}
    tensors = {name: _half(value) for name, value in load_file(run.folder / "weights.safetensors").items()}
    return save(tensors, {"fer_nb": json.dumps(facts)})


def _half(value: torch.Tensor) -> torch.Tensor:
    """In half precision where it has a fraction (a count of batches has none) and fits."""
    half = value.half()
    return half if value.is_floating_point() and half.isfinite().all() else value


def register() -> str:
    """``reports/reference/README.md``: what made each table, and which predictions and weights are kept."""
    text = [
        "# What is kept of finished studies",
        "Written by `python -m fer_nb.published STUDY`. Date and commit are those of the notebook that made the table;"
        " what follows them is of the training runs that it is computed from, their training times summed.",
    ]
    if weights.kept_files():
        text += [
            "[MODEL_CARD.md](MODEL_CARD.md) says what the weights are, how to load them and what they are not for."
        ]
    head = ["table", "notebook", "date", "commit", "runs", "epochs", "training", "trained at", "device", "format"]
    for folder in studies():
        made = pd.read_csv(folder / "origins.csv", dtype=str, keep_default_na=False).to_dict("records")
        files = sorted({file for row in made for file in row["data"].split("; ") if file})
        text += [f"## {folder.name}", f"Made by `{command(folder.name)}` from these files (SHA-256):"]
        text += ["\n".join(f"- `{file.replace(' ', '`: ')}" for file in files)]
        text += [markdown(head, [_register_row(folder.name, row) for row in made])]
        text += filter(None, (_links(folder, kind) for kind in LINKED))
    return "\n\n".join(text) + "\n"


def _register_row(study: str, row: dict[str, str]) -> list[str]:
    link = f"[{row['table']}]({study}/{row['table']}.csv)"
    trained = ["", "", "", ""]
    if row["runs"] != "0":
        trained = [row["runs"], row["epochs"], page.duration(60 * float(row["minutes"])), row["trained_commit"]]
    return [link, row["notebook"], row["date"], row["commit"], *trained, row["device"], row["precision"]]


def _links(folder: Path, kind: str) -> str:
    """The files of one kind that are kept beside the tables, as links."""
    files = sorted((folder / kind).glob("[!.]*"))
    links = [f"[{file.name.partition('.')[0]}]({folder.name}/{kind}/{file.name})" for file in files]
    return f"{LINKED[kind]}: {', '.join(links)}." if links else ""


def publish() -> None:
    """Write the texts anew from what is kept. Raises ValueError where README.md has no place for the results."""
    insert(results())
    texts = {"README.md": register(), "MODEL_CARD.md": card.text()}
    for name, text in texts.items():
        if not text:
            (home() / name).unlink(missing_ok=True)
            continue
        with replacing(home() / name) as partial:
            partial.write_text(text, encoding="utf-8")
