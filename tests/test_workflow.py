"""The study `test` through Snakemake: run, rerun, failure, kill, and what a change makes run again."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import RUN, environment, snakemake


def planned(folder: Path) -> dict[str, int]:
    """The jobs that a dry run names, and how often."""
    done = snakemake(folder, "--dry-run", "--quiet", "rules")
    assert done.returncode == 0, done.stdout
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE)}


def to_train(folder: Path) -> set[tuple[str, str]]:
    """Data set and net of the training runs that a dry run names."""
    done = snakemake(folder, "--dry-run")
    assert done.returncode == 0, done.stdout
    return set(re.findall(r"wildcards: protocol=test, dataset=(\S+), model=(\S+), seed=", done.stdout))


def change(*modules: Path) -> None:
    for path in modules:
        with path.open("a") as file:
            file.write("\n# changed\n")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def study(finished, tmp_path) -> Path:
    """A copy of the finished checkout, to change."""
    return Path(shutil.copytree(finished, tmp_path / "checkout", symlinks=True))


def test_everything_is_made_and_a_rerun_does_nothing(finished):
    names = {path.stem for path in (finished / "params" / "test").glob("*.yaml")} - {"04_training"}
    trained = [Path(RUN).name, "ckplus-fold1-EmoNAS-seed0", "micro_dynamic-subject1-EmoNAS-seed0"]
    for name in names | {"index", *(f"04_training-{run}" for run in trained)}:
        assert (finished / "reports/test" / f"{name}.html").exists(), name
    for name in (*(f"table-{n}" for n in ("3-2", "3-3", "3-4", "3-6", "3-7", "9", "10")), "search", "summary"):
        assert (finished / "reports/test/tables" / f"{name}.csv").exists(), name
    before = os.times()
    again = snakemake(finished)
    after = os.times()
    assert again.returncode == 0 and "Nothing to be done" in again.stdout
    # processor time, which other work on the machine does not stretch as it does the clock
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5


def test_a_new_seed_trains_that_seed_alone(study):
    edit(study / "params/test/05_evaluation.yaml", "seeds: [0]", "seeds: [0, 1]")
    jobs = ["training", "05_evaluation", "11_efficiency", "12_summary", "index", "all"]
    assert planned(study) == dict.fromkeys(jobs, 1) | {"total": len(jobs)}


def test_an_ablation_and_a_teacher(study):
    folder = study / "params/test"
    with (folder / "04_training.yaml").open("a") as file:
        file.write("teacher: lightResNetm\nteacher_weight: 0.5\nema: 0.5\nmixup: 0.2\nerasing: 0.5\n")
    (folder / "ablation.yaml").write_text("alone: {teacher: ''}\n")
    evaluation = folder / "05_evaluation.yaml"
    for key, value in {"": "alone", "_nets": "lightResNetl", "_datasets": "ckplus-fold1"}.items():
        edit(evaluation, f"ablation{key}: []", f"ablation{key}: [{value}]")
    # the net, its teacher, and the net without one; EmoNAS on faces and on clips, where it needs another teacher
    assert planned(study)["training"] == 3 + 3
    done = snakemake(study, "reports/test/tables/ablation.csv")
    assert done.returncode == 0, done.stdout[-5000:]
    table = (study / "reports/test/tables/ablation.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in table[1:]] == ["none: the full recipe", "alone"]
    page = (study / f"reports/test/04_training-{Path(RUN).name}.html").read_text()
    assert "lightResNetm as the teacher (weight 0.5" in page
    assert "as the teacher" not in (study / f"reports/test/04_training-{Path(RUN).name}-alone.html").read_text()
    edit(folder / "ablation.yaml", "teacher: ''", "teacher_weight: 0.25")
    assert planned(study)["training"] == 1 + 3  # the change alone, and what ablation.csv did not ask for
    edit(evaluation, "[alone]", "[alon]")
    assert "no change 'alon': did you mean alone?" in snakemake(study).stdout.splitlines()[-1]


def test_what_only_shows_does_not_train(study):
    change(
        study / "fer_nb/evaluation/plots.py", study / "fer_nb/nas/searched.py", study / "params/test/05_evaluation.yaml"
    )
    jobs = planned(study)
    assert "training" not in jobs and "09_architecture_search" not in jobs
    assert jobs["05_evaluation"] == jobs["10_searched_networks"] == 1
    change(study / "fer_nb/training/train.py")
    assert planned(study)["training"] == 3


def test_searched_nets_and_clips_are_of_no_account_for_the_thesiss_nets(study):
    clips, thesis = ("micro_dynamic-subject1", "EmoNAS"), ("ckplus-fold1", "lightResNetl")
    change(study / "fer_nb/data/readers/casme.py")
    assert clips in (trained := to_train(study)) and thesis not in trained
    change(study / "fer_nb/nets/cells.py")
    assert to_train(study) == {clips, ("ckplus-fold1", "EmoNAS")}
    assert planned(study)["09_architecture_search"] == 1


def test_another_search_trains_the_nets_that_it_finds(study):
    """And no others; a search that goes on from another one's checkpoint would be refused."""
    edit(study / "params/test/09_architecture_search.yaml", "epochs: 1\nbatch", "epochs: 2\nbatch")
    assert to_train(study) == {("ckplus-fold1", "EmoNAS"), ("micro_dynamic-subject1", "EmoNAS")}
    genotype = "runs/test/09_architecture_search/EmoNAS-seed0.json"
    done = snakemake(study, genotype)
    assert done.returncode == 0, done.stdout[-5000:]
    assert '"epochs": 2' in (study / genotype).read_text()


