"""Two nets on the same test pictures: the difference of their accuracies, and McNemar's test.

Nets agree on most pictures, so the interval of a paired difference is narrower than that of two samples.
"""

import itertools

import pandas as pd
from sklearn.metrics import confusion_matrix
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from fer_nb.data.faceset import FaceSet
from fer_nb.evaluation.measures import by_model, pooled, sequence_of_row
from fer_nb.finished import read_predictions
from fer_nb.intervals import change_interval, mean_interval
from fer_nb.study import Run


def shares(runs: list[Run]) -> pd.Series:
    """The share of the runs (seeds) that predict each test picture right, by row and label."""
    return shares_right(pooled(runs))


def shares_right(predictions: pd.DataFrame) -> pd.Series:
    """The share of the predictions of each picture that are right, by row and label."""
    return (predictions["label"] == predictions["predicted"]).groupby([predictions["row"], predictions["label"]]).mean()


def difference(
    right: pd.Series, against: pd.Series, faces: FaceSet | None, names: tuple[str, str, str]
) -> tuple[float, float, float]:
    """One net's ``shares`` minus another's in points, low and high (95%, t interval over sequences or pictures).

    ``faces``: where they have sequences, the interval is over those. ``names``: of both nets and of the data set, for
    the ValueError where they were measured on different pictures.
    """
    if not right.index.equals(against.index):
        raise ValueError("{} and {} were measured on different pictures of {}: train one again".format(*names))
    changes = 100 * (right - against)
    of_row = sequence_of_row(faces)
    groups = None if of_row is None else of_row[changes.index.get_level_values("row")].to_numpy()
    return mean_interval(changes, groups)[:3]


def paired_tests(runs: list[Run], dataset: str, faces: FaceSet | None = None) -> pd.DataFrame:
    """``between`` the nets of a data set, each with the predictions of its first seed."""
    first = {model: read_predictions(of_model[0]) for model, of_model in by_model(runs, dataset).items()}
    return between(first, dataset, faces)


def between(predictions: dict[str, pd.DataFrame], dataset: str, faces: FaceSet | None = None) -> pd.DataFrame:
    """McNemar tests between every two nets on the same pictures, with Holm's correction over the pairs.

    ``predictions``: of the test split, by net. Where ``faces`` has sequences, each of them counts once, as right where
    most of its frames are. ``difference``: the first net's accuracy minus the second's in points, with its 95% interval
    (``intervals.change_interval``). Exact (binomial) below 25 pictures that one net alone predicts right
    (``only_first``, ``only_second``), else chi-squared with continuity correction. Empty for fewer than two nets.
    Raises ValueError where two nets predicted different pictures.
    """
    of_row, rows = sequence_of_row(faces), []
    right = {model: shares_right(table).astype(int) for model, table in predictions.items()}
    for (first, a), (second, b) in itertools.combinations(right.items(), 2):
        if not a.index.equals(b.index):
            raise ValueError(f"{first} and {second} were measured on different pictures of {dataset}: train one again")
        if of_row is not None:
            together = of_row[a.index.get_level_values("row")].to_numpy()
            a, b = ((frames.groupby(together).mean() > 0.5).astype(int) for frames in (a, b))
        points, low, high, _ = change_interval(100 * (a - b))
        counts = confusion_matrix(a, b, labels=[1, 0])
        only_a, only_b = int(counts[0, 1]), int(counts[1, 0])
        p = mcnemar(counts, exact=only_a + only_b < 25).pvalue
        row = {"first": first, "second": second, "difference": points, "low": low, "high": high}
        rows.append(row | {"only_first": only_a, "only_second": only_b, "p": p})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=multipletests(table["p"], method="holm")[1]) if rows else table
