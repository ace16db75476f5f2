"""The tables and sentences of notebook 11: measured times beside what they should follow from.

Ratios are to ResNet18, whose light forms the thesis proposes; they carry over to other machines better than times.
"""

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm, spearmanr
from tqdm import tqdm

from fer_nb.data import augment, datasets
from fer_nb.evaluation import measures, thesis
from fer_nb.nets import export, models
from fer_nb.speed import latency
from fer_nb.training import predict, weights

REFERENCE = "ResNet18"
LATENCY = {"PyTorch": "pytorch_latency_ratio", "ONNX Runtime": "onnx_latency_ratio"}


def ratio(table, column, by=None):
    """``column`` as a share of its value in the row of ``REFERENCE`` of the same ``by``; NaN without that row."""
    groups = table[by] if by else pd.Series(0, table.index)
    own = table[table["model"] == REFERENCE]
    return table[column] / groups.map(own.set_index(groups[own.index])[column])


def training_share(table, peaks):
    """Training speeds with the share of the machine's peak that they reach, in percent.

    A training step costs about three forward passes (outputs, gradients of the inputs, gradients of the weights), a
    forward pass two FLOPs a multiply-add.

    Args:
        table: from ``benchmark.compare``.
        peaks: from ``latency.peak``.

    Returns:
        ``table`` with float32_share and bfloat16_share after the ratio: one speed, by each format's peak.
    """
    macs = {name: models.count(models.build(name))["macs"].sum() for name in table["model"].unique()}
    gflops = 6e-9 * table["model"].map(macs) * table["pictures_per_second"]
    table = table.copy()
    for place, (name, value) in enumerate(peaks.items(), start=3):
        table.insert(place, f"{name}_share", 100 * gflops / value)
    return table


def training_words(table):
    """How many times as fast each net trains with everything as in the usual loop, and the share of the peak."""
    best = table.loc[table.groupby("model", sort=False)["ratio"].idxmax()]
    shares = [column for column in table if column.endswith("_share")]
    words = [
        f"{row['model']} **{row['ratio']:.1f}** times as fast ("
        + ", ".join(f"{row[share]:.0f}% of the {share.removesuffix('_share')} peak" for share in shares)
        + ")"
        for _, row in best.iterrows()
    ]
    return f"At its best variant each net trains, against “{table['variant'].iloc[0]}”: {'; '.join(words)}."


def inference_table(measured):
    """``latency.compare`` with the ratios to ResNet18 in the same runtime before the measured values."""
    latency_ratio = ratio(measured, "latency_ms", "runtime")
    throughput_ratio = ratio(measured, "pictures_per_second", "runtime")
    columns = ["latency_ms", "p10_ms", "p90_ms", "pictures_per_second"]
    front = measured[["model", "runtime"]].assign(latency_ratio=latency_ratio, throughput_ratio=throughput_ratio)
    return front.join(measured[columns])


def inference_words(table):
    """What the light nets take of ResNet18's time and how many times its pictures they name (``inference_table``)."""
    light = table[table["model"].str.startswith("light")]
    words = [
        f"{row.model} takes **{100 * row.latency_ratio:.0f}%** of {REFERENCE}'s time for one picture in {row.runtime} "
        f"({row.latency_ms:.1f} ms) and names {row.throughput_ratio:.1f} times as many pictures a second in batches"
        for row in light.itertuples()
    ]
    quick = light[(light["runtime"] == "ONNX Runtime") & (light["latency_ratio"] <= 1 / 3)]["model"]
    third = f"At most a third of its time for one picture in ONNX Runtime: {', '.join(quick) or 'neither'}."
    return ".\n".join([*words, third]) if words else "No light net was measured."


def size_table(sizes, measured):
    """``latency.sizes`` with the memory of one picture (``_memory_mb``) and of a batch (``_batch_memory_mb``)."""
    wide = measured.pivot(index="model", columns="runtime", values=["memory_mb", "batch_memory_mb"])
    wide.columns = [f"{runtime.replace(' ', '_').lower()}_{what}" for what, runtime in wide.columns]
    return sizes.merge(wide.reset_index(), on="model", how="left")