def test_clips_are_drawn_before_they_are_needed(study):
    for folder in ("synthetic-micro", "test/04_training/micro_dynamic-subject1-EmoNAS-seed0"):
        shutil.rmtree(study / "runs" / folder)
    jobs = planned(study)
    assert jobs["micro"] == jobs["10_searched_networks"] == 1
    trained = to_train(study)
    assert ("micro_dynamic-subject1", "EmoNAS") in trained and ("ckplus-fold1", "lightResNetl") not in trained


def test_a_failure_is_shown_and_repaired(study):
    parameters = study / "params/test/02_ferm_construction.yaml"
    edit(parameters, "data: synthetic", "data: syntetic")
    failed = snakemake(study)
    assert failed.returncode != 0
    assert "02_ferm_construction failed: ValueError: unknown data 'syntetic'" in failed.stdout
    page = (study / "reports/test/02_ferm_construction.html").read_text()
    assert "unknown data" in page
    assert not (study / "reports/test/tables/table-3-4.csv").exists()
    edit(parameters, "data: syntetic", "data: synthetic")
    repaired = snakemake(study)
    assert repaired.returncode == 0, repaired.stdout[-5000:]
    assert (study / "reports/test/tables/table-3-4.csv").exists()
    assert "unknown data" not in (study / "reports/test/02_ferm_construction.html").read_text()


def test_a_killed_training_run_goes_on(study):
    edit(study / "params/test/04_training.yaml", "epochs: 1", "epochs: 4")
    target = f"{RUN}/metrics.json"
    command = [sys.executable, "-m", "snakemake", "--cores", "2", target, "--config", "study=test"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=study, env=environment(study), start_new_session=True, **quiet)
    checkpoint, deadline = study / RUN / "checkpoint.pt", time.monotonic() + 300
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(2)  # the kernel sees that its parent is gone
    assert checkpoint.exists() and not (study / target).exists()
    locked = snakemake(study, target)
    assert locked.returncode != 0 and "unlock" in locked.stdout
    assert snakemake(study, "--unlock").returncode == 0
    resumed = snakemake(study, target)
    assert resumed.returncode == 0, resumed.stdout[-5000:]
    assert "going on after epoch" in resumed.stdout
    assert (study / target).exists() and not checkpoint.exists()


@pytest.mark.parametrize(
    ("study", "expected"),
    [("ckplu", "no study 'ckplu' under params/: did you mean ckplus?"), ("thesis", "CK+")],
)
def test_what_is_missing_is_named_before_anything_runs(checkout, tmp_path, study, expected):
    done = snakemake(checkout, study=study, FER_NB_DATA=str(tmp_path))
    assert done.returncode != 0 and expected in done.stdout.splitlines()[-1]
    assert not (checkout / "runs" / study).exists()
