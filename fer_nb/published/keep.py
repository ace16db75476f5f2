"""What finished studies leave in git for readers who will not run them again, and the texts made from it.

    python -m fer_nb.published STUDY    keep a finished study on real data under reports/reference/STUDY
    python -m fer_nb.published          only write the texts anew from what is kept

Kept are the tables; loss and accuracy by epoch of each training run; the predictions for each picture of FER2013 and
FERm (they contain no picture); the weights of the light and the found nets trained on these, or else the run's metrics;
and the genotypes that searches found. Of a study of drawn clips only the tables are kept, and no predictions on CK+:
its licence is narrower. The texts are the findings in README.md with their picture, and README.md, RESULTS.md and
MODEL_CARD.md beside what is kept.
"""

import gzip
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save

from fer_nb import paths
from fer_nb.evaluation.calibration import calibrate
from fer_nb.files import replacing
from fer_nb.finished import finished_file, read_predictions
from fer_nb.published.card import model_card
from fer_nb.published.origins import (
    carried,
    drawn_clips,
    finished_metrics,
    kept_folder,
    kept_origins,
    kept_studies,
    origins_table,
    study_command,
)
from fer_nb.published.readme import draw_picture, findings, findings_text, insert_into_readme
from fer_nb.published.report import write_report
from fer_nb.published.results import markdown_table, results_text
from fer_nb.report.page import duration
from fer_nb.study import Run, genotype, searches, sized, training_runs
from fer_nb.training import weights

PREDICTIONS = ("fer2013", "ferm")  # the data sets whose predictions are kept
LINKED = {
    "predictions": "Predictions for each picture",
    "histories": "Loss and accuracy by epoch",
    "weights": "Weights in half precision",
    "metrics": "Metrics of runs whose weights are not kept",
    "genotypes": "Cells that searches found or drew at random",
}
PLAIN = 300_000  # bytes: a larger file of predictions is compressed


def keep_study(study: str) -> Path:
    """Write what is kept of a study to ``reports/reference/<study>/``, in place of what was there; that folder.

    Beside the tables are origins.csv (``origins_table``), predictions/, histories/, weights/, metrics/ and genotypes/.
    Tables of notebooks that have not run here stay where they can (``origins.carried``).
    Raises what ``origins_table`` and ``packed_weights`` raise, and ValueError where tables would stay that may be about
    other weights; nothing is written then.
    """
    made, stay = origins_table(study), carried(study)
    folder, tables = kept_folder() / study, paths.REPORTS / study / "tables"
    source = dict.fromkeys(made["table"], tables) | dict.fromkeys(stay["table"], folder)
    files = {f"{name}.csv": (place / f"{name}.csv").read_bytes() for name, place in source.items()}
    files["origins.csv"] = made.to_csv(index=False, lineterminator="\n").encode()
    runs = [run for run in training_runs(study) if not drawn_clips([run.dataset])]
    files |= dict(kept_predictions(run) for run in runs if run.dataset in PREDICTIONS)
    files |= {f"histories/{run.name}.csv": finished_file(run, "history.csv").read_bytes() for run in runs}
    # of each net whose weights are kept, the first seed
    kept = [run for run in runs if sized(run.model)[0] in weights.KEPT and run.dataset in weights.KEPT_ON]
    first = {f"{run.model}-{run.dataset}": run for run in reversed(kept)}
    files |= {f"weights/{name}.safetensors": packed_weights(run) for name, run in first.items()}
    bare = [run for run in runs if run.dataset in PREDICTIONS and run not in first.values()]
    files |= {f"metrics/{run.name}.json": json.dumps(_facts(run), indent=1).encode() for run in bare}
    before = {f"weights/{file.name}": file.read_bytes() for file in (folder / "weights").glob("[!.]*")}
    changed = [name for name, content in before.items() if files.get(name) != content]
    if len(stay) and changed:
        raise ValueError(
            f"{study}/{changed[0]} would change, which the kept tables of {stay['notebook'].iloc[0]} may be about: run"
            " that notebook here too"
        )
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


def kept_predictions(run: Run) -> tuple[str, bytes]:
    """The name and content under which the run's predictions.csv is kept."""
    read_predictions(run)  # raises where the file is not whole
    content = (run.folder / "predictions.csv").read_bytes()
    if len(content) > PLAIN:  # without a time: the same table gives the same file
        return f"predictions/{run.name}.csv.gz", gzip.compress(content, mtime=0)
    return f"predictions/{run.name}.csv", content


