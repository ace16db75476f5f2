"""The study `test` through Snakemake: run, rerun, failure, kill, and what a change makes run again."""

import html
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import RUN, environment, snakemake
from owners import write_ckplus


class Plan(NamedTuple):
    """What a dry run names: the jobs and how often; data set and net of the training runs."""

    jobs: dict[str, int]
    trained: set[tuple[str, str]]


def planned(folder: Path) -> Plan:
    done = snakemake(folder, "--dry-run")
    assert done.returncode == 0, done.stdout
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE)}
    return Plan(jobs, set(re.findall(r"wildcards: protocol=test, dataset=(\S+), model=(\S+), seed=", done.stdout)))


def add(path: Path, *lines: str) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def change(*modules: Path) -> None:
    for path in modules:
        add(path, "# changed")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.fixture
def study(finished, tmp_path) -> Path:
    """A copy of the finished checkout, to change."""
    return Path(shutil.copytree(finished, tmp_path / "checkout", symlinks=True))


def test_everything_is_made_and_a_rerun_does_nothing(finished):
    names = {path.stem for path in (finished / "params" / "quick").glob("*.yaml")} - {"04_training"}
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
    add(study / "params/test/05_evaluation.yaml", "seeds: [0, 1]")
    jobs = ["training", "00_background", "05_evaluation", "11_efficiency", "12_summary", "index", "all"]
    assert planned(study).jobs == dict.fromkeys(jobs, 1) | {"total": len(jobs)}


