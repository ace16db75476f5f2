"""What a finished training run leaves in its folder, so that every table can be made again without training."""

import json

from safetensors.torch import save_file

from fer_nb.files import replacing
from fer_nb.nets import by_name
from fer_nb.nets import device as devices
from fer_nb.study import Run
from fer_nb.training import checkpoint
from fer_nb.training.predict import load_weights


def load_teacher(run, name, classes, pool="global", block_relu=False):
    """The net ``name`` with the weights of its finished run in the study of ``run``, same data set and seed.

    None where ``name`` is "". ``classes``: how many; ``pool``, ``block_relu``: as in ``models.build``.
    Raises ValueError where ``name`` is the net of ``run`` itself or unknown, FileNotFoundError where its run is not
    finished.
    """
    if not name:
        return None
    if name == run.model:
        raise ValueError(f"teacher {name} is the net that it would teach: name another one, or none")
    taught = Run(run.study, run.dataset, name, run.seed)
    net = by_name.build(taught, classes, pool, block_relu)
    path = taught.folder / "weights.safetensors"
    if not path.exists():
        raise FileNotFoundError(f"{path}: no weights: train {taught.name}, the teacher of {run.name}, first")
    return load_weights(net, path)


def finish(run, model, history, predictions, precision="auto"):
    """Write what a finished run leaves in its folder, and drop its checkpoint.

    Args:
        run: study.Run; its folder gets weights.safetensors (of the selected epoch), history.csv, predictions.csv
            and, last, metrics.json.
        history: from ``fit``.
        predictions: from ``predict.table``.

    Returns:
        The metrics as a dict.
    """
    metrics = summarise(run, model, history, predictions, precision)
    writers = {
        "weights.safetensors": lambda path: save_file(plain_weights(model), path),
        "history.csv": lambda path: history.to_csv(path, index=False, float_format="%.6g"),
        "predictions.csv": lambda path: predictions.to_csv(path, index=False, float_format="%.5f"),
        "metrics.json": lambda path: path.write_text(json.dumps(metrics, indent=1) + "\n"),
    }
    for name, write in writers.items():
        with replacing(run.folder / name) as partial:
            write(partial)
    checkpoint.path(run.folder).unlink(missing_ok=True)
    return metrics


def plain_weights(model):
    return {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}


def summarise(run, model, history, predictions, precision):
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
        "epochs": len(history),
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


def in_words(metrics):
    """What a run gave, as a sentence in Markdown."""
    chosen = {"valid": "the best on the validation side", "last": "the last: there is no validation side"}
    return (
        f"**{metrics['test_accuracy']:.2f}%** of the test side by ten crops, with the weights of epoch "
        f"{metrics['selected_epoch']} of {metrics['epochs']} ({chosen[metrics['selection']]}). Selecting on the test "
        f"side itself, as the code does that the thesis builds on, would have taken epoch "
        f"{metrics['best_test_epoch']} with {metrics['best_test_accuracy']:.2f}%. Training took "
        f"{metrics['seconds']:.0f} s, {metrics['pictures_per_second']:.0f} pictures a second in {metrics['precision']}."
    )