def packed_weights(run: Run) -> bytes:
    """The weights of a finished run on FERm or FER2013 in half precision, as the content of a safetensors file.

    Its header has, as JSON under the one key ``fer_nb`` (safetensors writes several in random order), metrics.json,
    what the header of the run's own file says (the net's description), the run's name (run), its classes, date and
    calibration (``calibration.Calibration`` on its validation split).
    Raises ValueError where the run is on another data set or on drawn faces, FileNotFoundError where it has not
    finished.
    """
    if run.dataset not in weights.KEPT_ON:
        raise ValueError(f"{run.name}: only weights of nets on {' and '.join(weights.KEPT_ON)} are kept")
    facts, path = _facts(run), finished_file(run, "weights.safetensors")
    with safe_open(path, "pt") as file:
        facts |= json.loads((file.metadata() or {}).get("fer_nb", "{}"))
    facts |= {"run": run.name, "classes": list(read_predictions(run).columns[3:])}
    facts["calibration"] = asdict(calibrate(read_predictions(run, "valid")))
    facts["date"] = facts.pop("date")  # last, as in the files that are kept
    tensors = {name: _half(value) for name, value in load_file(path).items()}
    return save(tensors, {"fer_nb": json.dumps(facts)})


def _facts(run: Run) -> dict:
    """metrics.json of a finished run, with the day for the second and without the files of its folder."""
    facts = finished_metrics(run)
    facts["date"] = facts.pop("started")[:10]
    facts.pop("files", None)
    return facts


def _half(value: torch.Tensor) -> torch.Tensor:
    """In half precision where it is a float (a count of batches is none) and within half precision's range."""
    half = value.half()
    return half if value.is_floating_point() and half.isfinite().all() else value


def kept_readme() -> str:
    """``reports/reference/README.md``: what made each table, and which predictions, weights and genotypes are kept."""
    text = [
        "# What is kept of finished studies",
        "Written by `python -m fer_nb.published`. Date and commit are those of the notebook that made the table; the"
        " columns after them describe the training runs behind the table, with their training times summed.",
    ]
    if weights.kept_files():
        text.append("[MODEL_CARD.md](MODEL_CARD.md) says what the weights are, how to load them and their limits.")
    for folder in kept_studies():
        made = kept_origins(folder.name).to_dict("records")
        files = sorted({file for row in made for file in row["data"].split("; ") if file})
        text += [f"## {folder.name}", f"Made by `{study_command(folder.name)}` from these files (SHA-256):"]
        text += ["\n".join(f"- `{file.replace(' ', '`: ')}" for file in files)]
        text += [markdown_table([_origin_row(folder.name, row) for row in made])]
        text += filter(None, (_links(folder, kind) for kind in LINKED))
    return "\n\n".join(text) + "\n"


def _origin_row(study: str, row: dict[str, str]) -> dict[str, str]:
    trained = row["runs"] != "0"
    return {
        "table": f"[{row['table']}]({study}/{row['table']}.csv)",
        **{name: row[name] for name in ("notebook", "date", "commit")},
        "runs": row["runs"] if trained else "",
        "epochs": row["epochs"],
        "training": duration(60 * float(row["minutes"])) if trained else "",
        "trained at": row["trained_commit"],
        "device": row["device"],
        "number format": row["precision"],
    }


def _links(folder: Path, kind: str) -> str:
    """Links to the kept files of one kind; "" where there are none."""
    files = sorted((folder / kind).glob("[!.]*"))
    links = [f"[{file.name.partition('.')[0]}]({folder.name}/{kind}/{file.name})" for file in files]
    return f"{LINKED[kind]}: {', '.join(links)}." if links else ""


def write_texts() -> None:
    """Write the texts anew from what is kept. Raises ValueError where README.md has no place for the findings."""
    # First, for the report and the model card take only weights that it names.
    _write_text("weights.sha256", "".join(map(weights.digest_line, weights.kept_files())))
    found = findings()
    insert_into_readme(findings_text(found))
    if kept_studies():
        draw_picture(found.best)
        write_report(found)
    texts = {"README.md": kept_readme(), "RESULTS.md": results_text(), "MODEL_CARD.md": model_card()}
    for name, text in texts.items():
        _write_text(name, text)


def _write_text(name: str, text: str) -> None:
    """Write a text beside what is kept; an empty one is deleted."""
    if not text:
        (kept_folder() / name).unlink(missing_ok=True)
        return
    with replacing(kept_folder() / name) as partial:
        partial.write_text(text, encoding="utf-8")
