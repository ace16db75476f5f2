"""Train one run of a study, or all of them, without Jupyter: the files that notebook 04 leaves, but no page.

    python -m fer_nb.training STUDY DATASET MODEL SEED [--change NAME] [--minutes M]
    python -m fer_nb.training STUDY [--at-once N] [--minutes M]

Needed are torch, numpy, pandas, scikit-learn, statsmodels, safetensors, tqdm and ruamel.yaml. A run that was
interrupted goes on after its last whole epoch; one that is finished is left as it is, and refused where the study's
parameters are no longer those that made it. Of a whole study each run is a process of its own, N at a time, which
prints into training.log in the run's folder: several small nets share a GPU better than they take turns.

Exit status: 0 where the run is finished, 1 where it failed, 2 where it is refused, 3 where its time was used up or too
short for an epoch; of a whole study, whose runs share the time, the worst of its runs, in the order 1, 2, 3, 0.
"""

import argparse
import math
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import torch
from tqdm import tqdm

from fer_nb import paths, study
from fer_nb.nets import by_name, device
from fer_nb.study import Run
from fer_nb.training import one_run, words

DONE, FAILED, REFUSED, STOPPED = 0, 1, 2, 3
IN_WORDS = {DONE: "finished", FAILED: "failed", REFUSED: "refused", STOPPED: "stopped by its limit of time"}


def named_run(given: argparse.Namespace) -> Run:
    """The run that the command names; ValueError or FileNotFoundError where the study has no such run."""
    study.study_folder(given.study)
    run = study.planned(given.study, given.dataset, given.model, given.seed)
    by_name.describe(run, 1)  # raises for an unknown net, before the pictures are read
    return replace(run, change=given.change)


def train_one(run: Run, minutes: float | None) -> int:
    """Train ``run`` in this process; the exit status. Errors go to stderr, in one line."""
    try:
        parameters = study.training_parameters(run)
        if minutes is not None:
            parameters["minutes"] = minutes
        if one_run.rests(run, parameters):
            print(f"{run.name} of study {run.study} is finished: {run.folder}")
            return DONE
        prepared = one_run.prepare(run, parameters)
        precision = device.number_format(prepared.protocol.precision)
        print(f"{run.name} with torch {torch.__version__} on {device.describe()}, {precision}")
        print(words.recipe_in_words(prepared.protocol, parameters["teacher"], parameters["drop_repeats"]), flush=True)
        metrics = one_run.complete_once(prepared)
    except TimeoutError as error:
        print(f"fer_nb.training: {error}")
        return STOPPED
    except (ValueError, FileNotFoundError, BlockingIOError) as error:
        print(f"fer_nb.training: {error}", file=sys.stderr)
        return REFUSED
    except (FloatingPointError, MemoryError, OSError) as error:
        print(f"fer_nb.training: {error}", file=sys.stderr)
        return FAILED
    print(words.result_in_words(metrics))
    return DONE


def train_all(runs: list[Run], at_once: int, minutes: float | None) -> int:
    """Train each of ``runs`` in a process of its own, teachers before their students; the worst exit status.

    ``minutes``: for all of them together, 0 for no limit; None for what the study says of each.
    """
    taught = [run for run in runs if study.teacher(run)]
    start, ended = time.monotonic(), {}

    def train(run):
        run.folder.mkdir(parents=True, exist_ok=True)
        log = run.folder / "training.log"
        command = [sys.executable, "-m", "fer_nb.training", run.study, run.dataset, run.model, str(run.seed)]
        command += ["--change", run.change]
        if minutes is not None:
            left = minutes - (time.monotonic() - start) / 60
            if minutes and (left <= 0 or ended.get(study.teacher(run)) == STOPPED):
                return run, log, STOPPED
            command += ["--minutes", str(left if minutes else 0)]  # not rounded: "0.00" would be no limit
        with log.open("a") as file:
            return run, log, subprocess.run(command, stdout=file, stderr=file, cwd=paths.ROOT).returncode

    with ThreadPoolExecutor(at_once) as pool, tqdm(total=len(runs), desc="runs") as bar:
        for part in ([run for run in runs if run not in taught], taught):
            for run, log, status in pool.map(train, part):
                ended[run] = status
                bar.update()
                bar.write(f"{run.name}: {IN_WORDS.get(status, f'died with status {status}')} ({log})")
    found = {DONE, *ended.values()}
    return next(status for status in (*(found - set(IN_WORDS)), FAILED, REFUSED, STOPPED, DONE) if status in found)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fer_nb.training", description="Train runs of a study without Jupyter.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("dataset", metavar="DATASET", nargs="?", help="without it: all runs of the study")
    parser.add_argument("model", metavar="MODEL", nargs="?")
    parser.add_argument("seed", metavar="SEED", nargs="?", type=int)
    parser.add_argument("--change", default="", metavar="NAME", help="of the study's ablation.yaml")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop at the end of an epoch before these are over")
    parser.add_argument("--at-once", type=int, default=1, metavar="N", help="runs at a time, where all are trained")
    given = parser.parse_args(arguments)
    if given.dataset and given.seed is None:
        parser.error("name DATASET, MODEL and SEED for one run, none of them for all runs of the study")
    if given.change and not given.dataset:
        parser.error("--change is of one run: name DATASET, MODEL and SEED too, or leave it out")
    if given.at_once != 1 and given.dataset:
        parser.error("--at-once is for all runs of a study: leave it out, or DATASET, MODEL and SEED")
    try:
        if given.minutes is not None and not 0 <= given.minutes < math.inf:
            raise ValueError(f"--minutes is {given.minutes:g}: choose a number from 0, which is no limit")
        if not given.dataset:
            study.study_folder(given.study)
            if given.at_once < 1:
                raise ValueError(f"--at-once is {given.at_once}: choose 1 or more")
            return train_all(study.training_runs(given.study), given.at_once, given.minutes)
        run = named_run(given)
    except (ValueError, FileNotFoundError) as error:
        print(f"fer_nb.training: {error}", file=sys.stderr)
        return REFUSED
    return train_one(run, given.minutes)


if __name__ == "__main__":
    sys.exit(main())
