"""``python -m fer_nb.published.restore STUDY`` puts kept runs back under ``runs/`` and kept tables under ``reports/``.

Its notebooks then read them as if they had been made here: to look at results without training, or to add runs on
another machine and keep the study again (``keep.keep_study`` says which notebooks need not run). Kept again as they
are, the runs give the same files.
"""

import gzip
import json
import sys
from pathlib import Path

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.finished import is_finished
from fer_nb.published.origins import kept_folder
from fer_nb.study import Run, training_runs
from fer_nb.training import weights
from fer_nb.training.finish import write_files

ADDED = ("run", "classes", "calibration", "date")  # by keep.py, to what metrics.json says


def restore(run: Run) -> bool:
    """Write the files of a kept run into its folder; False where its predictions are not kept.

    The weights, where they are kept, are in float32, rounded to half precision; ``started`` is the day alone. A run
    that has finished is left as it is, and True returned. Raises ValueError where a kept file is damaged.
    """
    if is_finished(run):
        return True
    kept = kept_folder() / run.study
    predictions = [path for path in (kept / "predictions").glob(f"{run.name}.csv*") if path.suffix in (".csv", ".gz")]
    packed, bare = kept / "weights" / f"{run.model}-{run.dataset}.safetensors", kept / "metrics" / f"{run.name}.json"
    writers = {
        "history.csv": lambda path: path.write_bytes((kept / "histories" / f"{run.name}.csv").read_bytes()),
        "predictions.csv": lambda path: path.write_bytes(_content(predictions[0])),
    }
    facts = weights.about(packed) if packed.exists() else {}
    if facts.get("run") == run.name:
        net, classes = weights.from_file(packed)
        writers["weights.safetensors"] = lambda path: weights.save_weights(path, net, list(classes))
    else:
        facts = json.loads(bare.read_text()) if bare.exists() else {}
    if not (facts and predictions):
        return False
    metrics = {name: value for name, value in facts.items() if name not in ADDED} | {"started": facts["date"]}
    write_files(run, writers, metrics)
    return True


def restore_tables(study: str) -> None:
    """Write the kept tables of a study into ``reports/<study>/tables/``, where it has none of that name."""
    for kept in sorted((kept_folder() / study).glob("[!.]*.csv")):
        table = paths.REPORTS / study / "tables" / kept.name
        if kept.name != "origins.csv" and not table.exists():
            table.parent.mkdir(parents=True, exist_ok=True)
            with replacing(table) as partial:
                partial.write_bytes(kept.read_bytes())


def _content(path: Path) -> bytes:
    """Of a kept file of predictions, decompressed. Raises ValueError where it is damaged."""
    content = path.read_bytes()
    try:
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except (OSError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}): restore the file with git") from error


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit("usage: python -m fer_nb.published.restore STUDY")
    try:
        for run in training_runs(arguments[0]):
            there = restore(run)
            print(f"{run.name}: {f'in {run.folder}' if there else 'it is not kept: train it'}")
        restore_tables(arguments[0])
    except (OSError, ValueError) as error:
        sys.exit(f"fer_nb.published.restore: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
