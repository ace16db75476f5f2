"""What a study trains: the runs (data set x model x seed) that its parameter files name."""

import difflib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import yaml

from fer_nb import paths


@dataclass(frozen=True)
class Run:
    """One training run. ``study`` is the study whose protocol (04_training.yaml) trains it.

    ``change``: what an ablation changes in that protocol, a name in the study's ablation.yaml; "" for nothing.
    """

    study: str
    dataset: str
    model: str
    seed: int
    change: str = ""

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.model}-seed{self.seed}" + (f"-{self.change}" if self.change else "")

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


KEPT = "reference/emonas/genotypes"  # under reports/: what a study takes that does not search itself
TRAINED_FOR = ("05_evaluation", "10_searched_networks")  # the notebooks whose parameter files name runs


def notebooks(study: str) -> list[str]:
    """The notebooks of a study in order: those it has a parameter file for, and 04 for its runs."""
    names = {path.stem for path in folder(study).glob("[0-9][0-9]_*.yaml")}
    return sorted(names | ({"04_training"} if names & set(TRAINED_FOR) else set()))


def protocol(study: str, dataset: str) -> str:
    """The study whose 04_training.yaml trains ``dataset`` for ``study``.

    A study without a 04_training.yaml of its own (``thesis``) takes each data set's protocol, and its
    finished runs, from the study named after the data set: ckplus, fer2013, ferm.
    """
    own = (paths.PARAMS / study / "04_training.yaml").exists()
    return study if own else dataset.split("-")[0]


def training_runs(study: str) -> list[Run]:
    """Every training run of a study, each once: ``evaluation_runs`` and ``comparison_runs``."""
    named = {"05_evaluation": evaluation_runs, "10_searched_networks": comparison_runs}
    there = notebooks(study)
    return list(dict.fromkeys(run for name, of in named.items() if name in there for run in of(study)))


def comparison_runs(study: str, given: dict | None = None) -> list[Run]:
    """The training runs of notebook 10, from its parameter file (or from ``given``, the same parameters as a dict).

    ``nets`` on each of ``datasets``, and ``micro_nets`` on each of ``micro`` with each of ``subjects`` subjects held
    out in turn, from each of ``seeds``.
    """
    given = parameters(study, "10_searched_networks") if given is None else given
    folds = [f"{name}-subject{k}" for name in given["micro"] for k in range(1, given["subjects"] + 1)]
    pairs = [(name, net) for name in given["datasets"] for net in given["nets"]]
    pairs += [(name, net) for name in folds for net in given["micro_nets"]]
    pairs = dict.fromkeys(pairs)  # a fold that is named among the data sets too counts once
    return [Run(protocol(study, name), name, net, seed) for name, net in pairs for seed in given["seeds"]]


def searches(study: str) -> list[tuple[str, int]]:
    """The searches of a study's notebook 09, as (name of the net, seed); [] where it has none."""
    if "09_architecture_search" not in notebooks(study):
        return []
    given = parameters(study, "09_architecture_search")
    return [(name, seed) for name in given["searches"] for seed in given["seeds"]]


def genotype(study: str, model: str, seed: int) -> Path:
    """The file that describes a searched net: of the study's own search, or one that is kept in git.

    Where the net was not searched with this seed, the file of the first seed that it was searched with.
    """
    own = [of for name, of in searches(study) if name == model]
    place = paths.RUNS / study / "09_architecture_search" if own else paths.REPORTS / KEPT
    known = own or sorted(int(path.stem.rpartition("-seed")[2]) for path in place.glob(f"{model}-seed*.json")) or [0]
    return place / f"{model}-seed{seed if seed in known else known[0]}.json"


def described(study: str, model: str, seed: int) -> Path | None:
    """``genotype`` where the study searches for the net or its genotype is kept; None for a net of another kind."""
    file = genotype(study, model, seed)
    return file if file.exists() or model in dict(searches(study)) else None


