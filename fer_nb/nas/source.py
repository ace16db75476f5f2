"""The ten tables of the source (Verma et al. 2023) one by one: what was run for each, beside what the text says.

The source is a report on the paper whose tables are missing pictures, so only the numbers of its text are known.
"""

import pandas as pd

from fer_nb.data import datasets, emonas_sets
from fer_nb.nas.luck import is_found

NAN = float("nan")
# Table -> what it is of, the data sets, and what the text says.
ACCURACY = {
    1: ("CK+", ["ckplus"], "above all but Auto-FERNet, which takes about twice the compute"),
    2: ("ISED, DISFA, MUG", ["ised", "disfa", "mug"], "above nets designed by hand"),
    3: ("OULU-CASIA, visible light, strong", ["oulu"], "above others"),
    4: ("FER2013, private test, 7 classes", ["fer2013"], "robust on varied pictures"),
    5: ("RAF-DB, 7 classes", ["rafdb"], "87.28 overall, above all others"),
    6: ("CASME, CASME II", ["casme1", "casme2"], "above methods by hand and other searched nets"),
    7: ("CAS(ME)^2, SAMM", ["casmesq", "samm"], "above others"),
    8: ("SMIC, MEGC2019 composite", ["smic", "megc2019"], "above others in accuracy and UAR"),
}
NUMBERS = {"rafdb": 87.28}  # accuracies in the text, percent
# Table 9, of the nets that EmoNAS found: measure -> (column of our table of costs, number, words).
COSTS = {
    "parameters": ("parameters", 0.5e6, "about 0.5 million, more on FER2013 and CK+"),
    "megabytes": ("onnx_mb", NAN, "13 to 15, of what is not said"),
    "frames a second": ("frames_per_second", 60.0, "up to 60, on a GPU that is not named"),
}
# Table 10: others' nets -> (the one of ours that is nearest, parameters, megabytes, words).
OTHERS = {
    "EmoNAS": ("", NAN, NAN, "about 0.55 to 0.60 million parameters, the fewest operations"),
    "MobileNet": ("MobileNetV2", 3.2e6, 23.8, ""),
    "VGG16": ("", 138e6, 500.3, ""),
    "VGG19": ("VGG19", 144e6, 520.4, ""),
    "ResNet50": ("", 31e6, 88.4, ""),
    "HiNet": ("", 1e6, NAN, ""),
    "P-DARTS": ("PDARTS", NAN, NAN, "about 38 megabytes more than EmoNAS"),
}
COLUMNS = ["table", "about", "data", "net", "measure", "value", "low", "high", "source", "text", "why_not"]


def tables(accuracies: pd.DataFrame, micro: pd.DataFrame, costs: pd.DataFrame, data: str) -> pd.DataFrame:
    """A row for each net that was found and trained, table by table; where there is none, a row that says why.

    Args:
        accuracies: data, model, accuracy, low, high: of this study and of kept ones (``searched.beside_table``).
        micro: from ``searched.micro_table``, or empty.
        costs: from ``searched.cost_table``.
        data: "real", or "synthetic": then no value counts for the source's sets.

    Returns:
        DataFrame: table (1 to 10), about, data, net, measure, value, low, high, source (the number in the source's
        text), text (its words), why_not: "drawn" (the study draws its faces), "data" (the set is not here), "time" (it
        has not run), "net" (the net is not built here), else "".
    """
    rows = []
    for number, (about, names, text) in ACCURACY.items():
        for name in names:
            found = [] if data == "synthetic" else [*_pictures(accuracies, name), *_clips(micro, name)]
            found = found or [{"net": "", "measure": "accuracy", "why_not": why_not(name, data)}]
            fixed = {"table": number, "about": about, "data": name, "source": NUMBERS.get(name, NAN), "text": text}
            rows += [fixed | row for row in found]
    own = costs[costs["model"].map(is_found)]
    for measure, (column, printed, text) in COSTS.items():
        fixed = {"table": 9, "about": "memory, speed, complexity", "measure": measure, "source": printed, "text": text}
        found = [{"net": row["model"], "value": row[column]} for row in own.to_dict("records")]
        rows += [fixed | row for row in found or [{"net": "", "why_not": "time"}]]
    size = costs.set_index("model")
    for name, (ours, parameters, megabytes, text) in OTHERS.items():
        mine = own["model"].tolist() if name == "EmoNAS" else [ours] if ours in size.index else []
        for measure, printed, column in (("parameters", parameters, "parameters"), ("megabytes", megabytes, "onnx_mb")):
            fixed = {"table": 10, "about": f"complexity: {name}", "measure": measure, "source": printed, "text": text}
            missing = {"net": "", "why_not": "time" if ours or name == "EmoNAS" else "net"}
            rows += [fixed | row for row in [{"net": one, "value": size.loc[one, column]} for one in mine] or [missing]]
    return pd.DataFrame(rows, columns=COLUMNS).fillna({"data": "", "why_not": ""})


def _pictures(accuracies: pd.DataFrame, name: str) -> list[dict]:
    """The found nets' accuracies on a set of pictures or a fold of it."""
    of_set = accuracies["data"].str.partition("-")[0] == name
    rows = accuracies[of_set & accuracies["model"].map(is_found)].to_dict("records")
    return [
        {"data": row["data"], "net": row["model"], "measure": "accuracy", "value": row["accuracy"]}
        | {"low": row["low"], "high": row["high"]}
        for row in rows
    ]


def _clips(micro: pd.DataFrame, name: str) -> list[dict]:
    """The scores on a set of clips, whatever picture was made of them."""
    rows = micro[micro["data"].str.partition("_")[0] == name].to_dict("records") if len(micro) else []
    given = ("data", "measure", "value", "low", "high")
    return [{key: row[key] for key in given} | {"net": row["model"]} for row in rows]


def why_not(name: str, data: str) -> str:
    """Why a study with ``data`` has no number on the set ``name``: "drawn", "data" or "time"."""
    if data == "synthetic":
        return "drawn"
    known = f"{name}_dynamic" if name in emonas_sets.CLIPS else name
    try:
        datasets.sources(known, data)
    except FileNotFoundError:
        return "data"
    return "time"


def sentence(table: pd.DataFrame) -> str:
    """How many of the ten tables have a number of ours, and why the others have none."""
    has = table.groupby("table")["value"].apply(lambda values: values.notna().any())
    words = [f"{int(has.sum())} of the source's {len(has)} tables have a number of ours"]
    for reason, rows in table[table["why_not"] != ""].groupby("why_not", sort=False):
        missing = dict.fromkeys(row.data or row.about.partition(": ")[2] or row.measure for row in rows.itertuples())
        words.append(f"not run for want of {reason}: {', '.join(missing)}")
    return "; ".join(words).replace("for want of drawn", "because the faces are drawn") + "."
