"""Trained nets by name: those that are kept in git, which work without training, and those of a study's finished runs.

Kept are the weights of lightResNetl and lightResNetm trained on FERm, in half precision (5 and 8 MB), under
``reports/reference/<study>/weights/``. ``python -m fer_nb.published STUDY`` puts them there.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path

import safetensors
from torch import nn

from fer_nb import paths, study
from fer_nb.finished import read_predictions
from fer_nb.nets import by_name, models
from fer_nb.study import Run
from fer_nb.training.predict import load_weights

KEPT = ("lightResNetl", "lightResNetm")  # on FERm; none from CK+, whose licence is narrower
ARCHITECTURE = ("pool", "block_relu")  # the parameters of notebook 04 that models.build takes


def released(model: str) -> tuple[nn.Module, tuple[str, ...]]:
    """A net trained on FERm, with the weights that are kept in git: ``net, classes = released("lightResNetl")``.

    Of several files the one with the best accuracy on the validation side is taken (``about`` tells which study's).

    Returns:
        The net on the CPU in eval mode, float32, which takes (N, 3, 44, 44) in [0, 1] and gives (N, classes) logits;
        ``predict.predict`` gives it uint8 pictures. And the names of the classes in the order of the logits.

    Raises:
        FileNotFoundError: no weights of this net are kept.
        ValueError: the file is damaged.
    """
    path = released_file(model)
    facts = about(path)
    build = functools.partial(models.build, model)
    return _filled(build, facts["classes"], facts["parameters"], path), tuple(facts["classes"])


def trained(run: Run) -> tuple[nn.Module, tuple[str, ...]]:
    """The net of a finished run of a study, and its classes, as ``released`` gives them.

    Raises FileNotFoundError where the run has not finished, ValueError where its weights are damaged.
    """
    classes = tuple(read_predictions(run).columns[3:])
    build = functools.partial(by_name.build, run)
    return _filled(build, classes, study.training_parameters(run), run.folder / "weights.safetensors"), classes


def _filled(build: Callable, classes, parameters: dict, path: Path) -> nn.Module:
    net = build(len(classes), **{name: parameters[name] for name in ARCHITECTURE if name in parameters})
    return load_weights(net, path).eval()


def released_file(model: str) -> Path:
    """The file that ``released`` takes. Raises as ``released`` does."""
    found = {path: facts for path in kept_files() if (facts := about(path))["model"] == model}
    if not found:
        raise FileNotFoundError(
            f"no weights of {model!r} are kept under reports/reference: train one of {' and '.join(KEPT)} on FERm and "
            "keep it with `python -m fer_nb.published STUDY`, or take the net of a finished run by weights.trained"
        )
    return max(found, key=lambda path: found[path]["valid_accuracy"])


def kept_files() -> list[Path]:
    """The files of weights that are kept, of all studies, in order."""
    return sorted((paths.REPORTS / "reference").glob("[!.]*/weights/*.safetensors"))


def about(path: Path) -> dict:
    """What the header of a kept file says: the run's metrics.json, and what ``reference.pack`` adds to it.

    Raises ValueError where the file is damaged or has no such header.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            return json.loads(file.metadata()["fer_nb"])
    except (safetensors.SafetensorError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: no weights as fer_nb keeps them: restore the file with git") from error
