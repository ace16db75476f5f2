import shutil
from dataclasses import replace

import pandas as pd
import pytest

from fer_nb import paths, study
from fer_nb.finished import read_history, read_metrics, read_predictions
from fer_nb.published import keep, origins, restore
from fer_nb.training import weights

RUN = study.Run("tiny", "ferm", "lightResNetl", 0)


@pytest.fixture
def kept(tree):
    """Study ``tiny``, kept, its runs on FERm gone; the content of each kept file by its path."""
    keep.keep_study("tiny")
    for run in study.training_runs("tiny"):
        if run.dataset == "ferm":
            shutil.move(run.folder, tree / run.name)
    return {path: path.read_bytes() for path in origins.kept_folder().rglob("*") if path.is_file()}


def test_a_kept_run_is_put_back_and_kept_again_as_it_was(tree, kept, capsys):
    restore.main(["tiny"])
    out = capsys.readouterr().out
    assert f"{RUN.name}: in {RUN.folder}" in out
    other = replace(RUN, seed=1)  # of which no weights are kept
    assert f"{other.name}: in {other.folder}" in out and not (other.folder / "weights.safetensors").exists()
    assert len(read_predictions(other)) and read_metrics(other)["seed"] == 1
    before = tree / RUN.name
    for name in ("history.csv", "predictions.csv"):
        assert (RUN.folder / name).read_bytes() == (before / name).read_bytes()
    assert len(read_history(RUN)) and len(read_predictions(RUN))
    assert weights.trained(RUN)[1] == weights.released("lightResNetl")[1]
    metrics = read_metrics(RUN)
    assert (metrics["started"], metrics["test_accuracy"]) == ("2026-11-20", 75.0)
    keep.keep_study("tiny")
    assert {path: path.read_bytes() for path in origins.kept_folder().rglob("*") if path.is_file()} == kept


def test_kept_tables_are_put_back_where_there_are_none(kept):
    tables = paths.REPORTS / "tiny/tables"
    made = (tables / "table-3-6.csv").read_bytes()
    (tables / "table-3-2.csv").unlink()
    (tables / "table-3-6.csv").write_text("made here\n")
    restore.main(["tiny"])
    assert (tables / "table-3-2.csv").read_bytes() == kept[origins.kept_folder() / "tiny/table-3-2.csv"]
    assert (tables / "table-3-6.csv").read_text() == "made here\n" != made.decode()
    assert not (tables / "origins.csv").exists()


def test_a_run_that_is_not_kept_is_named(kept, capsys):
    (origins.kept_folder() / "tiny/metrics/ferm-lightResNetl-seed1.json").unlink()
    restore.main(["tiny"])
    assert "ferm-lightResNetl-seed1: it is not kept: train it" in capsys.readouterr().out


def test_predictions_that_are_compressed_are_put_back_plain(kept, tree, monkeypatch):
    shutil.move(tree / RUN.name, RUN.folder)
    shutil.move(tree / "ferm-lightResNetl-seed1", RUN.folder.parent)
    monkeypatch.setattr(keep, "PLAIN", 100)
    keep.keep_study("tiny")
    plain = pd.read_csv(RUN.folder / "predictions.csv")
    shutil.rmtree(RUN.folder)
    assert restore.restore(RUN)
    pd.testing.assert_frame_equal(pd.read_csv(RUN.folder / "predictions.csv"), plain)
    shutil.rmtree(RUN.folder)
    packed = origins.kept_folder() / f"tiny/predictions/{RUN.name}.csv.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(SystemExit, match=r"csv\.gz is damaged .*: restore the file with git"):
        restore.main(["tiny"])
    assert not (RUN.folder / "metrics.json").exists()


def test_a_finished_run_is_left_as_it_is(kept):
    done = next(run for run in study.training_runs("tiny") if run.dataset != "ferm")
    before = {path: path.read_bytes() for path in done.folder.iterdir()}
    assert restore.restore(done)
    assert {path: path.read_bytes() for path in done.folder.iterdir()} == before


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--help"]])
def test_one_study_is_named(arguments):
    with pytest.raises(SystemExit, match=r"usage: python -m fer_nb\.published\.restore STUDY"):
        restore.main(arguments)


def test_an_unknown_study_is_refused():
    with pytest.raises(SystemExit, match=r"fer_nb\.published\.restore: .*nosuch"):
        restore.main(["nosuch"])
    assert not (paths.RUNS / "nosuch").exists()
