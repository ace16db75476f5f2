"""``reports/reference/RESULTS.md``: the results of the finished studies that are kept there, from their tables."""

from pathlib import Path

import pandas as pd

from fer_nb.intervals import in_words
from fer_nb.nas.luck import is_found
from fer_nb.nas.luck import sentence as luck_sentence
from fer_nb.published.accuracies import kept_results, training_of
from fer_nb.published.gather import by_study, conditions_in_words, searched_nets, searched_on
from fer_nb.published.origins import kept_origins, kept_studies


def results_text() -> str:
    """The text as Markdown; "" where no study is kept."""
    folders = kept_studies()
    if not folders:
        return ""
    lead = (
        "Written by `python -m fer_nb.published`. Accuracies are in percent on the test split: means over the seeds,"
        " with 95% intervals (Wilson) over the test pictures, of CK+ over the sequences. Verdict: within"
        " the interval, where the thesis's value lies in ours or our value in that of the thesis's on as many pictures;"
        " else below or above the thesis's. The recipe is the thesis's or, where a"
        " study is named, another: then epochs are not all that differs. Minutes are those of one training run."
        " [README.md](README.md) says what made each table."
    )
    texts = [
        "# Results of the kept studies",
        lead,
        markdown_table(_accuracies()),
        _counts(folders),
        *_splits(folders),
        *_searched(folders),
        *_clips(),
    ]
    return "\n\n".join(filter(None, texts)) + "\n"


def markdown_table(rows: list[dict]) -> str:
    """Rows with the same keys as a table in Markdown. (pandas would write "0.50" as 0.5 and pad every column.)"""
    lines = [rows[0], ["---"] * len(rows[0]), *(row.values() for row in rows)]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def _accuracies() -> list[dict]:
    """Each of the thesis's accuracies in each study that has trained the net, or else as not run."""
    rows = []
    for ours in kept_results().to_dict("records"):
        row = {"data": ours["dataset"], "net": ours["model"]}
        row["accuracy [95% interval]"] = in_words(ours["accuracy"], ours["low"], ours["high"])
        row["thesis"] = in_words(ours["thesis_accuracy"])
        row["difference"] = in_words(ours["accuracy"] - ours["thesis_accuracy"], signed=True)
        row["verdict"] = ours["verdict"]
        row |= {name: "–" if pd.isna(ours[name]) else ours[name] for name in ("study", "recipe")}
        row["mean per class"] = in_words(ours["mean_per_class_accuracy"])
        row |= {name: in_words(ours[name], digits=0) for name in ("seeds", "epochs")}
        rows.append(row | {"minutes": in_words(ours["minutes"], digits=int(ours["minutes"] < 10))})
    return rows


def _counts(folders: list[Path]) -> str:
    """Tables 3-1 to 3-4, which notebook 12 compares cell by cell; "" where no study counted them."""
    tables = [pd.read_csv(path) for folder in folders if (path := folder / "summary-counts.csv").exists()]
    if not tables:
        return ""
    counted = pd.concat(tables).drop_duplicates().sort_values("table", kind="stable")
    return "\n".join(
        f"- {row.table.replace('table-', 'Table ')}: {row.equal} of {row.cells} cells are as the thesis prints them."
        + (f" The others: {row.differing}." if row.equal < row.cells else "")
        for row in counted.itertuples()
    )


def _splits(folders: list[Path]) -> list[str]:
    """CK+ by the ways of splitting that the studies train."""
    rows = []
    for folder in (folder for folder in folders if (folder / "table-3-6-splits.csv").exists()):
        for row in pd.read_csv(folder / "table-3-6-splits.csv").to_dict("records"):
            dataset = "ckplus-subject" if row["split"].endswith("subject") else "ckplus-fold"
            accuracy = in_words(row["accuracy"], row["sequence_low"], row["sequence_high"])
            rows.append({"net": row["model"], "split": row["split"], "study": folder.name, "folds": row["folds"]})
            rows[-1] |= {"accuracy [95% interval over sequences]": accuracy, "test sequences": row["sequences"]}
            rows[-1] |= {"epochs": training_of(folder, dataset, row["model"])[0]}
    lead = (
        "CK+ by the way of splitting: folds by position share subjects with training, folds by subject do not. The"
        " cells of found nets were searched on the first fold by subject: that search saw test subjects of the others."
    )
    return [lead, markdown_table(rows)] if rows else []


