"""The tables and sentences of notebook 11: measured costs beside parameters and multiply-adds.

Ratios are to ResNet18, of which the thesis's nets are light forms; they carry over to other machines better than times.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr
from tqdm import tqdm

from fer_nb.background.compare import kept_test_predictions
from fer_nb.data import augment, datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import measures, thesis
from fer_nb.intervals import change_interval, in_words, wilson
from fer_nb.nets import export, models
from fer_nb.speed import latency
from fer_nb.study import Run
from fer_nb.training import predict, weights

REFERENCE = "ResNet18"
KEPT_LIGHT = "lightResNetl"
LATENCY = {"PyTorch": "pytorch_latency_ratio", "ONNX Runtime": "onnx_latency_ratio"}
FORMATS = ("float32", "bfloat16")


def ratio(table: pd.DataFrame, column: str, by: str | None = None) -> pd.Series:
    """``column`` as a share of its value in the row of ``REFERENCE`` with the same ``by``; NaN without that row."""
    groups = table[by] if by else pd.Series(0, table.index)
    own = table[table["model"] == REFERENCE]
    return table[column] / groups.map(own.set_index(groups[own.index])[column])


def training_share(table: pd.DataFrame, peaks: dict[str, float]) -> pd.DataFrame:
    """Training speeds with the share, in percent, of the machine's peak in the number format that the net computes in.

    A training step costs about three forward passes (outputs, gradients of the inputs, gradients of the weights), a
    forward pass two FLOPs a multiply-add.

    Args:
        table: from ``throughput.compare``.
        peaks: from ``timing.machine_peaks``.

    Returns:
        ``table`` with float32_share and bfloat16_share in place of number_format; NaN in the format not used, and above
        100%: something else ran while the peak was taken.
    """
    macs = {name: models.count(latency.build(name))["macs"].sum() for name in table["model"].unique()}
    gflops = 6e-9 * table["model"].map(macs) * table["pictures_per_second"]
    shares = 100 * gflops / table["number_format"].map(peaks)
    shares = shares.where(shares <= 100)
    shared = table.drop(columns="number_format")
    for place, name in enumerate(FORMATS, start=shared.columns.get_loc("ratio") + 1):
        shared.insert(place, f"{name}_share", shares.where(table["number_format"] == name))
    return shared


def training_words(table: pd.DataFrame) -> str:
    """How many times faster each net trains with all changes than in the usual loop, and its share of the peak."""
    words = []
    for _, row in table.loc[table.groupby("model", sort=False)["ratio"].idxmax()].iterrows():
        shares = [f"{row[f'{name}_share']:.0f}% of the {name} peak" for name in FORMATS if row[f"{name}_share"] > 0]
        words.append(
            f"{row['model']} **{row['ratio']:.1f}** times as fast" + "".join(f" ({share})" for share in shares)
        )
    return f"In its best variant each net trains, compared with “{table['variant'].iloc[0]}”: {'; '.join(words)}."


def inference_table(measured: pd.DataFrame) -> pd.DataFrame:
    """``latency.compare`` with the ratios to ResNet18 in the same runtime before the measured values."""
    latency_ratio = ratio(measured, "latency_ms", "runtime")
    throughput_ratio = ratio(measured, "pictures_per_second", "runtime")
    columns = ["latency_ms", "p10_ms", "p90_ms", "pictures_per_second"]
    front = measured[["model", "runtime"]].assign(latency_ratio=latency_ratio, throughput_ratio=throughput_ratio)
    return front.join(measured[columns])


def inference_words(table: pd.DataFrame) -> str:
    """The time and throughput of the light nets compared with ResNet18 (``inference_table``)."""
    light = table[table["model"].str.startswith("light")]
    words = [
        f"{row.model} takes **{100 * row.latency_ratio:.0f}%** of {REFERENCE}'s time for one picture in {row.runtime} "
        f"({row.latency_ms:.1f} ms) and predicts {row.throughput_ratio:.1f} times as many pictures a second in batches"
        for row in light.itertuples()
    ]
    quick = light[(light["runtime"] == "ONNX Runtime") & (light["latency_ratio"] <= 1 / 3)]["model"]
    third = f"At most a third of its time for one picture in ONNX Runtime: {', '.join(quick) or 'neither'}."
    return ".\n".join([*words, third]) if words else "No light net was measured."


def size_table(sizes: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """``latency.sizes`` with the memory of one picture (``_memory_mb``) and of a batch (``_batch_memory_mb``)."""
    wide = measured.pivot(index="model", columns="runtime", values=["memory_mb", "batch_memory_mb"])
    wide.columns = [f"{runtime.replace(' ', '_').lower()}_{what}" for what, runtime in wide.columns]
    return sizes.merge(wide.reset_index(), on="model", how="left")


def light_table(sizes: pd.DataFrame, measured: pd.DataFrame) -> pd.DataFrame:
    """Parameters, MACs and latencies of each net as shares of ResNet18's, and its multiply-adds a second.

    A net is as light as its MACs say where its share of the latency is at most its share of the MACs: there it keeps
    the processor at least as busy as ResNet18 does (``gmacs_per_second``, in ONNX Runtime on one thread).
    """
    table = sizes[["model"]].assign(parameters_ratio=ratio(sizes, "parameters"), macs_ratio=ratio(sizes, "macs"))
    times = measured.pivot(index="model", columns="runtime", values="latency_ms").loc[table["model"]].reset_index()
    for runtime, column in LATENCY.items():
        table[column] = ratio(times, runtime)
    return table.assign(gmacs_per_second=sizes["macs"] / times["ONNX Runtime"])


def light_words(table: pd.DataFrame) -> str:
    """Where "lightweight" holds and where it does not, from ``light_table``."""
    words = []
    for runtime, column in LATENCY.items():
        ranks = {name: spearmanr(table[f"{name}_ratio"], table[column]).statistic for name in ("macs", "parameters")}
        slower = table.loc[table[column] > table["macs_ratio"], "model"]
        words.append(
            f"**{runtime}**: the rank correlation of latency with MACs is {ranks['macs']:.2f}, with parameters "
            f"{ranks['parameters']:.2f} ({len(table)} nets). A larger share of {REFERENCE}'s time than of its MACs: "
            f"{', '.join(slower) or 'no net'}."
        )
    return "\n\n".join(words)


def first_runs(runs: list[Run]) -> list[Run]:
    """The first random seed's run of each net on one data set: FERm if the study has it, else FER2013, else CK+."""
    plain = [run for run in runs if not run.change]
    for dataset in ("ferm", "fer2013", "ckplus-fold1"):
        if found := measures.by_model(plain, dataset):
            return [of_model[0] for of_model in found.values()]
    return []


