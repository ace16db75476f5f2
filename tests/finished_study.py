"""A study ``tiny`` as it is once it has finished on real data: what its notebooks and runs leave."""

import json
import shutil

import numpy as np
import pandas as pd
from nbformat.v4 import new_code_cell, new_notebook, new_output

from fer_nb import study
from fer_nb.data.faceset import CK_CLASSES, FER_CLASSES
from fer_nb.evaluation import thesis
from fer_nb.report import manifest, save

MODELS = ("lightResNetl", "ResNet18")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NET = {"model": "lightResNetl", "classes": 7, "pool": "global", "block_relu": False}

PARAMETERS = {
    "01_data_preparation": "data: real\ndatasets: [ckplus]\n",
    "02_ferm_construction": "data: real\n",
    "03_models": "",
    "04_training": "data: real\nepochs: 60\n",
    "05_evaluation": "data: real\nckplus: [lightResNetl, ResNet18]\nferm: [lightResNetl]\nseeds: [0, 1]\n",
    "12_summary": "data: real\n",
}


def executed(stem, tables=(), data="real", status="ok", **parameters):
    """Save these tables and write the manifest of the page that shows them."""
    shown = [save.save_table(table, name, "tiny") for name, table in tables]
    outputs = [
        new_output("display_data", {"text/html": one.data}, metadata={"text/html": one.metadata}) for one in shown
    ]
    record = {"notebook": stem.partition("-")[0], "status": status, "commit": COMMIT}
    record["parameters"] = {"data": data, **parameters}
    record |= {"started": "2026-11-20T10:00:00+00:00", "device": "a desk, 2 cores", "checksums": {"ck+/CK+48": "ab12"}}
    node = new_notebook(cells=[new_code_cell("show", outputs=outputs)], metadata={"fer_nb": record})
    path = manifest.manifest_path("tiny", stem)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest.make_manifest(node, "tiny", stem)))


def accuracies(printed, models=MODELS):
    row = {"accuracy": 90.0, "low": 85.0, "high": 95.0, "mean_per_class_accuracy": 80.0, "seeds": 2}
    rows = [{"model": name, **row, "thesis_accuracy": printed[name]} for name in models]
    return pd.DataFrame(rows).assign(difference=lambda table: table["accuracy"] - table["thesis_accuracy"])


def finish(tensors):
    """The notebooks, tables and runs of study ``tiny``."""
    counts = pd.DataFrame({"split": ["train"], "Total": [882]})
    agreed = [("table-3-1", 8, 8, "none"), ("table-3-3", 24, 22, "valid Surprise: 415, printed 315 (a misprint)")]
    agreed = pd.DataFrame(agreed, columns=["table", "cells", "equal", "differing"])
    splits = {
        "model": "lightResNetl",
        "split": "folds by subject",
        "folds": 1,
        "accuracy": 88.0,
        "low": 86.0,
        "high": 90.0,
    }
    splits = pd.DataFrame([{**splits, "sequence_low": 84.0, "sequence_high": 91.0, "sequences": 327, "seeds": 2}])
    runs = [("ckplus-fold", "lightResNetl", 60), ("ckplus-fold", "ResNet18", 60)]
    runs += [("ckplus-subject", "lightResNetl", 12), ("ferm", "lightResNetl", 2)]
    runs = pd.DataFrame(runs, columns=["dataset", "model", "epochs"]).assign(runs=2, minutes=3.0)
    evaluated = [("runs", runs), ("table-3-6", accuracies(thesis.TABLE_3_6)), ("table-3-6-splits", splits)]
    evaluated += [("table-3-7", counts), ("table-3-10", accuracies(thesis.TABLE_3_10, MODELS[:1]))]
    protocol = {"model": "lightResNetl", "accuracy": 90.0, "without_repeats": 88.5, "repeats": 3}
    evaluated += [("table-3-10-protocol", pd.DataFrame([protocol])), ("table-3-11", counts)]
    evaluated += [("calibration", counts)]
    executed("01_data_preparation", [("table-3-2", counts), ("data-files", counts)])
    ferm = pd.DataFrame(thesis.TABLE_3_4).T.rename_axis("split")
    executed("02_ferm_construction", [("table-3-4", ferm)])
    sizes = pd.DataFrame(thesis.TABLE_3_1).T.rename_axis("model")
    fields = pd.DataFrame({"model": thesis.MODELS, "times": 2.0, "times_low": 1.5, "times_high": 2.5, "seeds": 8})
    executed("03_models", [("table-3-1", sizes), ("receptive-field", fields)])
    executed("05_evaluation", evaluated)
    executed("12_summary", [("summary", counts), ("summary-counts", agreed)])
    for run in study.evaluation_runs("tiny"):
        train(run, counts, tensors)


def train(run, counts, tensors):
    """What a finished run leaves: of four test pictures of a class it predicts three right."""
    executed(f"04_training-{run.name}", [(f"pictures-{run.name}", counts)], seed=run.seed)
    run.folder.mkdir(parents=True)
    metrics = {"study": "tiny", "dataset": run.dataset, "model": run.model, "seed": run.seed, "precision": "bfloat16"}
    metrics |= {"epochs": 2 if run.dataset == "ferm" else 60, "selected_epoch": 2, "seconds": 90.0, "device": "a board"}
    metrics |= {"valid_accuracy": 80.0, "test_accuracy": 75.0, "started": "2026-11-20T10:00:00+00:00"}
    metrics |= {"commit": COMMIT, "checksums": {"ck+/CK+48": "ab12"}}
    metrics["parameters"] = {"data": "real", "lr": 0.01, "pool": "global"}
    (run.folder / "metrics.json").write_text(json.dumps(metrics))
    shutil.copy(tensors, run.folder / "weights.safetensors")
    scores = {f"{split}_{what}": [70.0, 80.0] for split in ("train", "valid", "test") for what in ("loss", "accuracy")}
    pd.DataFrame({"epoch": [1, 2]} | scores).to_csv(run.folder / "history.csv", index=False)
    classes = FER_CLASSES if run.dataset == "ferm" else CK_CLASSES
    labels = np.tile(classes, 4)
    predicted = labels.copy()
    predicted[:6], predicted[7] = "Happy", "Sad"  # of the first six classes one wrong (Happy none), of Angry two
    table = pd.DataFrame({"split": "test", "row": range(len(labels)), "label": labels, "predicted": predicted})
    table[list(classes)] = (np.array(classes) == predicted[:, None]).astype(float)
    if run.dataset == "ferm":
        table = pd.concat([table.assign(split="valid"), table])
    table.to_csv(run.folder / "predictions.csv", index=False, float_format="%.5f")
