"""The tables of notebook 10: searched nets beside others, what each costs, micro-expressions (Verma et al. 2023).

Everything but the times comes from finished runs' predictions and from the nets as they are built.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from fer_nb import intervals
from fer_nb.background.compare import kept_nets, kept_test_predictions, refuse_unkept
from fer_nb.data.datasets import load
from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation import micro
from fer_nb.evaluation.measures import accuracy, by_model, pooled, trials
from fer_nb.evaluation.paired import difference, shares, shares_right
from fer_nb.finished import read_predictions
from fer_nb.intervals import wilson
from fer_nb.nas.luck import about_search
from fer_nb.nets import by_name, export
from fer_nb.speed import latency
from fer_nb.study import Run


def cost_table(runs: list[Run], classes: int, folder, batch_size: int, seconds: float, repeats: int) -> pd.DataFrame:
    """As the source's table 10: what each net costs on this device; its megabytes apart, as they are not one thing.

    Each net is that of its first run. Measured in ONNX Runtime (``latency.compare``), files in ``folder``.

    Returns:
        DataFrame: model, parameters, macs (of one 44x44 picture), weights_mb (float32), onnx_mb (file), memory_mb (by
        how much one picture makes the process grow), latency_ms (one picture, one thread), frames_per_second (the
        same), pictures_per_second (batches, all threads). 1 MB is 1e6 bytes.
    """
    nets = {run.model: by_name.build(run, classes).eval() for run in reversed(runs)}
    nets = {run.model: nets[run.model] for run in runs}
    files, rows = {}, []
    for name, net in nets.items():
        files[name] = folder / f"{name}.onnx"
        export.export(net, files[name])
        rows.append({"model": name} | latency.size(net, files[name]))
    measured = latency.compare(files, batch_size, seconds, repeats, ("ONNX Runtime",)).set_index("model")
    measured["frames_per_second"] = 1000 / measured["latency_ms"]
    columns = ["memory_mb", "latency_ms", "frames_per_second", "pictures_per_second"]
    table = pd.DataFrame(rows).rename(columns={"safetensors_mb": "weights_mb"})
    return table.join(measured[columns], on="model")


def accuracy_table(
    runs: list[Run], dataset: str, faces: FaceSet, reference: str, beside: Iterable[str] = ()
) -> pd.DataFrame:
    """As the source's table 9: each net's accuracy on the test split, and how far it is from the reference net's.

    Args:
        faces: of the data set; where it has sequences, the intervals are over those.
        reference: the net that differences are taken to.
        beside: kept studies; where no run is of the reference, the first whose predictions of it are kept gives them.

    Returns:
        DataFrame: model, accuracy (percent, mean of the seeds), low, high (Wilson, over the test split), seeds,
        worst and best (of the seeds), reference (of a kept study: "lightResNetl of hours"), difference (points, to
        that), difference_low, difference_high (95%, t interval over sequences or pictures, each with its share of right
        answers over the seeds).

    Raises ValueError where a net was measured on other pictures than the reference.
    """
    nets = by_model(runs, dataset)
    against, known_as = shares(nets[reference]) if reference in nets else None, reference
    if against is None:
        study, tables = kept_test_predictions(beside, dataset, reference)
        if study:
            against, known_as = shares_right(pd.concat(tables)), f"{reference} of {study}"
    rows = []
    for model, of_model in nets.items():
        table = pooled(of_model)
        each = [accuracy(read_predictions(run)) for run in of_model]
        low, high = wilson(accuracy(table), trials(table["row"], faces))
        row = {"model": model, "accuracy": accuracy(table), "low": low, "high": high, "seeds": len(of_model)}
        row |= {"worst": min(each), "best": max(each)}
        if against is not None and model != reference:
            found = difference(shares(of_model), against, faces, (model, known_as, dataset))
            row["reference"] = known_as
            row |= dict(zip(("difference", "difference_low", "difference_high"), found, strict=True))
        rows.append(row)
    return pd.DataFrame(rows)


def beside_table(
    tables: dict[str, pd.DataFrame], studies: list[str], faces: dict[str, FaceSet], data: str
) -> pd.DataFrame:
    """The nets of this study beside those that other, kept studies trained on the same test pictures.

    Args:
        tables: data set -> its ``accuracy_table``; studies: under reports/reference; faces: of each data set.
        data: "real", or "synthetic", whose nets stand beside none.

    Returns:
        DataFrame: data, model, study ("" for this one), epochs (of the kept ones), accuracy, low, high (Wilson, over
        the test pictures, or their sequences).

    Raises what ``refuse_unkept`` raises.
    """
    refuse_unkept(studies, data, "beside")
    rows: list[dict] = []
    for name, table in tables.items():
        own = table[["model", "accuracy", "low", "high"]].to_dict("records")
        rows += [{"data": name, "study": "", **row} for row in own]
        test = faces[name].of_split("test")
        number = trials(test.rows, test)
        for net in kept_nets(studies, name):
            row = {"data": name, "model": net["method"], **{key: net[key] for key in ("study", "epochs", "accuracy")}}
            rows.append(row | dict(zip(("low", "high"), wilson(net["accuracy"], number), strict=True)))
    columns = ["data", "model", "study", "epochs", "accuracy", "low", "high"]
    return pd.DataFrame(rows, columns=columns).astype({"epochs": "Int64"})


def against(
    runs: list[Run], dataset: str, faces: FaceSet, searched: str, reference: str, random: list[str]
) -> pd.DataFrame:
    """``difference`` of the net ``searched`` to ``reference`` and to the mean of the ``random`` nets that were trained.

    Returns:
        DataFrame: data, model, reference, difference (points), low, high; no row where nothing stands beside the net.
    """
    right = {model: shares(of_model) for model, of_model in by_model(runs, dataset).items()}
    others = {reference: right[reference]} if reference in right and searched != reference else {}
    drawn = [name for name in random if name in right]
    if drawn:
        others[f"mean of {' and '.join(drawn)}"] = pd.concat([right[name] for name in drawn], axis=1).mean(axis=1)
    rows: list[dict] = []
    for name, of_other in others.items() if searched in right else ():
        found = difference(right[searched], of_other, faces, (searched, name, dataset))
        rows.append({"data": dataset, "model": searched, "reference": name})
        rows[-1] |= dict(zip(("difference", "low", "high"), found, strict=True))
    return pd.DataFrame(rows, columns=["data", "model", "reference", "difference", "low", "high"])


def against_sentence(table: pd.DataFrame) -> str:
    """What ``against`` says, in words."""
    words = []
    for row in table.to_dict("records"):
        low, high = row["low"], row["high"]
        word = "better than" if low > 0 else "worse than" if high < 0 else "not significantly different from"
        points = intervals.in_words(row["difference"], low, high, signed=True)
        words.append(f"on {row['data']} {row['model']} is {word} {row['reference']} ({points} points)")
    text = "; ".join(words) or "there is no net to compare the searched net with"
    return f"{text[0].upper()}{text[1:]}."


def seen_sentence(runs: list[Run], faces: dict[str, FaceSet], data: str) -> str:
    """Which found nets are tested on pictures that their cells were searched on, and which on another set than those.

    What a search was on is in its genotype's file. ``faces``: of each data set; ``data``: "real" or "synthetic".
    """
    words: list[str] = []
    elsewhere: dict[str, dict[str, bool]] = {}
    for run in runs:
        about = about_search(run.study, run.model, run.seed) if run.dataset in faces else {}
        name = about.get("dataset", run.dataset)
        if about.get("data") != data or name == run.dataset:
            continue
        if name.partition("-")[0] != run.dataset.partition("-")[0]:
            elsewhere.setdefault(f"the cells of {run.model} were searched on {name}, not on", {})[run.dataset] = True
            continue
        # Rows are those of the whole set, which folds of it have in common.
        test = faces[run.dataset].of_split("test").rows
        seen = int(np.isin(test, load(name, data).of_split("train").rows).sum())
        what = f"{seen:,} of {len(test):,} test pictures of {run.dataset} are in the train split of {name}"
        words.append(f"{what}, on which the cells of {run.model} were searched: its accuracy may be too high")
    words += [f"{what} {' or '.join(of)}" for what, of in elsewhere.items()]
    words += ["the source searches on each set"] if elsewhere else []
    text = (
        "; ".join(dict.fromkeys(words)) or "no search of a net here is known to have seen pictures that it is tested on"
    )
    return f"{text[0].upper()}{text[1:]}."


def clip_panels(kinds: dict[str, FaceSet], of_each: int = 3) -> dict:
    """The first clips of each class for ``plots.sample_grid``; ``kinds``: kind of picture -> the same clips."""
    return {
        kind: {name: list(faces.images[faces.labels == label][:of_each]) for label, name in enumerate(faces.classes)}
        for kind, faces in kinds.items()
    }


def micro_predictions(runs: list[Run], name: str, model: str, faces: FaceSet) -> pd.DataFrame:
    """A net's pooled predictions of all folds of a set of clips, with the column ``subject`` (``micro.scores``).

    Those of its first seed.

    ``faces``: all clips as pictures, whose rows the predictions name.
    """
    folds = [run for run in runs if run.dataset.startswith(f"{name}-subject") and run.model == model]
    table = pd.concat([read_predictions(run) for run in folds if run.seed == folds[0].seed], ignore_index=True)
    return table.assign(subject=faces.groups[table["row"]])


def micro_table(runs: list[Run], sets: dict[str, FaceSet]) -> pd.DataFrame:
    """Accuracy, UAR and UF1 over the folds' pooled counts for each kind of picture and net, first seed.

    Returns:
        DataFrame: data, model, measure, value, low, high (bootstrap over subjects), subjects, clips.
    """
    runs = [run for run in runs if run.dataset.partition("-")[0] in sets]
    rows = []
    for name, model in dict.fromkeys((run.dataset.partition("-")[0], run.model) for run in runs):
        table = micro.scores(micro_predictions(runs, name, model, sets[name]), sets[name].classes)
        rows.append(table.assign(data=name, model=model))
    columns = ["data", "model", "measure", "value", "low", "high", "subjects", "clips"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def micro_differences(runs: list[Run], sets: dict[str, FaceSet]) -> pd.DataFrame:
    """For each net and pair of kinds of picture: accuracy of the first minus that of the second, on the same clips.

    Kinds are compared within a set of clips: casme2_dynamic with casme2_apex, not with samm_apex.

    Returns:
        DataFrame: model, first, second, difference (points), low, high (95%, t interval over subjects).
    """
    rows, names = [], list(sets)
    for model in dict.fromkeys(run.model for run in runs if run.dataset.partition("-")[0] in sets):
        right = {}
        for name in names:
            table = micro_predictions(runs, name, model, sets[name]).set_index("row").sort_index()
            right[name] = 100 * (table["label"] == table["predicted"]), table["subject"]
        for i, first in enumerate(names):
            for second in (name for name in names[i + 1 :] if _clips(name) == _clips(first)):
                changes, subject = right[first][0] - right[second][0], right[first][1]
                mean, low, high, _ = intervals.mean_interval(changes, groups=subject)
                row = {"model": model, "first": first, "second": second, "difference": mean}
                rows.append(row | {"low": low, "high": high})
    return pd.DataFrame(rows, columns=["model", "first", "second", "difference", "low", "high"])


def _clips(name: str) -> str:
    """The set of clips that a data set is made of: "casme2" of casme2_dynamic."""
    return name.partition("_")[0]
