"""A run from its parameters to its files, with every step written down in place of the training."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from fer_nb import paths
from fer_nb.data.faceset import FER_CLASSES, FaceSet
from fer_nb.nets import by_name, genotypes
from fer_nb.parameters import defaults
from fer_nb.published import restore
from fer_nb.study import Run, genotype, training_parameters
from fer_nb.training import checkpoint, limits, one_run, weights
from fer_nb.training.protocol import Protocol

RUN = Run("test", "ferm", "lightResNetl", 0)
GIVEN = defaults(paths.NOTEBOOKS / "04_training.ipynb") | asdict(RUN)


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """The steps that were taken, each with the run's lock held."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    taken = []

    def step(name, result=None, then=lambda: None):
        def take(*_, **__):
            with pytest.raises(BlockingIOError):
                limits.alone(RUN.folder).__enter__()
            taken.append(name)
            then()
            return result

        return take

    def write():
        checkpoint.path(RUN.folder).touch()
        metrics = asdict(RUN) | {"number": len(taken), "parameters": GIVEN, "precision": "float32"}
        (RUN.folder / "metrics.json").write_text(json.dumps(metrics))

    clear = checkpoint.clear
    monkeypatch.setattr(one_run.train, "fit_in_lock", step("fit"))
    monkeypatch.setattr(one_run.predict, "table", step("predict"))
    monkeypatch.setattr(one_run.finish, "finish", step("finish", {"number": 3}, write))
    monkeypatch.setattr(one_run.checkpoint, "clear", step("clear", then=lambda: clear(RUN.folder)))
    return taken


def prepared():
    return one_run.Prepared(RUN, None, None, None, Protocol(epochs=1, batch_size=2), {"parameters": GIVEN})


def test_the_lock_is_held_until_the_files_are_written(steps):
    one_run.complete(prepared())
    assert steps == ["fit", "predict", "finish"] and checkpoint.path(RUN.folder).exists()


def test_a_run_that_another_process_finished_meanwhile_is_not_trained_again(steps):
    assert one_run.complete_once(prepared()) == {"number": 3}
    assert steps == ["fit", "predict", "finish", "clear"] and not checkpoint.path(RUN.folder).exists()
    assert one_run.complete_once(prepared())["number"] == 3 and len(steps) == 4
    checkpoint.path(RUN.folder).touch()  # whose process ended before its last step
    one_run.complete_once(prepared())
    assert len(steps) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 200}, "made with epochs = 5, the study now has 200: delete or move the run's folder"),
        ({"data": "real"}, "made with data = synthetic"),
        ({"pool": "4x4"}, "made with pool = global"),
        ({"sizes": [[24, 1], [44, 4]]}, r"made with sizes = \[\]"),
        ({"votes": ["ferm"]}, "made with votes = False, the study now has True"),
        ({"precision": "bfloat16"}, "made with precision = float32"),
        ({"minutes": 3.0, "heap": False, "precision": "float32"}, None),
    ],
)
def test_a_run_that_other_parameters_made_does_not_count_as_finished(steps, change, message):
    assert not one_run.rests(RUN, GIVEN)
    one_run.complete_once(prepared())
    assert one_run.rests(RUN, GIVEN)
    if message is None:
        assert one_run.rests(RUN, GIVEN | change)
    else:
        with pytest.raises(ValueError, match=f"metrics.json: {message}"):
            one_run.rests(RUN, GIVEN | change)


def test_a_parameter_that_came_after_a_run_makes_it_no_other(steps):
    one_run.complete_once(prepared())
    file = RUN.folder / "metrics.json"
    metrics = json.loads(file.read_text())
    del metrics["parameters"]["sizes"], metrics["parameters"]["minutes"]
    file.write_text(json.dumps(metrics))
    assert one_run.rests(RUN, GIVEN)


def write_metrics(run, **facts):
    run.folder.mkdir(parents=True, exist_ok=True)
    (run.folder / "metrics.json").write_text(json.dumps(asdict(run) | facts))


def test_a_run_that_has_lost_a_file_is_trained_again(steps):
    write_metrics(RUN, parameters=GIVEN, files={"history.csv": "ab12"})
    assert not one_run.rests(RUN, GIVEN)
    assert one_run.complete_once(prepared()) == {"number": 3} and steps[0] == "fit"


def test_a_teacher_that_other_parameters_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    monkeypatch.setattr(one_run.datasets, "checksums", lambda name, data: {})
    split = np.repeat(["train", "test"], 4)
    empty = np.full(8, "")
    faces = FaceSet(np.zeros((8, 48, 48), np.uint8), np.arange(8) % 7, FER_CLASSES, split, empty, empty, np.arange(8))
    monkeypatch.setattr(one_run.datasets, "load", lambda name, data: faces)
    taught = Run("test", "ferm", "lightResNetm", 0)
    monkeypatch.setattr(weights, "teacher_of", lambda run, name, classes: by_name.build(taught, 7))
    given = GIVEN | {"teacher": "lightResNetm", "teacher_weight": 0.5}
    write_metrics(taught, parameters=training_parameters(taught))
    assert one_run.prepare(RUN, given).teacher is not None
    write_metrics(taught, parameters=training_parameters(taught) | {"epochs": 77})
    with pytest.raises(ValueError, match=r"ferm-lightResNetm-seed0/metrics.json: made with epochs = 77, the study now"):
        one_run.prepare(RUN, given)


@pytest.mark.parametrize("study", ["hours", "emonas-hours"])
def test_kept_runs_that_are_put_back_are_finished(study, tmp_path, monkeypatch):
    """By the parameters that their study has now."""
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    kept = [weights.about(file) for file in weights.kept_files() if file.parents[1].name == study]
    for facts in kept:
        run = Run(study, facts["dataset"], facts["model"], facts["seed"], facts["change"])
        assert restore.restore(run) and one_run.rests(run, training_parameters(run))
    assert kept


def test_a_run_whose_net_was_found_anew_does_not_count_as_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    run = Run("emonas", "ckplus-subject1", "EmoNAS", 0)
    given, file = training_parameters(run), genotype(run.study, run.model, run.seed)
    found = by_name.searched(genotypes.KNOWN["DARTS_V2"], **by_name.SHAPE)
    write_metrics(run, parameters=given, net={"model": "EmoNAS", "classes": 7, **found})
    assert one_run.rests(run, given)  # its search has not run here
    file.parent.mkdir(parents=True)
    genotypes.save(file, genotypes.KNOWN["DARTS_V2"], by_name.SHAPE)
    assert one_run.rests(run, given)
    genotypes.save(file, genotypes.KNOWN["PDARTS"], by_name.SHAPE)
    with pytest.raises(ValueError, match=r"metrics.json: made with genotype = .*, the study now has .*: delete or"):
        one_run.rests(run, given)
