"""The folder params/<study> of a study: which notebooks it has, and their parameters.

It holds a YAML file for each notebook; what a file does not say is the notebook's own default. ``study.yaml`` may say
``extends: <study>``: then the study has that one's notebooks too, but for those listed under ``without``, and its own
files give only what differs.
"""

from pathlib import Path

from fer_nb import paths
from fer_nb.names import NAME, refuse_unfit, refuse_unknown, suggestion
from fer_nb.parameters import defaults, read_checked

DATA = ("real", "synthetic")  # what the parameter `data` takes
TRAINED_FOR = ("05_evaluation", "10_searched_networks")  # the notebooks whose parameters name runs


def studies() -> list[str]:
    """The names of the studies: the folders under params/."""
    return sorted(path.name for path in paths.PARAMS.iterdir() if path.is_dir() and NAME.fullmatch(path.name))


def study_folder(study: str) -> Path:
    """params/<study>; FileNotFoundError, with the nearest name, where there is no such study."""
    refuse_unfit("study", study)
    if not (paths.PARAMS / study).is_dir():
        raise FileNotFoundError(f"no study {study!r} under params/: {suggestion(study, studies())}")
    return paths.PARAMS / study


def study_of(file: Path) -> str:
    """The study that a parameter file belongs to, by its folder; "" for a file elsewhere."""
    home = file.resolve().parent
    return home.name if home.parent == paths.PARAMS.resolve() else ""


def lineage(study: str) -> list[str]:
    """The study and those that it extends, itself last.

    Raises ValueError where one of them extends itself, by way of others or not, or a study that is not there.
    """
    found = [study]
    while extended := study_settings(found[-1])["extends"]:
        try:
            study_folder(extended)
        except (FileNotFoundError, ValueError) as error:
            raise ValueError(f"params/{found[-1]}/study.yaml: extends: {error}") from error
        if extended in found:
            circle = ", ".join([*found, extended])
            raise ValueError(f"params/{found[-1]}/study.yaml: extends: {circle} is a circle: delete one of the links")
        found.append(extended)
    return found[::-1]


def study_settings(study: str) -> dict:
    """What params/<study>/study.yaml says: ``extends`` ("" for no study) and ``without`` (notebooks left out)."""
    path, known = study_folder(study) / "study.yaml", {"extends": "", "without": []}
    return known | (read_checked(path, known) if path.exists() else {})


def parameter_files(study: str, notebook: str) -> list[Path]:
    """The parameter files of ``study`` for ``notebook``, those of the studies that it extends first; [] for none."""
    found = []
    for name in lineage(study):
        found = [] if notebook in study_settings(name)["without"] else found
        path = study_folder(name) / f"{notebook}.yaml"
        found += [path] if path.exists() else []
    return found


def parameters(study: str, notebook: str) -> dict:
    """All parameters of ``notebook`` (``"05_evaluation"``) in ``study``: its defaults, changed by the study's files.

    Raises FileNotFoundError where there is no such study or it has no such notebook, ValueError, with file and key,
    where a file does not fit the notebook.
    """
    given = parameter_files(study, notebook)
    if not given:
        raise FileNotFoundError(f"params/{study}/{notebook}.yaml does not exist: add it, or choose another study")
    found = defaults(paths.NOTEBOOKS / f"{notebook}.ipynb")
    return found | read_study_files(given, found) | {"study": study}


def read_study_files(given: list[Path], known: dict) -> dict:
    """What parameter files of a study say, a later one in place of an earlier, checked against ``known``."""
    found = {}
    for path in given:
        found |= read_checked(path, known)
        if "study" in found:
            raise ValueError(f"params/{path.parent.name}/{path.name}: study: the folder says it: delete this line")
        try:
            refuse_unknown("data", [found["data"]] if "data" in found else [], DATA)
        except ValueError as error:
            raise ValueError(f"params/{path.parent.name}/{path.name}: {error}") from error
    return found


def notebooks(study: str) -> list[str]:
    """The notebooks of a study in order: those it has a parameter file for, and 04 for its runs.

    Raises ValueError for a YAML file in its folder that belongs to no notebook.
    """
    known = sorted(path.stem for path in paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    for name in lineage(study):
        for path in study_folder(name).iterdir():
            if path.suffix.lower() in (".yaml", ".yml") and path.name not in (
                allowed := [f"{one}.yaml" for one in (*known, "ablation", "study")]
            ):
                raise ValueError(f"params/{name}/{path.name} belongs to no notebook: {suggestion(path.name, allowed)}")
        for left_out in study_settings(name)["without"]:
            if left_out not in known:
                raise ValueError(
                    f"params/{name}/study.yaml: without: no notebook {left_out}: {suggestion(left_out, known)}"
                )
    names = {name for name in known if parameter_files(study, name)}
    return sorted(names | ({"04_training"} if names & set(TRAINED_FOR) else set()))