def evaluation_runs(study: str, given: dict | None = None) -> list[Run]:
    """The training runs of notebook 05, from its 05_evaluation.yaml (or from ``given``, the same parameters as a dict).

    ``fer2013``, ``ferm`` and ``ckplus`` (the thesis's fold) list the models trained on each;
    ``ckplus_folds`` and ``ckplus_subjects`` those trained on the ``folds`` (all ten by default) by position and by
    subject. The runs of the ablation (``ablation``) come last. Raises ValueError where that names what is not there.
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
    runs = [
        Run(protocol(study, dataset), dataset, model, seed)
        for dataset, models in datasets.items()
        for model in models
        for seed in given.get("seeds", [0])
    ]
    return runs + ablation(runs, given)


def ablation(runs: list[Run], given: dict) -> list[Run]:
    """The runs of ``runs`` again with each change that ``given["ablation"]`` names.

    ``ablation_nets`` and ``ablation_datasets`` say which of them. Raises ValueError for a change that ablation.yaml
    lacks or that changes nothing, and for a net or data set without a run to compare with.
    """
    changes = given.get("ablation", [])
    for key, known in {"nets": [run.model for run in runs], "datasets": [run.dataset for run in runs]}.items():
        for name in given.get(f"ablation_{key}", []):
            if name not in known:
                raise ValueError(f"ablation_{key}: the study trains no {name}: name one of {', '.join(set(known))}")
    chosen = [
        run
        for run in runs
        if run.model in given.get("ablation_nets", []) and run.dataset in given.get("ablation_datasets", [])
    ]
    if changes and not chosen:
        raise ValueError("ablation: no run to change: ablation_nets and ablation_datasets name none that is trained")
    changed = [replace(run, change=change) for change in changes for run in chosen]
    for run in changed:
        if resolved(run) == resolved(replace(run, change="")):
            raise ValueError(f"ablation: {run.change} changes nothing for {run.model}: leave it out, or correct it")
    return changed


def changes(study: str) -> dict[str, dict]:
    """The changes in params/<study>/ablation.yaml: what each sets in 04_training.yaml; {} where there is no file."""
    path = folder(study) / "ablation.yaml"
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def overrides(run: Run) -> dict:
    """What ``run`` sets otherwise than its study's 04_training.yaml: its change, and no teacher for the teacher.

    Raises ValueError for a change that the study's ablation.yaml lacks.
    """
    known = changes(run.study)
    if run.change and run.change not in known:
        near = difflib.get_close_matches(run.change, known, n=1) or known
        raise ValueError(
            f"params/{run.study}/ablation.yaml: no change {run.change!r}: did you mean {', '.join(near) or 'none'}?"
        )
    given = known[run.change] if run.change else {}
    teacher = (parameters(run.study, "04_training") | given).get("teacher", "")
    return given | ({"teacher": ""} if teacher == run.model else {})


def resolved(run: Run) -> dict:
    """All that the parameter files give to notebook 04 for ``run``."""
    return parameters(run.study, "04_training") | overrides(run)


def teacher(run: Run) -> Run | None:
    """The run whose net teaches that of ``run``: same study, data set and seed, nothing changed; None without one."""
    name = resolved(run).get("teacher", "")
    return Run(run.study, run.dataset, name, run.seed) if name else None


def words(run: Run) -> list[str]:
    """The ``name=value`` words for ``fer_nb.run`` that make notebook 04 train ``run``."""
    named = {key: value for key, value in asdict(run).items() if key != "change" or value}
    return [f"{name}={_written(value)}" for name, value in (named | overrides(run)).items()]


def _written(value) -> str:
    """A value as YAML on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")


def treated(study: str, notebook: str) -> list[str]:
    """The data sets that ``study`` names for ``notebook``: in ``datasets``, or each under a key of its own."""
    given = parameters(study, notebook)
    return [name for name in ("ckplus", "fer2013", "ferm") if given.get(name) or name in given.get("datasets", [])]


def datasets(study: str) -> list[str]:
    """The data sets that a study needs: those its notebooks treat and those its runs and searches use."""
    named = {name for notebook in notebooks(study) if notebook != "04_training" for name in treated(study, notebook)}
    used = [run.dataset for run in training_runs(study)]
    used += [parameters(study, "09_architecture_search")["dataset"]] if searches(study) else []
    return sorted(named | {name.partition("-")[0] for name in used})
