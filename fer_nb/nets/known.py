"""The names of nets that need no search, for a plan: it loads no torch."""

from fer_nb.names import refuse_unknown, suggestion
from fer_nb.study import Run, kept_genotype, notebooks, parameters, searched_genotype, searches, sized

GENOTYPES = ("DARTS_CIFAR10", "PDARTS_CIFAR10")  # published
NETS = ("VGG19", "ResNet18", "lightResNetl", "lightResNetm", "MobileNetV2", *GENOTYPES)  # that by_name.py builds
# Of torchvision, in notebook 11: Sandler et al. 2018; Howard et al. 2019; Tan and Le 2019. Made for 224x224.
COMPARED = ("mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")
EXPLAINING = ("06_mp_analysis", "07_score_cam_analysis", "08_robustness")  # each reads the maps of those before it


def refuse_unknown_nets(study: str, runs: list[Run]) -> None:
    """Raise ValueError for a net that is named and nobody builds, or that 06, 07 or 08 explains and nothing trains.

    And for 07 or 08 where those before it do not explain the same run. ``runs``: of ``training_runs``.
    """
    for run in runs:
        free = run.model in NETS or sized(run.model)[0] in GENOTYPES  # needs no search
        if not free and not searched_genotype(run.study, run.model, run.seed):
            refuse_unknown("net", [run.model], [*NETS, *dict(searches(study))])
    trained = [run.name for run in runs]
    explained: dict[str, str] = {}
    for notebook, given in ((name, parameters(study, name)) for name in notebooks(study) if name != "04_training"):
        if notebook == "11_efficiency":
            refuse_unbuilt(given["models"] + given["others"])
        elif notebook in EXPLAINING:
            named = Run(study, given["dataset"], given["model"], given["seed"]).name
            if named not in trained:
                raise ValueError(f"{notebook}: the study trains no {named}: {suggestion(named, trained)}")
            explained[notebook] = named
            for before in EXPLAINING[: EXPLAINING.index(notebook)]:
                if explained.get(before) != named:
                    raise ValueError(
                        f"{notebook}: {before}, whose maps it reads, makes none of {named} in this study: "
                        f"let it explain the same run, or leave {notebook} out"
                    )


def refuse_unbuilt(names: list[str]) -> None:
    """Raise ValueError for a net that notebook 11 does not build: neither known nor one whose genotype is kept."""
    for name in names:
        if sized(name)[0] not in GENOTYPES and not kept_genotype(name).exists():
            refuse_unknown("net", [name], [*NETS, *COMPARED])
