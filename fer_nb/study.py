"""What a study trains: the runs (data set x model x seed) that its parameters name; what it needs for them.

The parameters themselves, from the files in the study's folder, are read by ``study_files``.
"""

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

from fer_nb import paths
from fer_nb.names import fold_rule, refuse_unfit, suggestion
from fer_nb.parameters import as_word, check_fit, defaults, read_yaml
from fer_nb.study_files import lineage, notebooks, parameter_files, parameters, studies, study_folder

KEPT = "reference/emonas/genotypes"  # under reports/: what a study takes that does not search itself
# Parameters of notebook 05 that list nets, and the data set that these are trained on.
NETS_ON = {name: name.partition("_")[0] for name in ("ckplus", "ckplus_folds", "ckplus_subjects", "fer2013", "ferm")}
SPLIT = ("fer2013", "ferm", "rafdb")  # have a test split of their own; of the others a fold is held out


@dataclass(frozen=True)
class Run:
    """One training run. ``study`` is the study whose protocol (04_training.yaml) trains it.

    ``change``: what an ablation changes in that protocol, a name in the study's ablation.yaml; "" for nothing.
    Raises ValueError for a name that is no ``names.NAME``: they are parts of the run's folder.
    """

    study: str
    dataset: str
    model: str
    seed: int
    change: str = ""

    def __post_init__(self):
        for what in ("study", "dataset", "model", *(["change"] if self.change else [])):
            refuse_unfit(what, getattr(self, what))

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.model}-seed{self.seed}" + (f"-{self.change}" if self.change else "")

    @property
    def folder(self) -> Path:
        """Where its history.csv, predictions.csv, metrics.json and weights.safetensors stand."""
        return paths.RUNS / self.study / "04_training" / self.name


def protocol(study: str, dataset: str) -> str:
    """The study whose 04_training.yaml trains ``dataset`` for ``study``.

    A study without a 04_training.yaml of its own (``thesis``) takes each data set's protocol, and its
    finished runs, from the study named after the data set: ckplus, fer2013, ferm.
    """
    return study if parameter_files(study, "04_training") else dataset.split("-")[0]


def planned(study: str, dataset: str, model: str, seed: int) -> Run:
    """A training run of ``study``.

    Raises ValueError where no study has its protocol, and for a net that the study searches but would train by another
    study's protocol, which does not know its genotype, or of a size that it cannot have (``sized``).
    """
    by, (name, _) = protocol(study, dataset), sized(model)
    missing = f"params/{study}/04_training.yaml does not exist"
    if by != study and by not in studies():
        raise ValueError(f"{missing}, nor a study {by} that would train {dataset}: add one of them")
    if by != study and name in dict(searches(study)):
        raise ValueError(f"{missing}: add it, for study {by} would not train the {model} that study {study} finds")
    return Run(by, dataset, model, seed)


def training_runs(study: str) -> list[Run]:
    """Every training run of a study, each once: ``evaluation_runs`` and ``comparison_runs``."""
    named = {"05_evaluation": evaluation_runs, "10_searched_networks": comparison_runs}
    there = notebooks(study)
    return list(dict.fromkeys(run for name, of in named.items() if name in there for run in of(study)))


def _all_parameters(study: str, notebook: str, given: dict | None) -> dict:
    """``parameters``; or, for a notebook that runs by hand, what it gives."""
    return parameters(study, notebook) if given is None else defaults(paths.NOTEBOOKS / f"{notebook}.ipynb") | given


def comparison_runs(study: str, given: dict | None = None) -> list[Run]:
    """The training runs of notebook 10, from its parameter files (or from ``given``, the same parameters as a dict).

    ``nets`` on each of ``datasets``, and ``micro_nets`` on each of ``micro`` with each of ``subjects`` subjects held
    out in turn, from each of ``seeds``; ``random_names`` on each of ``datasets``, from the first seed. Raises
    ValueError for a data set without a test split, and for more random nets than notebook 09 draws.
    """
    given = _all_parameters(study, "10_searched_networks", given)
    for name in given["datasets"]:
        if "-" not in name and name not in SPLIT:
            raise ValueError(
                f"10_searched_networks: datasets: {name} has no test split: name a fold, as {name}-subject1"
            )
    folds = [f"{name}-subject{k}" for name in given["micro"] for k in range(1, given["subjects"] + 1)]
    pairs = [(name, net) for name in given["datasets"] for net in given["nets"]]
    pairs += [(name, net) for name in folds for net in given["micro_nets"]]
    once = dict.fromkeys(pairs)  # a fold that is named among the data sets too counts once
    runs = [planned(study, name, net, seed) for name, net in once for seed in given["seeds"]]
    known = [name for name, _ in searches(study)] if given["random_nets"] else []
    if missing := [name for name in random_names(given["random_nets"]) if known and name not in known]:
        raise ValueError(
            f"10_searched_networks: random_nets: notebook 09 draws no {missing[0]}: choose the same number"
        )
    drawn = [(name, net) for name in given["datasets"] for net in random_names(given["random_nets"])]
    return runs + [planned(study, name, net, seed) for name, net in drawn for seed in given["seeds"][:1]]


