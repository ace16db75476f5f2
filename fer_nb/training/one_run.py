"""One training run from its parameters to its kept files: what notebook 04 and ``python -m fer_nb.training`` share."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

import pandas as pd
import torch
from torch import nn

from fer_nb import machine, paths
from fer_nb.data import datasets
from fer_nb.data.faceset import FaceSet
from fer_nb.finished import is_finished, read_metrics
from fer_nb.nets import by_name
from fer_nb.parameters import defaults, settings
from fer_nb.study import Run, training_parameters
from fer_nb.training import checkpoint, finish, limits, predict, train, weights
from fer_nb.training.protocol import Protocol, uses_votes


@dataclass(frozen=True)
class Prepared:
    """What a run needs: pictures, the untrained net, its teacher (or None), the settings; and what makes it."""

    run: Run
    faces: FaceSet
    net: nn.Module
    teacher: nn.Module | None
    protocol: Protocol
    made: dict  # see ``finish.finish``


def prepare(run: Run, given: Mapping) -> Prepared:
    """Read the pictures and build the net.

    Args:
        run: which run.
        given: the parameters of notebook 04, by name; those that say which run it is are taken from ``run``.

    Raises ValueError where a setting, the data set or the net does not fit or other parameters than the study's made
    the teacher, FileNotFoundError where the data or the teacher's finished run are missing.
    """
    given = {name: given[name] for name in defaults(paths.NOTEBOOKS / "04_training.ipynb")} | asdict(run)
    protocol = settings(Protocol, given | {"votes": uses_votes(given["votes"], run.dataset)})
    started, commit = datetime.now(UTC).isoformat(timespec="seconds"), machine.commit()  # before anything takes long
    faces = datasets.load(run.dataset, given["data"])
    train.refuse_without_test_split(faces, run.dataset)
    if given["drop_repeats"]:
        faces = datasets.without_repeats(faces)
    torch.manual_seed(run.seed)  # of the first weights
    net = by_name.build(run, len(faces.classes), given["pool"], given["block_relu"])
    checksums = datasets.checksums(run.dataset, given["data"])
    made = {"started": started, "commit": commit, "checksums": checksums, "parameters": given}
    teacher = weights.teacher_of(run, given["teacher"], faces.classes)
    if teacher is not None:
        taught = Run(run.study, run.dataset, given["teacher"], run.seed)
        rests(taught, training_parameters(taught))
    train.refuse_impossible(protocol, net, faces, teacher)
    return Prepared(run, faces, net, teacher, protocol, made)


def complete(prepared: Prepared) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    """Train, predict by ten crops and write the run's files: (history, predictions, metrics).

    They are those of ``train.fit``, ``predict.table`` and ``finish.finish``. The run's lock is held throughout. The
    checkpoint stays: ``checkpoint.clear`` deletes it. Raises as ``train.fit``.
    """
    with limits.alone(prepared.run.folder):
        return _complete(prepared)


def complete_once(prepared: Prepared) -> dict:
    """The metrics of the run: ``complete``, then the checkpoint is deleted, unless another process has done it since.

    Raises as ``train.fit`` and ``rests``.
    """
    run = prepared.run
    with limits.alone(run.folder):
        if rests(run, prepared.made["parameters"]):
            return read_metrics(run)
        *_, metrics = _complete(prepared)
        checkpoint.clear(run.folder)
        return metrics


def rests(run: Run, given: Mapping) -> bool:
    """Whether the run is finished by ``given`` and nothing is left to do: its files are there, its checkpoint is not.

    Raises ValueError, as of a checkpoint, where other parameters of notebook 04 decided what it learned, or its net is
    described otherwise now (after a new search). A parameter that metrics.json lacks came later: the run had its
    default.
    """
    if not is_finished(run) or checkpoint.path(run.folder).exists():
        return False
    metrics, known = read_metrics(run), defaults(paths.NOTEBOOKS / "04_training.ipynb")
    if not all((run.folder / name).exists() for name in metrics.get("files", {})):
        return False
    made, now = (_decisive(run, known | dict(of)) for of in (metrics.get("parameters", {}), given))
    if given["precision"] != "auto":
        made["precision"], now["precision"] = metrics.get("precision"), given["precision"]
    if "net" in metrics:
        made |= metrics["net"]
        with suppress(FileNotFoundError):  # of a run that was put back where its search has not run
            now |= by_name.describe(run, made["classes"], now["pool"], now["block_relu"])
    for name, value in now.items():
        if made.get(name, value) != value:
            raise ValueError(
                f"{run.folder / 'metrics.json'}: made with {name} = {made[name]}, the study now has {value}: delete or "
                "move the run's folder to train it anew, or run the study by snakemake, which does so"
            )
    return True


def _decisive(run: Run, given: Mapping) -> dict:
    """The parameters that decide what ``run`` learns; of votes, whether they are its targets."""
    left_out = {one.name for one in fields(Protocol) if not one.metadata["learned"]} | asdict(run).keys()
    kept = {name: value for name, value in given.items() if name not in left_out}
    return kept | {"votes": run.dataset in given["votes"]}


def _complete(prepared: Prepared) -> tuple[pd.DataFrame, pd.DataFrame, dict]:
    run, faces, net, protocol = prepared.run, prepared.faces, prepared.net, prepared.protocol
    history = train.fit_in_lock(net, faces, run.folder, protocol, prepared.teacher)
    predictions = predict.table(net, faces, precision=protocol.precision, heap=protocol.heap)
    return history, predictions, finish.finish(run, net, history, predictions, prepared.made)