def test_an_ablation_and_a_teacher(study):
    folder = study / "params/test"
    add(folder / "04_training.yaml", "teacher: lightResNetm", "teacher_weight: 0.5", "ema: 0.5", "mixup: 0.2")
    add(folder / "ablation.yaml", "alone: {teacher: ''}")
    evaluation = folder / "05_evaluation.yaml"
    add(evaluation, "ablation: [alone]", "ablation_nets: [lightResNetl]", "ablation_datasets: [ckplus-fold1]")
    # the net, its teacher, and the net without one; EmoNAS on faces and on clips, where it needs another teacher
    assert planned(study).jobs["training"] == 3 + 3
    done = snakemake(study, "reports/test/tables/ablation.csv")
    assert done.returncode == 0, done.stdout[-5000:]
    table = (study / "reports/test/tables/ablation.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in table[1:]] == ["none: the full recipe", "alone"]
    page = (study / f"reports/test/04_training-{Path(RUN).name}.html").read_text()
    assert "lightResNetm as the teacher (weight 0.5" in page
    assert "as the teacher" not in (study / f"reports/test/04_training-{Path(RUN).name}-alone.html").read_text()
    edit(folder / "ablation.yaml", "teacher: ''", "teacher_weight: 0.25")
    assert planned(study).jobs["training"] == 1 + 3  # the change alone, and what ablation.csv did not ask for


def test_what_only_shows_does_not_train(study):
    shown = "evaluation/plots.py", "nas/searched.py"
    change(*(study / "fer_nb" / name for name in shown), study / "params/test/05_evaluation.yaml")
    change(study / "params/quick/02_ferm_construction.yaml")  # which study `test` extends
    jobs = planned(study).jobs
    assert "training" not in jobs and "09_architecture_search" not in jobs and "03_models" not in jobs
    assert jobs["02_ferm_construction"] == jobs["05_evaluation"] == jobs["10_searched_networks"] == 1
    change(study / "fer_nb/training/train.py")
    assert planned(study).jobs["training"] == 3


def test_searched_nets_and_clips_are_of_no_account_for_the_thesiss_nets(study):
    clips, thesis = ("micro_dynamic-subject1", "EmoNAS"), ("ckplus-fold1", "lightResNetl")
    change(study / "fer_nb/data/readers/casme.py")
    assert clips in (trained := planned(study).trained) and thesis not in trained
    change(study / "fer_nb/nets/cells.py")
    jobs, trained = planned(study)
    assert trained == {clips, ("ckplus-fold1", "EmoNAS")} and jobs["09_architecture_search"] == 1


def test_another_search_trains_the_nets_that_it_finds(study):
    """And no others; a search that goes on from another one's checkpoint would be refused."""
    searches = study / "params/test/09_architecture_search.yaml"
    edit(searches, "epochs: 1\nbatch", "epochs: 2\nbatch")
    add(searches, "searches: [EmoNAS]")
    assert planned(study).trained == {("ckplus-fold1", "EmoNAS"), ("micro_dynamic-subject1", "EmoNAS")}
    genotype = "runs/test/09_architecture_search/EmoNAS-seed0.json"
    done = snakemake(study, genotype)
    assert done.returncode == 0, done.stdout[-5000:]
    assert '"epochs": 2' in (study / genotype).read_text()


def test_clips_are_drawn_before_they_are_needed(study):
    for folder in ("synthetic-micro", "test/04_training/micro_dynamic-subject1-EmoNAS-seed0"):
        shutil.rmtree(study / "runs" / folder)
    jobs, trained = planned(study)
    assert jobs["micro"] == jobs["10_searched_networks"] == 1
    assert ("micro_dynamic-subject1", "EmoNAS") in trained and ("ckplus-fold1", "lightResNetl") not in trained


def test_a_failure_is_shown_and_repaired(study):
    """The last good table outlives it, and the stage runs again."""
    notebook, table = study / "notebooks/02_ferm_construction.ipynb", "reports/test/tables/table-3-4.csv"
    good = (study / table).read_bytes()
    edit(notebook, '"say(f\\"FERm keeps', '"1 / 0; say(f\\"FERm keeps')
    failed = snakemake(study, table)
    assert failed.returncode != 0
    assert "02_ferm_construction failed: ZeroDivisionError" in failed.stdout
    page = study / "reports/test/02_ferm_construction.html"
    assert "older than this failure: table-3-4" in page.read_text()
    assert "failed</span>" in (study / "reports/test/index.html").read_text()
    assert (study / table).read_bytes() == good
    assert planned(study).jobs["02_ferm_construction"] == 1
    edit(notebook, "1 / 0; ", "")
    os.utime(notebook, (1, 1))
    repaired = snakemake(study, table)
    assert repaired.returncode == 0, repaired.stdout[-5000:]
    assert (study / table).read_bytes() == good and "older than this failure" not in page.read_text()


def test_what_counts_is_the_content_not_the_time(study):
    """A file that was edited while its stage ran is older than what the stage left."""
    for path in (study / "params/test/03_models.yaml", study / "fer_nb/nets/diagrams.py"):
        os.utime(path)
    assert not planned(study).jobs
    change(study / "params/test/03_models.yaml", study / "fer_nb/training/recipe.py")
    for path in (study / "params/test/03_models.yaml", study / "fer_nb/training/recipe.py"):
        os.utime(path, (1, 1))
    jobs = planned(study).jobs
    assert jobs["03_models"] == 1 and jobs["training"] == 3 and "02_ferm_construction" not in jobs


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
    assert list((study / ".snakemake/locks").iterdir())
    resumed = snakemake(study, target)
    assert resumed.returncode == 0, resumed.stdout[-5000:]
    assert "going on after epoch" in resumed.stdout
    assert (study / target).exists() and not checkpoint.exists()


@pytest.mark.parametrize(
    ("study", "line", "expected"),
    [
        ("ckplu", "", "no study 'ckplu' under params/: did you mean ckplus?"),
        ("thesis", "", "CK+"),
        ("../ferm", "", "study '../ferm': name it with letters"),
        ("quick stduy=quick", "", "unknown key of --config 'stduy': did you mean study?"),
        ("mine", "data: reel", "params/mine/05_evaluation.yaml: unknown data 'reel': did you mean real?"),
        (
            "mine",
            "ablatio: [alone]",
            "params/mine/05_evaluation.yaml: unknown parameter ablatio: did you mean ablation?",
        ),
        ("mine", "seeds: 0", "params/mine/05_evaluation.yaml: seeds: expected a list, found 0: write [0]"),
        ("mine", "\tseeds: [0]", "params/mine/05_evaluation.yaml: line 1: found character"),
    ],
)
def test_what_is_refused_is_named_before_anything_runs(checkout, tmp_path, study, line, expected):
    if line:
        (checkout / "params/mine").mkdir(exist_ok=True)
        (checkout / "params/mine/05_evaluation.yaml").write_text(line)
    done = snakemake(checkout, study=study, FER_NB_DATA=str(tmp_path))
    told = done.stdout.splitlines()[-1]
    assert done.returncode != 0 and told.startswith("Snakefile: ") and expected in told
    assert not (checkout / "runs" / study).exists()
    if line:  # the study is there
        index = html.unescape((checkout / "reports" / study / "index.html").read_text())
        assert expected in index and "This study does not run" in index


def test_photographs_without_the_detector_of_their_regions_are_refused_before_anything_runs(checkout, tmp_path):
    write_ckplus(tmp_path / "ck+/CK+48", subjects=1)
    done = snakemake(checkout, "--dry-run", study="ckplus", FER_NB_DATA=str(tmp_path))
    assert done.returncode != 0 and "yunet: no YuNet model here" in done.stdout.splitlines()[-1]


def test_clips_that_nobody_draws_are_refused_before_anything_runs(checkout):
    (checkout / "params/clips").mkdir()
    (checkout / "params/clips/04_training.yaml").write_text("data: synthetic")
    (checkout / "params/clips/10_searched_networks.yaml").write_text(
        "datasets: [casme2_dynamic-subject1]\nnets: [EmoNAS]"
    )
    done = snakemake(checkout, "--dry-run", study="clips")
    assert done.returncode != 0 and 'casme2 with data "synthetic": choose "real"' in done.stdout.splitlines()[-1]