def random_names(count: int) -> list[str]:
    """The names of ``count`` random genotypes, the parameter ``random_nets`` of notebooks 09 and 10."""
    return [f"Random{k}" for k in range(1, count + 1)]


def searches(study: str) -> list[tuple[str, int]]:
    """The searches of a study's notebook 09, as (name of the net, seed); [] where it has none."""
    if not parameter_files(study, "09_architecture_search"):
        return []
    given = parameters(study, "09_architecture_search")
    found = [(name, seed) for name in given["searches"] for seed in given["seeds"]]
    return found + [(name, seed) for name in random_names(given["random_nets"]) for seed in given["seeds"][:1]]


def sized(model: str) -> tuple[str, dict[str, int]]:
    """A net's name without its size, and the size: ("EmoNAS", {"channels": 24, "cells": 8}) of EmoNAS_24x8.

    A name without a size has {}: the net is as large as its search made it. Raises ValueError for a size that no net
    has.
    """
    match = re.fullmatch(r"(\w+)_([0-9]+)x([0-9]+)", model)
    if not match:
        return model, {}
    channels, cells = int(match[2]), int(match[3])
    if channels < 2 or channels % 2 or cells < 1:
        raise ValueError(f"net {model}: {channels} channels, {cells} cells: choose an even number and at least 1 cell")
    return match[1], {"channels": channels, "cells": cells}


def genotype(study: str, model: str, seed: int) -> Path:
    """The file that describes a searched net: of the study's own search, or one that is kept in git.

    Where the net was not searched with this seed, the file of the first seed that it was searched with. A size in the
    net's name (``sized``) is ignored.
    """
    name, _ = sized(model)
    own = [of for searched, of in searches(study) if searched == name]
    if not own:
        return kept_genotype(model, seed)
    return paths.RUNS / study / "09_architecture_search" / f"{name}-seed{seed if seed in own else own[0]}.json"


def kept_genotype(model: str, seed: int = 0) -> Path:
    """The file of a searched net that is kept in git, of this seed or of the first one; a size in its name is ignored.

    Where none is kept, the path at which it would be.
    """
    name, _ = sized(model)
    place = paths.REPORTS / KEPT
    known = sorted(int(path.stem.rpartition("-seed")[2]) for path in place.glob(f"{name}-seed*.json")) or [0]
    return place / f"{name}-seed{seed if seed in known else known[0]}.json"


def searched_genotype(study: str, model: str, seed: int) -> Path | None:
    """``genotype`` where the study searches for the net or its genotype is kept; None for a net of another kind."""
    file = genotype(study, model, seed)
    return file if file.exists() or sized(model)[0] in dict(searches(study)) else None


def evaluation_runs(study: str, given: dict | None = None) -> list[Run]:
    """The training runs of notebook 05, from its parameter files (or from ``given``, the same parameters as a dict).

    ``fer2013``, ``ferm`` and ``ckplus`` (the thesis's fold) list the models trained on each; ``ckplus_folds`` and
    ``ckplus_subjects`` those trained on the ``folds`` by position and by subject. The runs of the ablation
    (``ablation``) come last. Raises ValueError where a parameter names what is not there.
    """
    given = _all_parameters(study, "05_evaluation", given)
    everywhere, folds = given["ckplus_folds"], given["folds"]
    if unknown := [k for k in folds if k not in range(1, 11)]:
        raise ValueError(f"05_evaluation: folds: there is no fold {unknown[0]}: choose of 1 to 10")
    datasets = {
        # the thesis's fold is the first of the ten; a model named for both is trained once
        "ckplus-fold1": list(dict.fromkeys([*given["ckplus"], *(everywhere if 1 in folds else [])])),
        "fer2013": given["fer2013"],
        "ferm": given["ferm"],
        **{f"ckplus-fold{k}": everywhere for k in folds if k != 1},
        **{f"ckplus-subject{k}": given["ckplus_subjects"] for k in folds},
    }
    runs = [
        planned(study, dataset, model, seed)
        for dataset, models in datasets.items()
        for model in models
        for seed in given["seeds"]
    ]
    return runs + ablation_runs(runs, given)