def light_table(sizes, measured):
    """Parameters, MACs and latencies of each net as a share of ResNet18's, and the multiply-adds that a second does.

    A net is as light as its MACs say where its latency ratio is at most its MACs ratio, that is, where it keeps the
    processor at least as busy as ResNet18 does (``gmacs_per_second``, of ONNX Runtime on one thread).
    """
    table = sizes[["model"]].assign(parameters_ratio=ratio(sizes, "parameters"), macs_ratio=ratio(sizes, "macs"))
    for runtime, column in LATENCY.items():
        own = measured[measured["runtime"] == runtime].set_index("model")["latency_ms"]
        times = table["model"].map(own)
        table[column] = ratio(table.assign(times=times), "times")
    return table.assign(gmacs_per_second=sizes["macs"] / times)


def light_words(table):
    """Where "lightweight" holds and where it does not, from ``light_table``."""
    words = []
    for runtime, column in LATENCY.items():
        ranks = {name: spearmanr(table[f"{name}_ratio"], table[column]).statistic for name in ("macs", "parameters")}
        slower = [name for name, a, b in table[["model", column, "macs_ratio"]].itertuples(index=False) if a > b]
        words.append(
            f"**{runtime}**: the rank correlation of latency with MACs is {ranks['macs']:.2f}, with parameters "
            f"{ranks['parameters']:.2f} ({len(table)} nets). A larger share of {REFERENCE}'s time than of its MACs: "
            f"{', '.join(slower) or 'no net'}."
        )
    return "\n\n".join(words)


def chosen(runs):
    """The run of each net's first seed on one data set: FERm where the study has it, else FER2013, else CK+."""
    plain = [run for run in runs if not run.change]
    for dataset in ("ferm", "fer2013", "ckplus-fold1"):
        if found := measures.by_model(plain, dataset):
            return [of_model[0] for of_model in found.values()]
    return []


