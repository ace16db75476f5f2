"""MEGC2019's measures held against published numbers (See et al. 2019): ``micro.scores`` on others' confusion matrices.

STSTNet (Liong, Gan, See, Khor and Huang 2019, "Shallow triple stream three-dimensional CNN for micro-expression
recognition", FG 2019) prints its UF1 and UAR; the logs that its authors published have the counts.
"""

import numpy as np
import pandas as pd
from sklearn.metrics import f1_score, precision_score, recall_score

from fer_nb.evaluation import micro

CLASSES = ("negative", "positive", "surprise")
# Clips of each class, and subjects, of the three sets of the composite (See et al. 2019; combined_3class_gt.csv).
COMPOSITE = {"smic": ((70, 51, 43), 16), "casme2": ((88, 32, 25), 24), "samm": ((92, 26, 15), 28)}
# (row: true class, column: predicted), and what is printed for it in percent.
LOGS = {
    "STSTNet, log of the paper": (((219, 22, 9), (40, 62, 7), (21, 3, 59)), {"UF1": 73.53, "UAR": 76.05}),
    "STSTNet, log of the Python code": (((195, 39, 16), (36, 68, 5), (12, 7, 64)), {}),
}


def predictions(counts) -> pd.DataFrame:
    """The clips of a confusion matrix (true class, predicted class), a row each, as ``micro.scores`` takes them.

    Who is seen in a clip is not in a matrix: every clip is its own subject, so intervals are too narrow.
    """
    counts = np.asarray(counts)
    truth, predicted = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    names = np.array(CLASSES)
    return pd.DataFrame({"label": names[truth], "predicted": names[predicted], "subject": np.arange(counts.sum())})


def composite_table() -> pd.DataFrame:
    """Of each set of the composite and of all: data, clips of each of CLASSES, clips, subjects."""
    rows = [
        {"data": name, **dict(zip(CLASSES, clips, strict=True)), "clips": sum(clips), "subjects": subjects}
        for name, (clips, subjects) in COMPOSITE.items()
    ]
    table = pd.DataFrame(rows)
    return pd.concat([table, table.sum(numeric_only=True).to_frame().T.assign(data="megc2019")], ignore_index=True)


def check_table() -> pd.DataFrame:
    """What each log gives by our measures and by scikit-learn's, and what is printed for it, in percent.

    Returns:
        DataFrame: log, clips, then UF1, UAR and mean_precision (mean over classes of TP / (TP + FP)); UF1_sklearn and
        UAR_sklearn, from the clips one by one; UF1_printed and UAR_printed (NaN where nothing is printed);
        printed_UAR_is: which measure the printed UAR is to its last digit, "UAR", "mean precision" or "neither".

    Raises ValueError where the classes of a log are not as large as those of the composite.
    """
    sizes, rows = [int(composite_table()[name].iloc[-1]) for name in CLASSES], []
    for log, (counts, printed) in LOGS.items():
        if (found := np.sum(counts, axis=1).tolist()) != sizes:
            raise ValueError(f"{log}: {found} clips of the classes, the composite has {sizes}: correct the counts")
        table = predictions(counts)
        ours = micro.scores(table, CLASSES).set_index("measure")["value"]
        pair, macro = (table["label"], table["predicted"]), {"average": "macro"}
        row = {"log": log, "clips": len(table), "UF1": ours["UF1"], "UAR": ours["UAR"]}
        row |= {"mean_precision": 100 * precision_score(*pair, **macro)}
        row |= {"UF1_sklearn": 100 * f1_score(*pair, **macro), "UAR_sklearn": 100 * recall_score(*pair, **macro)}
        row |= {f"{name}_printed": printed.get(name, np.nan) for name in ("UF1", "UAR")}
        rows.append(row | {"printed_UAR_is": _which(row)})
    return pd.DataFrame(rows)


def _which(row: dict) -> str:
    """Which measure of a row its printed UAR is, at the two decimals that are printed."""
    if np.isnan(row["UAR_printed"]):
        return ""
    named = {"UAR": row["UAR"], "mean precision": row["mean_precision"]}
    return next((name for name, value in named.items() if round(value, 2) == row["UAR_printed"]), "neither")


def check_sentence(table: pd.DataFrame) -> str:
    """What ``check_table`` says, in words."""
    away = max((table[name] - table[f"{name}_sklearn"]).abs().max() for name in ("UF1", "UAR"))
    same = "are scikit-learn's" if away < 1e-9 else f"differ from scikit-learn's by up to {away:.2g} points"
    words = [f"Our UF1 and UAR {same}"]
    for row in table[table["UAR_printed"].notna()].to_dict("records"):
        words.append(f"{row['log']}: the UAR printed, {row['UAR_printed']:.2f}, is its {row['printed_UAR_is']}")
        words[-1] += "" if row["printed_UAR_is"] == "UAR" else f"; its UAR is {row['UAR']:.2f}"
    return ". ".join(words) + "."