def ablation_runs(runs: list[Run], given: dict) -> list[Run]:
    """The runs of ``runs`` again with each change that ``given["ablation"]`` names.

    ``ablation_nets`` and ``ablation_datasets`` (ckplus-subject: all its folds) say which of them. Raises ValueError
    for a change that ablation.yaml lacks or that changes nothing, and for a net or data set without a run to compare
    with.
    """
    named = [name for run in runs for name in (run.dataset, fold_rule(run.dataset))]
    for key, known in {"nets": [run.model for run in runs], "datasets": named}.items():
        for name in given[f"ablation_{key}"]:
            if name not in known:
                raise ValueError(f"ablation_{key}: the study trains no {name}: choose one of {', '.join(set(known))}")
    nets, datasets = given["ablation_nets"], given["ablation_datasets"]
    chosen = [run for run in runs if run.model in nets and {run.dataset, fold_rule(run.dataset)} & {*datasets}]
    if given["ablation"] and not chosen:
        raise ValueError("ablation: no run to change: ablation_nets and ablation_datasets name none that is trained")
    changed = [replace(run, change=change) for change in given["ablation"] for run in chosen]
    for run in changed:
        if training_parameters(run) == training_parameters(replace(run, change="")):
            raise ValueError(f"ablation: {run.change} changes nothing for {run.model}: leave it out, or correct it")
    return changed


def changes(study: str) -> dict[str, dict]:
    """The changes in ablation.yaml: what each sets in 04_training.yaml; {} where there is no file.

    Raises ValueError for a change that does not fit notebook 04, or sets which run it is.
    """
    known = defaults(paths.NOTEBOOKS / "04_training.ipynb")
    known = {name: value for name, value in known.items() if name not in [field.name for field in fields(Run)]}
    found = {}
    for name in lineage(study):
        path = study_folder(name) / "ablation.yaml"
        for change, given in (read_yaml(path) if path.exists() else {}).items():
            try:
                refuse_unfit("change", change)
                if not isinstance(given, dict):
                    raise ValueError("expected the form {parameter: value}")
                check_fit(given, known)
            except ValueError as error:
                raise ValueError(f"params/{name}/ablation.yaml: {change}: {error}") from error
            found[change] = given
    return found


def overrides(run: Run) -> dict:
    """What ``run`` sets otherwise than its study's 04_training.yaml: its change, and no teacher for the teacher.

    Raises ValueError for a change that the study's ablation.yaml lacks.
    """
    known = changes(run.study) if run.change else {"": {}}
    if run.change not in known:
        hint = suggestion(run.change, known)
        raise ValueError(f"params/{run.study}/ablation.yaml: no change {run.change!r}: {hint}")
    given = known[run.change]
    teacher = (parameters(run.study, "04_training") | given)["teacher"]
    return given | ({"teacher": ""} if teacher == run.model else {})


def training_parameters(run: Run) -> dict:
    """All parameters of notebook 04 for ``run``, but for those that say which run it is."""
    return parameters(run.study, "04_training") | overrides(run)


def teacher(run: Run) -> Run | None:
    """The run whose net teaches that of ``run``: same study, data set and seed, nothing changed; None without one."""
    name = training_parameters(run)["teacher"]
    return Run(run.study, run.dataset, name, run.seed) if name else None


def command_words(run: Run) -> list[str]:
    """The ``name=value`` words for ``fer_nb.run`` that make notebook 04 train ``run`` of the file's study."""
    named = {"dataset": run.dataset, "model": run.model, "seed": run.seed}
    named |= {"change": run.change} if run.change else {}
    return [as_word(name, value) for name, value in (named | overrides(run)).items()]


def named_datasets(given: dict) -> list[str]:
    """The data sets that a notebook's parameters name, without their folds; [] for a notebook that reads none."""
    names = [given.get("dataset", ""), *given.get("datasets", [])]
    names += [*given.get("micro", []), *given.get("clips", []), *given.get("tested", [])]
    names += [dataset for key, dataset in NETS_ON.items() if given.get(key)]
    return list(dict.fromkeys(name.partition("-")[0] for name in names if name)) if "data" in given else []


def reported_datasets(study: str, notebook: str) -> list[str]:
    """The data sets that have tables of their own in ``notebook``: in ``datasets``, or with nets under their name."""
    given = parameters(study, notebook)
    return [name for name in ("ckplus", "fer2013", "ferm") if given.get(name) or name in given.get("datasets", [])]


def read_datasets(given: dict) -> list[str]:
    """The data sets that a notebook with the parameters ``given`` reads: those that they name, or all of the study."""
    return named_datasets(given) or (datasets(given["study"]) if "data" in given else [])


def datasets(study: str) -> list[str]:
    """The data sets that a study needs: those that its notebooks name."""
    names = [name for name in notebooks(study) if name != "04_training"]  # whose data sets are those of 05 and 10
    return sorted({dataset for name in names for dataset in named_datasets(parameters(study, name))})
