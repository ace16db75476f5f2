"""What a finished training run leaves in its folder, so that every table can be made again without training."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from torch import nn

from fer_nb.files import replacing, sha256
from fer_nb.nets import device as devices
from fer_nb.study import Run
from fer_nb.training.weights import save_weights


def finish(run: Run, model: nn.Module, history: pd.DataFrame, predictions: pd.DataFrame, made: dict) -> dict:
    """Write what a finished run leaves in its folder, and return its metrics.

    weights.safetensors (of the selected epoch; the header says which net they belong to), history.csv,
    predictions.csv and, last, metrics.json, with the SHA-256 of the others. The checkpoint stays:
    ``checkpoint.clear`` deletes it.

    Args:
        model: from ``by_name.build``, trained.
        history: from ``train.fit``.
        predictions: from ``predict.table``.
        made: what made the run, for metrics.json: started, commit, checksums and parameters (of notebook 04).
    """
    metrics = summarise(run, model, history, predictions, made["parameters"]["precision"]) | made
    classes = list(predictions.columns[4:])
    writers = {
        "weights.safetensors": lambda path: save_weights(path, model, classes),
        "history.csv": lambda path: history.to_csv(path, index=False, float_format="%.6g"),
        "predictions.csv": lambda path: predictions.to_csv(path, index=False, float_format="%.5f"),
    }
    return write_files(run, writers, metrics)


def write_files(run: Run, writers: dict[str, Callable[[Path], object]], metrics: dict) -> dict:
    """Write a run's files, each by the function that takes its path, and last metrics.json with their SHA-256.

    Returns what metrics.json says: ``metrics`` and files.
    """
    for name, write in writers.items():
        with replacing(run.folder / name) as partial:
            write(partial)
    sealed = metrics | {"files": {name: sha256(run.folder / name) for name in writers}}
    with replacing(run.folder / "metrics.json") as partial:
        partial.write_text(json.dumps(sealed, indent=1) + "\n")
    return sealed


def summarise(run: Run, model: nn.Module, history: pd.DataFrame, predictions: pd.DataFrame, precision: str) -> dict:
    """metrics.json of a run; accuracies in percent, by ten crops except ``best_test_accuracy``, which is of history."""
    by_valid = history["valid_accuracy"].notna().all()
    selected = int(history["valid_accuracy"].idxmax()) if by_valid else len(history) - 1
    best = int(history["test_accuracy"].idxmax())
    hits = (predictions["label"] == predictions["predicted"]).groupby(predictions["split"]).mean().mul(100).round(4)
    device = next(model.parameters()).device
    pictures = history.attrs["train_pictures"] / history["train_seconds"].median()
    return {
        "study": run.study,
        "dataset": run.dataset,
        "model": run.model,
        "seed": run.seed,
        "change": run.change,
        "net": model.description,
        "epochs": len(history),
        "code": history.attrs.get("code", []),
        "pictures": predictions["split"].value_counts().to_dict(),
        "selection": "valid" if by_valid else "last",
        "selected_epoch": selected + 1,
        "valid_accuracy": hits.get("valid"),
        "test_accuracy": hits.get("test"),
        "best_test_epoch": best + 1,
        "best_test_accuracy": round(history.loc[best, "test_accuracy"], 4),
        "seconds": round(history["seconds"].sum(), 1),
        "pictures_per_second": round(pictures, 1),
        "device": devices.describe(device),
        "precision": str(devices.number_format(precision, device)).removeprefix("torch."),
    }
