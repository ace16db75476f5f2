"""Train one run of a study without Jupyter: it leaves the files that notebook 04 leaves, but no page.

    python -m fer_nb.training STUDY DATASET MODEL SEED [--change NAME] [--minutes M]

Needed are torch, numpy, pandas, scikit-learn, statsmodels, safetensors, tqdm and ruamel.yaml. A run that was
interrupted goes on after its last whole epoch; one that is finished is left as it is.

Exit status: 0 where the run is finished, 1 where it failed, 2 where it is refused, 3 where its time was used up.
"""

import argparse
import sys
from dataclasses import replace

import torch

from fer_nb import study
from fer_nb.nets import device
from fer_nb.training import checkpoint, one_run, words


def run_of(given: argparse.Namespace) -> study.Run:
    """The run that the command names; ValueError, FileNotFoundError where the study has no such run."""
    study.study_folder(given.study)
    run = study.planned(given.study, given.dataset, given.model, given.seed)
    return replace(run, change=given.change)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="fer_nb.training", description="Train one run of a study without Jupyter.")
    parser.add_argument("study", metavar="STUDY")
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("seed", metavar="SEED", type=int)
    parser.add_argument("--change", default="", metavar="NAME", help="of the study's ablation.yaml")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop at the end of an epoch before they are over")
    given = parser.parse_args(arguments)
    try:
        run = run_of(given)
        parameters = study.training_parameters(run)
        if given.minutes is not None:
            parameters["minutes"] = given.minutes
        if (run.folder / "metrics.json").exists() and not checkpoint.path(run.folder).exists():
            print(f"{run.name} of study {run.study} is finished: {run.folder}")
            return 0
        prepared = one_run.prepare(run, parameters)
        print(f"{run.name} with torch {torch.__version__} on {device.describe()}, {device.number_format('auto')}")
        print(words.additions_in_words(prepared.protocol, parameters["teacher"], parameters["drop_repeats"]))
        *_, metrics = one_run.complete(prepared)
    except TimeoutError as error:
        print(f"fer_nb.training: {error}")
        return 3
    except (ValueError, FileNotFoundError, BlockingIOError) as error:
        print(f"fer_nb.training: {error}", file=sys.stderr)
        return 2
    except (FloatingPointError, MemoryError, OSError) as error:
        print(f"fer_nb.training: {error}", file=sys.stderr)
        return 1
    print(words.result_in_words(metrics))
    checkpoint.clear(run.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