def _taus(folder: Path) -> pd.DataFrame:
    """``nas.luck.supernet_table`` of a kept study; no row where it keeps none."""
    file = folder / "table-9-supernet.csv"
    return pd.read_csv(file) if file.exists() else pd.DataFrame(columns=["data", "tau", "p"])


def _searched(folders: list[Path]) -> list[str]:
    """Nets that searches found beside others, from notebook 10: as tables 9 and 10 of the source of EmoNAS."""
    rows, lines, nets = [], [], searched_nets()
    for folder in (folder for folder in folders if folder.name in set(nets["study"])):
        made = kept_origins(folder.name).set_index("table")
        for row in nets[nets["study"] == folder.name].to_dict("records"):
            gap, low, high = (row[name] for name in ("difference", "difference_low", "difference_high"))
            # none for the reference itself, nor in a study that has not trained it
            words = "–" if pd.isna(gap) else f"{in_words(gap, low, high, signed=True)} to {row['reference']}"
            rows.append({"data": row["data"], "net": row["model"], "study": folder.name})
            rows[-1] |= {"accuracy [95% interval]": in_words(row["accuracy"], row["low"], row["high"])}
            rows[-1] |= {"difference [95% interval]": words, "seeds": row["seeds"]}
            rows[-1] |= {"epochs": made.loc["table-9", "epochs"], "parameters": f"{row['parameters']:,}"}
            rows[-1] |= {"million multiply-adds": f"{row['macs'] / 1e6:.1f}"}
            rows[-1] |= {"ms a picture": f"{row['latency_ms']:.2f}"}
        beside = folder / "table-9-against.csv"
        lines += [
            f"- {row['data']}: {row['model']} minus the {row['reference']}: "
            f"{in_words(row['difference'], row['low'], row['high'], signed=True)} points."
            for row in (pd.read_csv(beside).to_dict("records") if beside.exists() else [])
            if row["reference"].startswith("mean of")
        ]
        random = folder / "table-9-random.csv"
        if random.exists():
            lines.append(f"- Study {folder.name}: {luck_sentence(pd.read_csv(random), _taus(folder))}")
    found = dict.fromkeys(name for name in nets["model"] if is_found(name))
    lead = (
        "Searched networks (EmoNAS) beside others, trained from scratch: within a study by one protocol; a reference"
        f" of another study has that study's recipe and epochs. {', '.join(found)} come from searches"
        " (`fer_nb/nas/settings.py`); RandomSearch is the best of several random genotypes at"
        f" the cost of the EmoNAS search, RandomNet a single random one.{_searched_elsewhere(nets)} Intervals are over"
        " the pictures of the test split, on CK+ over the sequences of one fold: they do not say what another search or"
        " another random genotype would give. Of several seeds, parameters, multiply-adds and time are those of the"
        " first one's net. The time is that of one picture on one thread in ONNX Runtime: compare it within a study"
        " only, as they ran on different machines."
    )
    return [lead, markdown_table(rows), "\n".join(lines)] if rows else []


def _searched_elsewhere(nets: pd.DataFrame) -> str:
    """Which found nets have cells from a search on another data set than they were trained on."""
    told = {}
    for row in nets.itertuples():
        of = searched_on(row.study, row.model)
        if of.partition("-")[0] not in ("", row.data.partition("-")[0]):
            told[f"the cells of {row.model} on {row.data} were searched on {of}"] = None
    return f" The source searches on each data set; here {', '.join(told)}." if told else ""


def _clips() -> list[str]:
    """Scores on drawn micro-expressions, each subject held out in turn, from notebook 10."""
    rows = []
    for study, table in by_study("micro").items():
        for (data, model), scores in table.groupby(["data", "model"], sort=False):
            row = {"pictures of clips": data, "net": model, "study": study}
            row |= {one.measure: in_words(one.value, one.low, one.high) for one in scores.itertuples()}
            rows.append(row | {name: scores[name].iloc[0] for name in ("subjects", "clips")})
    lead = (
        "Drawn micro-expressions, in percent with 95% intervals over subjects, each held out in turn: a clip as its"
        " dynamic image, its apex frame, the mean of its frames, or the optical flow from onset to apex (Farneback,"
        " TV-L1). They compare kinds of picture on known motions, and say nothing about faces of people."
    )
    told = conditions_in_words(row["pictures of clips"] for row in rows)
    return [f"{lead} {told}", markdown_table(rows)] if rows else []