def int8_table(
    runs: list[Run],
    data: str,
    folder: Path,
    calibration: int,
    crops: int,
    batch_size: int,
    seconds: float,
    repeats: int = 1,
) -> pd.DataFrame:
    """What int8 costs in accuracy and gains in time and size in ONNX Runtime, for the net of each run.

    Args:
        runs: finished runs; ``data``: see ``datasets.load``.
        folder: for the ONNX files.
        calibration: number of random training pictures from which the ranges are taken.
        crops: of each test picture, 1 or 10.
        batch_size, seconds, repeats: see ``latency.compare``.

    Returns:
        DataFrame: model, dataset, accuracy (float32), int8_accuracy, difference, low, high (``change_interval``), all
        in percent; agreement (pictures with the same prediction, percent), pictures (the interval is over them, or over
        their sequences); latency_ratio, throughput_ratio, size_ratio (int8 to float32), latency_ms, int8_latency_ms,
        onnx_mb, int8_mb.
    """
    rows = []
    for run in tqdm(runs, desc="int8"):
        faces = datasets.load(run.dataset, data)
        train, test = faces.of_split("train"), faces.of_split("test")
        net, _ = weights.trained(run)
        files = {name: folder / f"{run.name}-{name}.onnx" for name in ("float32", "int8")}
        export.export(net, files["float32"])
        order = np.random.default_rng(0).permutation(len(train))
        export.quantize(files["float32"], files["int8"], train.images[order[:calibration]])
        predicted = {name: predict.predict(file, test.images, crops).argmax(1).numpy() for name, file in files.items()}
        right = {name: 100.0 * (classes == test.labels) for name, classes in predicted.items()}
        row = {"model": run.model, "dataset": run.dataset}
        row |= {"accuracy": right["float32"].mean(), "int8_accuracy": right["int8"].mean()}
        changes = change_interval(right["int8"] - right["float32"], measures.sequences(test))
        row["difference"], row["low"], row["high"], _ = changes
        row["agreement"] = 100 * (predicted["int8"] == predicted["float32"]).mean()
        row["pictures"] = len(test)
        rows.append(row | int8_gain(files, batch_size, seconds, repeats))
    return pd.DataFrame(rows)


