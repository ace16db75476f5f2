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
from fer_nb.intervals import LEVEL, mean_interval
from fer_nb.study import Run


def shares(runs: list[Run]) -> pd.Series:
    """The share of the runs (seeds) that predict each test picture right, by row and label."""
    return shares_right(pooled(runs))


def shares_right(predictions: pd.DataFrame) -> pd.Series:
    """The share of the predictions of each picture that are right, by row and label."""
    return (predictions["label"] == predictions["predicted"]).groupby([predictions["row"], predictions["label"]]).mean()


def differences(right: pd.Series, against: pd.Series, faces: FaceSet | None, names: tuple[str, str, str]) -> pd.Series:
    """One net's ``shares`` minus another's in points, of each test picture or, where ``faces`` has them, sequence.

    ``names``: of both nets and of the data set, for the ValueError where they were measured on different pictures.
    """
    if not right.index.equals(against.index):
        raise ValueError("{} and {} were measured on different pictures of {}: train one again".format(*names))
    changes, of_row = 100 * (right - against), sequence_of_row(faces)
    return changes if of_row is None else _by_sequence(changes, of_row)


def difference(
    right: pd.Series, against: pd.Series, faces: FaceSet | None, names: tuple[str, str, str], level: float = LEVEL
) -> tuple[float, float, float]:
    """The mean of ``differences``, with low and high: t interval of 95%, or of 1 - ``level``."""
    return mean_interval(differences(right, against, faces, names), level=level)[:3]


def _by_sequence(values: pd.Series, of_row: pd.Series) -> pd.Series:
    """The mean over the pictures of each sequence; ``of_row``: ``sequence_of_row``."""
    return values.groupby(of_row[values.index.get_level_values("row")].to_numpy()).mean()


def paired_tests(runs: list[Run], dataset: str, faces: FaceSet | None = None) -> pd.DataFrame:
    """``between`` the nets of a data set."""
    nets = by_model(runs, dataset).items()
    return between({model: [read_predictions(run) for run in of_model] for model, of_model in nets}, dataset, faces)


def between(predictions: dict[str, list[pd.DataFrame]], dataset: str, faces: FaceSet | None = None) -> pd.DataFrame:
    """Every two nets on the same pictures: their ``difference`` with low and high, and McNemar's test.

    ``predictions``: of the test split, by net, a table per seed. The difference is over all seeds, the test of the
    first. Where ``faces`` has sequences, the test takes each of them once, as right where most of its frames are. It is
    exact (binomial) below 25 pictures that one net alone predicts right (``only_first``, ``only_second``), else
    chi-squared with continuity correction; ``p_holm`` has Holm's correction over the pairs. Empty for fewer than two
    nets. Raises ValueError where two nets predicted different pictures.
    """
    of_row, rows = sequence_of_row(faces), []
    right = {model: shares_right(pd.concat(tables)) for model, tables in predictions.items()}
    for first, second in itertools.combinations(right, 2):
        points, low, high = difference(right[first], right[second], faces, (first, second, dataset))
        a, b = (shares_right(predictions[model][0]).astype(int) for model in (first, second))
        if of_row is not None:
            a, b = ((_by_sequence(frames, of_row) > 0.5).astype(int) for frames in (a, b))
        counts = confusion_matrix(a, b, labels=[1, 0])
        only_a, only_b = int(counts[0, 1]), int(counts[1, 0])
        p = mcnemar(counts, exact=only_a + only_b < 25).pvalue
        row = {"first": first, "second": second, "difference": points, "low": low, "high": high}
        rows.append(row | {"only_first": only_a, "only_second": only_b, "p": p})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=multipletests(table["p"], method="holm")[1]) if rows else table
