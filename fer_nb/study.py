"""What a study trains: the runs (data set x model x seed) that its parameter files name."""

import ast
import difflib
import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from fer_nb import paths


@dataclass(frozen=True)
class Run:
    """One training run. ``study`` is the study whose protocol (04_training.yaml) trains it."""

    study: str
    dataset: str
    model: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.model}-seed{self.seed}"

    @property
    def folder(self) -> Path:
        """Where its history.csv, predictions.csv, metrics.json and weights.safetensors stand."""
        return paths.RUNS / self.study / "04_training" / self.name


def studies() -> list[str]:
    """The names of the studies: the folders under params/."""
    return sorted(path.name for path in paths.PARAMS.iterdir() if path.is_dir())


def folder(study: str) -> Path:
    """params/<study>; FileNotFoundError, with the nearest name, where there is no such study."""
    path = paths.PARAMS / study
    if not path.is_dir():
        near = difflib.get_close_matches(study, studies(), n=1) or studies()
        raise FileNotFoundError(f"no study {study!r} under params/: did you mean {', '.join(near)}?")
    return path


def parameters(study: str, notebook: str) -> dict:
    """The parameters that ``study`` gives to ``notebook`` (``"05_evaluation"``), as a dict.

    Raises FileNotFoundError where there is no such study or it has no such notebook.
    """
    path = folder(study) / f"{notebook}.yaml"
    if not path.exists():
        raise FileNotFoundError(f"params/{study}/{notebook}.yaml does not exist: add it, or choose another study")
    with path.open() as file:  # not its text alone: an error names the file
        return yaml.safe_load(file) or {}


def notebooks(study: str) -> list[str]:
    """The notebooks of a study in order: those it has a parameter file for, and 04 for its runs."""
    names = {path.stem for path in folder(study).glob("[0-9][0-9]_*.yaml")}
    return sorted(names | ({"04_training"} if "05_evaluation" in names else set()))


def protocol(study: str, dataset: str) -> str:
    """The study whose 04_training.yaml trains ``dataset`` for ``study``.

    A study without a 04_training.yaml of its own (``thesis``) takes each data set's protocol, and its
    finished runs, from the study named after the data set: ckplus, fer2013, ferm.
    """
    own = (paths.PARAMS / study / "04_training.yaml").exists()
    return study if own else dataset.split("-")[0]


def plan(study: str, given: dict | None = None) -> list[Run]:
    """Every training run of a study, from its 05_evaluation.yaml (or from ``given``, the same parameters as a dict).

    ``fer2013``, ``ferm`` and ``ckplus`` (the thesis's fold) list the models trained on each;
    ``ckplus_folds`` and ``ckplus_subjects`` those trained on the ``folds`` (all ten by default) by position and by
    subject.
    """
    given = parameters(study, "05_evaluation") if given is None else given
    everywhere, folds = given.get("ckplus_folds", []), given.get("folds", range(1, 11))
    datasets = {
        # the thesis's fold is the first of the ten; a model named for both is trained once
        "ckplus-fold1": list(dict.fromkeys([*given.get("ckplus", []), *(everywhere if 1 in folds else [])])),
        "fer2013": given.get("fer2013", []),
        "ferm": given.get("ferm", []),
        **{f"ckplus-fold{k}": everywhere for k in folds if k != 1},
        **{f"ckplus-subject{k}": given.get("ckplus_subjects", []) for k in folds},
    }
    return [
        Run(protocol(study, dataset), dataset, model, seed)
        for dataset, models in datasets.items()
        for model in models
        for seed in given.get("seeds", [0])
    ]


# The tables that a notebook writes for each data set it treats ("": whatever it treats).
TABLES = {
    "01_data_preparation": {"ckplus": ["table-3-2"], "fer2013": ["table-3-3"]},
    "02_ferm_construction": {"": ["table-3-4"]},
    "03_models": {"": ["table-3-1"]},
    "05_evaluation": {
        "ckplus": ["table-3-6", "table-3-7"],
        "fer2013": ["table-3-8", "table-3-9"],
        "ferm": ["table-3-10", "table-3-11"],
    },
    "11_efficiency": {"": ["efficiency"]},
    "12_summary": {"": ["summary"]},
}


def treated(study: str, notebook: str) -> list[str]:
    """The data sets that ``study`` names for ``notebook``: in ``datasets``, or each under a key of its own."""
    given = parameters(study, notebook)
    return [name for name in ("ckplus", "fer2013", "ferm") if given.get(name) or name in given.get("datasets", [])]


def tables(study: str, notebook: str) -> list[str]:
    """The names of the tables that ``notebook`` writes in ``study``; [] where none is promised."""
    known = TABLES.get(notebook, {})
    return [name for dataset in ["", *treated(study, notebook)] for name in known.get(dataset, [])]


def datasets(study: str) -> list[str]:
    """The data sets that a study needs: those its notebooks treat and those its runs train on."""
    named = {name for notebook in notebooks(study) if notebook != "04_training" for name in treated(study, notebook)}
    return sorted(named | {run.dataset.partition("-")[0] for run in plan(study)})


# Modules that decide where results stand and how they look, never what a net learns. (Drawn faces count as data.)
PRESENTATION = ("evaluate", "paths", "plots", "provenance", "report", "study", "synthetic", "thesis")


def modules(source: str, without: tuple[str, ...] = ()) -> list[str]:
    """The files of fer_nb that a notebook or module imports, directly or through one another, and itself; sorted.

    ``source`` and the result are paths relative to the checkout. ``without``: modules that are not followed. The files
    are read, not imported.
    """
    found, pending = set(), {source}
    while pending:
        file = pending.pop()
        found.add(file)
        names = {name.replace(".", "/") for name in _imports(paths.ROOT / file) - set(without)}
        files = {f"fer_nb/{name}{end}" for name in names for end in (".py", "/__init__.py")}
        pending |= {file for file in files - found if (paths.ROOT / file).exists()}
    return sorted(found)


def _imports(path: Path) -> set[str]:
    """The modules of fer_nb that a file's imports name: ``from fer_nb.nas import cells`` -> {"nas", "nas.cells"}."""
    text = path.read_text()
    if path.suffix == ".ipynb":
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        text = "\n".join("".join(cell["source"]) for cell in cells)
    names = set()
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return {name.removeprefix("fer_nb.") for name in names if name.startswith("fer_nb.")}