def int8_gain(files: dict[str, Path], batch_size: int, seconds: float, repeats: int) -> dict[str, float]:
    """Time and size of the int8 file beside those of the float32 file (``files``: by number format)."""
    cost = latency.compare(files, batch_size, seconds, repeats, ("ONNX Runtime",)).set_index("model")
    cost["mb"] = {name: file.stat().st_size / 1e6 for name, file in files.items()}
    exact, int8 = cost.loc["float32"], cost.loc["int8"]
    ratios = {"latency": "latency_ms", "throughput": "pictures_per_second", "size": "mb"}
    row = {f"{name}_ratio": int8[column] / exact[column] for name, column in ratios.items()}
    row |= {"latency_ms": exact["latency_ms"], "int8_latency_ms": int8["latency_ms"]}
    return row | {"onnx_mb": exact["mb"], "int8_mb": int8["mb"]}


def int8_words(table: pd.DataFrame) -> str:
    """What ``int8_table`` says, a sentence a net."""
    return " ".join(
        f"{row.model}: int8 changes the accuracy by **{in_words(row.difference, row.low, row.high, signed=True)}** "
        f"points (95%, {row.pictures} pictures), takes {100 * row.latency_ratio:.0f}% of the time for one picture and "
        f"{100 * row.size_ratio:.0f}% of the disk space."
        for row in table.itertuples()
    )


def pictures_to_explain(runs: list[Run], data: str, count: int, seed: int = 0) -> tuple | None:
    """A light net and ``count`` random test pictures, for which the time of a map is measured.

    The net is the first of ``runs``, or on real data the one that is kept, trained on FERm.

    Returns:
        Net in eval mode on the CPU, its name, inputs float32 (N, 3, 44, 44) in [0, 1], labels int64 (N,); None where
        there is no such net.
    """
    run = next((run for run in runs if run.model.startswith("light")), None)
    if run:
        name, dataset, (net, _) = run.model, run.dataset, weights.trained(run)
    elif data == "real" and KEPT_LIGHT in weights.kept_nets():
        name, dataset, (net, _) = KEPT_LIGHT, "ferm", weights.released(KEPT_LIGHT)
    else:
        return None
    faces = datasets.load(dataset, data).of_split("test")
    faces = faces.subset(np.random.default_rng(seed).permutation(len(faces))[:count])
    inputs = augment.center_crop(torch.as_tensor(faces.images)).contiguous()
    return net, name, inputs, torch.as_tensor(faces.labels)


def accuracy_and_latency(
    runs: list[Run], measured: pd.DataFrame, data: str, beside: Sequence[str] = ()
) -> pd.DataFrame:
    """Accuracy of the study's nets (measures.accuracy_table) with the latency of one picture in ONNX Runtime.

    Args:
        measured: from ``latency.compare``.
        data: see ``datasets.load``.
        beside: kept studies; a net that this study does not train on a data set has its accuracy in the first of them
            whose predictions are kept.

    Returns:
        DataFrame: dataset (the thesis's name), model, study ("" for this one), latency_ms, accuracy, low, high,
        thesis_accuracy; for each data set that the study trains on, every net with a latency that was trained there or
        has a value in the thesis.
    """
    printed = {"ckplus-fold1": thesis.TABLE_3_6, "fer2013": thesis.TABLE_3_8, "ferm": thesis.TABLE_3_10}
    times = measured[measured["runtime"] == "ONNX Runtime"].set_index("model")["latency_ms"]
    plain, tables = [run for run in runs if not run.change], []
    for dataset, values in printed.items():
        if not measures.by_model(plain, dataset):
            continue
        faces = datasets.load(dataset, data)
        ours = measures.accuracy_table(plain, dataset, values, faces).assign(study="").set_index("model")
        for name in times.index.difference(ours.index[ours["accuracy"].notna()]):
            if row := kept_accuracy(beside, dataset, name, faces):
                ours.loc[name, list(row)] = list(row.values())
        table = ours.reindex([*values, *ours.index.difference(list(values))]).rename_axis("model")
        table = table.assign(thesis_accuracy=pd.Series(values), latency_ms=times).dropna(subset="latency_ms")
        tables.append(table.reset_index().assign(dataset=thesis.DATASETS[dataset.split("-")[0]]))
    columns = ["dataset", "model", "study", "latency_ms", "accuracy", "low", "high", "thesis_accuracy"]
    return pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)


def kept_accuracy(studies: Sequence[str], dataset: str, model: str, faces: FaceSet) -> dict:
    """A net's accuracy in the first of ``studies`` that keeps predictions of it: accuracy, low, high, study; else {}.

    In percent on the test split, mean over the seeds, with Wilson's 95% interval (``measures.accuracy_table``).
    """
    study, tables = kept_test_predictions(studies, dataset, model)
    if not study:
        return {}
    mean = measures.accuracy(pd.concat(tables))
    low, high = wilson(mean, measures.trials(tables[0]["row"], faces))
    return {"accuracy": mean, "low": low, "high": high, "study": study}