def int8_table(runs, data, folder, calibration, crops, batch_size, seconds, repeats=1):
    """What int8 costs in accuracy and gains in time and size, for the net of each run, by ONNX Runtime.

    Args:
        runs: finished study.Runs; ``data``: see ``datasets.load``.
        folder: for the ONNX files.
        calibration: pictures of the training side, drawn at random, that the ranges are taken from.
        crops: of each test picture, 1 or 10.
        batch_size, seconds, repeats: see ``latency.compare``.

    Returns:
        DataFrame: model, dataset, accuracy (float32), int8_accuracy, difference, low, high (``paired_difference``), all
        in percent; agreement (pictures named alike, percent), pictures; latency_ratio, throughput_ratio, size_ratio
        (int8 to float32), latency_ms, int8_latency_ms, onnx_mb, int8_mb.
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
        named = {name: predict.predict(file, test.images, crops).argmax(1).numpy() for name, file in files.items()}
        right = {name: predicted == test.labels for name, predicted in named.items()}
        row = {"model": run.model, "dataset": run.dataset}
        row |= {"accuracy": 100 * right["float32"].mean(), "int8_accuracy": 100 * right["int8"].mean()}
        row["difference"] = row["int8_accuracy"] - row["accuracy"]
        row["low"], row["high"] = paired_difference(right["int8"], right["float32"])
        row["agreement"] = 100 * (named["int8"] == named["float32"]).mean()
        row["pictures"] = len(test)
        rows.append(row | int8_gain(files, batch_size, seconds, repeats))
    return pd.DataFrame(rows)


def int8_gain(files, batch_size, seconds, repeats):
    """Time and size of the int8 file beside those of the float32 file (``files``: by number format)."""
    cost = latency.compare(files, batch_size, seconds, repeats).set_index("model")
    cost["size"] = {name: file.stat().st_size / 1e6 for name, file in files.items()}
    ratios = cost.loc["int8", ["latency_ms", "pictures_per_second", "size"]] / cost.loc["float32"]
    row = {"latency_ratio": ratios["latency_ms"], "throughput_ratio": ratios["pictures_per_second"]}
    row |= {"size_ratio": ratios["size"], "latency_ms": cost.loc["float32", "latency_ms"]}
    row |= {"int8_latency_ms": cost.loc["int8", "latency_ms"]}
    return row | {"onnx_mb": cost.loc["float32", "size"], "int8_mb": cost.loc["int8", "size"]}


def int8_words(table):
    """What ``int8_table`` says, a sentence a net."""
    return " ".join(
        f"{row.model}: int8 changes the accuracy by **{row.difference:+.2f}** points ({row.low:+.2f} to "
        f"{row.high:+.2f}, 95%, {row.pictures} pictures), takes "
        f"{100 * row.latency_ratio:.0f}% of the time for one picture and {100 * row.size_ratio:.0f}% of the disk."
        for row in table.itertuples()
    )


def paired_difference(first, second):
    """95% interval (low, high), in points, of the accuracy of ``first`` minus that of ``second`` on the same pictures.

    Agresti and Min 2005: Wald's interval of matched pairs with half a picture added to each of the four cells, so that
    it has a width also where both name the same pictures right.

    Args:
        first, second: bool (N,), whether each picture was named right.
    """
    only_first, only_second = (first & ~second).sum() + 0.5, (second & ~first).sum() + 0.5
    total = len(first) + 2
    difference = (only_first - only_second) / total
    error = np.sqrt(only_first + only_second - total * difference**2) / total
    z = norm.ppf(0.975)
    return 100 * (difference - z * error), 100 * (difference + z * error)


def explained(runs, data, pictures, seed=0):
    """The first light net of ``runs`` (``chosen``), and test pictures at random whose maps are timed.

    Returns:
        Net in eval mode on the CPU, its name, inputs float32 (N, 3, 44, 44) in [0, 1], labels int64 (N,); None where
        no run is of a light net.
    """
    run = next((run for run in runs if run.model.startswith("light")), None)
    if run is None:
        return None
    faces = datasets.load(run.dataset, data).of_split("test")
    faces = faces.subset(np.random.default_rng(seed).permutation(len(faces))[:pictures])
    inputs = augment.center_crop(torch.as_tensor(faces.images)).contiguous()
    return weights.trained(run)[0], run.model, inputs, torch.as_tensor(faces.labels)


def accuracy_and_latency(runs, measured):
    """Accuracy of the study's nets (evaluate.accuracy_table) with the latency of one picture in ONNX Runtime.

    Returns:
        DataFrame: dataset (the thesis's name), model, latency_ms, accuracy, low, high, thesis_accuracy; for each data
        set that the study trains on, every net with a latency that was trained there or has a value in the thesis.
    """
    printed = {"ckplus-fold1": thesis.TABLE_3_6, "fer2013": thesis.TABLE_3_8, "ferm": thesis.TABLE_3_10}
    times = measured[measured["runtime"] == "ONNX Runtime"].set_index("model")["latency_ms"]
    plain, tables = [run for run in runs if not run.change], []
    for dataset, values in printed.items():
        if not measures.by_model(plain, dataset):
            continue
        ours = measures.accuracy_table(plain, dataset, values).set_index("model")[["accuracy", "low", "high"]]
        table = ours.reindex([*values, *ours.index.difference(list(values))]).rename_axis("model")
        table = table.assign(thesis_accuracy=pd.Series(values), latency_ms=times).dropna(subset="latency_ms")
        tables.append(table.reset_index().assign(dataset=thesis.DATASETS[dataset.split("-")[0]]))
    columns = ["dataset", "model", "latency_ms", "accuracy", "low", "high", "thesis_accuracy"]
    return pd.concat(tables)[columns] if tables else pd.DataFrame(columns=columns)
