"""Are a net's probabilities what they say? A temperature that mends them, and when to call a prediction unsure.

C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017: the logits are
divided by one number, the temperature, which makes the labels of the validation split most likely. What is predicted
stays. All of it is computed from the ten-crop probabilities in a run's predictions.csv.
"""

from dataclasses import astuple, dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from fer_nb.evaluation.frame import legend_above, panels
from fer_nb.evaluation.measures import by_model
from fer_nb.evaluation.plots import BLUE, RED
from fer_nb.finished import read_predictions
from fer_nb.study import Run

BINS = 15  # of confidence, equally wide, as Guo et al.
PRECISION = 0.95  # share of the sure predictions that shall be right on the validation split
LEAST = 5e-6  # a probability is taken as at least this: the files have five decimals
BOUNDS = (-3.0, 3.0)  # of the temperature's natural logarithm


@dataclass(frozen=True)
class Calibration:
    """What makes a net's logits into probabilities, and when a prediction is unsure.

    temperature: divides the logits. threshold: a prediction with a smaller probability is unsure; None where no
    validation split has told it.
    """

    temperature: float = 1.0
    threshold: float | None = None


def calibrate(valid: pd.DataFrame) -> Calibration:
    """The calibration of a net by its predictions on the validation split (``finished.read_predictions``)."""
    probabilities, truth = _arrays(valid)
    temperature = fit_temperature(probabilities, truth)
    return Calibration(temperature, sure_from(soften(probabilities, temperature), truth))


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with the least mean negative log-likelihood.

    Args:
        probabilities: float (N, classes). truth: int (N,), the right class of each.
    """

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(soften(probabilities, np.exp(logarithm)), truth)

    return float(np.exp(minimize_scalar(loss, bounds=BOUNDS, method="bounded").x))


def sure_from(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The least confidence from which on ``PRECISION`` of the predictions are right; 1 where it is never reached."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    order = np.argsort(-confidence, kind="stable")
    precision = right[order].cumsum() / np.arange(1, len(order) + 1)
    whole = np.append(np.diff(confidence[order]) < 0, True)  # equal confidences are sure or unsure together
    enough = np.flatnonzero((precision >= PRECISION) & whole)
    return float(confidence[order][enough[-1]]) if len(enough) else 1.0


def soften(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, classes) as they are with the logits divided by ``temperature``.

    Their logarithms are the logits up to a constant of each row, which the softmax does not see.
    """
    return softmax(np.log(np.maximum(probabilities, LEAST)) / temperature, axis=1)


def negative_log_likelihood(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Mean of -log(probability of the right class), in nats."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], LEAST)).mean())


def reliability(probabilities: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """A row for each of ``BINS`` bins of the confidence (the predicted class's probability) that is not empty.

    Returns:
        DataFrame: pictures, confidence (mean, percent), accuracy (percent).
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == truth
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    table = pd.DataFrame({"bin": place, "confidence": 100 * confidence, "accuracy": 100.0 * right})
    groups = table.groupby("bin")
    return groups.mean().assign(pictures=groups.size()).reset_index(drop=True)


def calibration_error(bins: pd.DataFrame) -> float:
    """Expected calibration error in points: mean distance of accuracy and confidence over the pictures (Guo et al.)."""
    return float(np.average((bins["accuracy"] - bins["confidence"]).abs(), weights=bins["pictures"]))


def calibrated_runs(runs: list[Run]) -> list[Run]:
    """Of the runs, those with a validation split: on FER2013 and FERm, without those of an ablation."""
    datasets = ("fer2013", "ferm")
    return [run for name in datasets for of_model in by_model(runs, name).values() for run in of_model]


def calibration_table(runs: list[Run]) -> pd.DataFrame:
    """A row per run: fitted on the validation split, measured on the test split.

    Returns:
        DataFrame: dataset, model, seed, temperature, error and error_calibrated (expected calibration error in
        points), loss and loss_calibrated (negative log-likelihood in nats), threshold (a probability, percent),
        coverage (percent of the test pictures whose prediction is sure), precision (percent of these that are right).
    """
    rows = []
    for run in runs:
        temperature, threshold = astuple(calibrate(read_predictions(run, "valid")))
        probabilities, truth = _arrays(read_predictions(run))
        softened = soften(probabilities, temperature)
        sure = softened.max(1) >= threshold
        row = {"dataset": run.dataset, "model": run.model, "seed": run.seed, "temperature": temperature}
        for word, values in {"": probabilities, "_calibrated": softened}.items():
            row[f"error{word}"] = calibration_error(reliability(values, truth))
            row[f"loss{word}"] = negative_log_likelihood(values, truth)
        right = (softened.argmax(1) == truth)[sure]
        row |= {"threshold": 100 * threshold, "coverage": 100 * sure.mean()}
        rows.append(row | {"precision": 100 * right.mean() if sure.any() else np.nan})
    return pd.DataFrame(rows)


def reliability_diagram(runs: list[Run]) -> Figure:
    """Accuracy over confidence on the test split, before and after calibration; a panel per run."""
    figure, axes = panels(len(runs), 4.1, 3.4, sharex=True, sharey=True)
    for run, ax in zip(runs, axes, strict=True):
        fitted = calibrate(read_predictions(run, "valid"))
        probabilities, truth = _arrays(read_predictions(run))
        ax.plot([0, 100], [0, 100], color="grey", linewidth=1, linestyle="--", label="as it should be")
        softened = soften(probabilities, fitted.temperature)
        for label, values, colour in (("as trained", probabilities, RED), ("calibrated", softened, BLUE)):
            bins = reliability(values, truth)
            ax.plot(bins["confidence"], bins["accuracy"], marker="o", markersize=3.5, color=colour, label=label)
        ax.set(title=f"{run.model}, {run.dataset}, seed {run.seed}", xlim=(0, 100), ylim=(0, 100))
    figure.supxlabel("confidence (%)", fontsize="medium")
    figure.supylabel("accuracy (%)", fontsize="medium")
    legend_above(figure, axes)
    return figure


def _arrays(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The probabilities (N, classes), and the number of the right class (N,)."""
    classes = predictions.columns.drop(["row", "label", "predicted"])
    return predictions[classes].to_numpy(float), classes.get_indexer(predictions["label"])
