"""Trained nets by name: those that are kept in git, which work without training, and those of a study's finished runs.

Kept are the weights of lightResNetl, lightResNetm and found nets trained on FERm or FER2013, in half precision (5, 8
and about 1 MB), under ``reports/reference/<study>/weights/``. ``python -m fer_nb.published STUDY`` puts them there.

The header of a file of weights holds JSON under the key ``fer_nb``: ``net``, the description of by_name.py that the
net is built from, and ``classes``, their names in the order of the logits; of a kept file more (``about``).
"""

import json
from pathlib import Path

import safetensors
from safetensors.torch import save_file
from torch import nn

from fer_nb import paths
from fer_nb.files import sha256
from fer_nb.finished import REMEDY, finished_file, is_finished, read_metrics
from fer_nb.nets import by_name
from fer_nb.study import Run, sized
from fer_nb.training.predict import load_weights

KEPT = ("lightResNetl", "lightResNetm", "EmoNAS")  # the last one of any size, as EmoNAS_16x6
KEPT_ON = ("ferm", "fer2013")  # the data sets they are trained on; not CK+, whose licence is narrower
BEFORE = {"pool": "global", "block_relu": False}  # of nets in files that were kept without a description


def released(model: str, dataset: str = "ferm") -> tuple[nn.Module, tuple[str, ...]]:
    """A net with the weights that are kept in git: ``net, classes = released("lightResNetl")``, trained on FERm.

    A found net is named without its size: "EmoNAS". Of several files the one with the best accuracy on the valid split
    is taken (``about`` tells which study's).

    Returns:
        The net on the CPU in eval mode, float32, which takes (N, 3, 44, 44) in [0, 1] and gives (N, classes) logits;
        ``predict.predict`` gives it uint8 pictures. And the names of the classes in the order of the logits.

    Raises:
        FileNotFoundError: no weights of this net, trained on this data set, are kept.
        ValueError: the file is damaged.
    """
    return from_file(released_file(model, dataset))


def trained(run: Run) -> tuple[nn.Module, tuple[str, ...]]:
    """The net of a finished run of a study, and its classes, as ``released`` gives them.

    It is built from the description in its file, not from the parameters that the study has now. Raises
    FileNotFoundError where the run has not finished, ValueError where its weights are damaged.
    """
    read_metrics(run)  # written last: without it the run has not finished
    return from_file(finished_file(run, "weights.safetensors"), REMEDY)


def from_file(path: Path, remedy: str = "restore the file with git") -> tuple[nn.Module, tuple[str, ...]]:
    """The net that a file of weights describes, with these weights, in eval mode; and its classes.

    Raises ValueError, which names ``remedy``, where the file is damaged or has no such header.
    """
    facts = about(path, remedy)
    try:
        net, classes = by_name.build_described(_description(facts)), tuple(facts["classes"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path}: its header describes no net ({error}): {remedy}") from error
    return load_weights(net, path).eval(), classes


def _description(facts: dict) -> dict:
    """``net`` of a header; of a file kept without it, from the parameters of the training."""
    if "net" in facts:
        return facts["net"]
    given = {name: facts["parameters"].get(name, default) for name, default in BEFORE.items()}
    return {"model": facts["model"], "classes": len(facts["classes"])} | given


def teacher_of(run: Run, name: str, classes: tuple[str, ...] | None = None) -> nn.Module | None:
    """The net ``name`` as its finished run in the study of ``run`` left it, same data set and seed; None for "".

    Raises ValueError where ``name`` is the net of ``run`` itself or was trained on other than ``classes`` (where they
    are given), FileNotFoundError where its run is not finished.
    """
    if not name:
        return None
    if name == run.model:
        raise ValueError(f"teacher {name} is the net that it would teach: name another one, or none")
    taught = Run(run.study, run.dataset, name, run.seed)
    if not is_finished(taught):
        raise FileNotFoundError(f"{taught.name}, the teacher of {run.name}, has not finished: train it first")
    net, known = trained(taught)
    if classes is not None and known != classes:
        raise ValueError(
            f"teacher {taught.name} knows the classes {', '.join(known)}, {run.name} has {', '.join(classes)}: "
            "train the teacher again on the same classes"
        )
    return net


def save_weights(path: Path, model: nn.Module, classes: list[str]) -> None:
    """Write the weights of a net of ``by_name.build`` with its description and the names of its classes."""
    values = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(values, path, {"fer_nb": json.dumps({"net": model.description, "classes": list(classes)})})


def released_file(model: str, dataset: str = "ferm") -> Path:
    """The file that ``released`` takes. Raises as ``released`` does."""
    every = {path: about(path) for path in kept_files()}
    found = {path: facts for path, facts in every.items() if _names(facts) == (model, dataset)}
    if not found:
        raise FileNotFoundError(
            f"no weights of {model!r} on {dataset!r} are kept under reports/reference: train one of"
            f" {', '.join(KEPT)} on {' or '.join(KEPT_ON)} and "
            "keep it with `python -m fer_nb.published STUDY`, or take the net of a finished run by weights.trained. "
            "Kept weights are in fer_nb's checkout, not in what pip installs: clone it and `pip install -e .`"
        )
    best = max(found, key=lambda path: found[path]["valid_accuracy"])
    sums = kept_sums()
    text = sums.read_text() if sums.exists() else digest_line(best)
    if digest_line(best) not in text:
        raise ValueError(f"{best}: not the file that was kept, by {sums}: restore the file with git")
    return best


def kept_nets(dataset: str = "ferm") -> list[str]:
    """Those of ``KEPT`` whose weights on this data set are kept."""
    found = [_names(about(path)) for path in kept_files()]
    return [name for name in KEPT if (name, dataset) in found]


def _names(facts: dict) -> tuple[str, str]:
    """The names by which ``released`` knows a file with this header."""
    return sized(str(facts.get("model")))[0], str(facts.get("dataset"))


def kept_sums() -> Path:
    """The file of the SHA-256 of each of ``kept_files``, as ``sha256sum`` writes it."""
    return paths.REPORTS / "reference" / "weights.sha256"


def digest_line(path: Path) -> str:
    """The line of one of ``kept_files`` in ``kept_sums``."""
    return f"{sha256(path)}  {path.relative_to(kept_sums().parent).as_posix()}\n"


def kept_files() -> list[Path]:
    """The files of weights that are kept, of all studies, in order."""
    return sorted(kept_sums().parent.glob("[!.]*/weights/*.safetensors"))


def about(path: Path, remedy: str = "restore the file with git") -> dict:
    """What the header of a file says; of a kept one metrics.json of its run too, and what ``published.keep`` adds.

    Raises ValueError, which names ``remedy``, where the file is damaged or has no such header.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            return json.loads(file.metadata()["fer_nb"])
    except (safetensors.SafetensorError, TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path}: no weights as fer_nb keeps them: {remedy}") from error
    except OSError as error:
        raise FileNotFoundError(f"{path}: no such file: {remedy}") from error
