"""A run from its parameters to its files, with every step written down in place of the training."""

import json
from dataclasses import asdict

import pytest

from fer_nb import paths
from fer_nb.study import Run
from fer_nb.training import checkpoint, limits, one_run
from fer_nb.training.protocol import Protocol

RUN = Run("test", "ferm", "lightResNetl", 0)


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
        metrics = asdict(RUN) | {"number": len(taken)}
        (RUN.folder / "metrics.json").write_text(json.dumps(metrics))

    clear = checkpoint.clear
    monkeypatch.setattr(one_run.train, "fit_in_lock", step("fit"))
    monkeypatch.setattr(one_run.predict, "table", step("predict"))
    monkeypatch.setattr(one_run.finish, "finish", step("finish", {"number": 3}, write))
    monkeypatch.setattr(one_run.checkpoint, "clear", step("clear", then=lambda: clear(RUN.folder)))
    return taken


def prepared():
    return one_run.Prepared(RUN, None, None, None, Protocol(epochs=1, batch_size=2), {})


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
