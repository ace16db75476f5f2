"""Which tables each notebook promises: the workflow runs it again where one is missing."""

from fer_nb.study import parameters, reported_datasets, training_runs

# The tables that a notebook writes for each data set it treats ("": whatever it treats).
TABLES = {
    "00_background": {"": ["pooling", "activations", "separable", "hand-made"]},
    "01_data_preparation": {"ckplus": ["table-3-2"], "fer2013": ["table-3-3"]},
    "02_ferm_construction": {"": ["table-3-4"]},
    "03_models": {"": ["table-3-1", "receptive-field"]},
    "05_evaluation": {
        "ckplus": ["table-3-6", "table-3-7"],
        "fer2013": ["table-3-8", "table-3-9", "calibration"],
        "ferm": ["table-3-10", "table-3-11", "calibration"],
    },
    "06_mp_analysis": {"": ["mp", "mp-perturbations", "mp-regions"]},
    "07_score_cam_analysis": {"": ["score-cam-regions", "score-cam-agreement", "faithfulness", "belief"]},
    "08_robustness": {"": ["robustness", "section-4-2"]},
    "09_architecture_search": {"": ["search"]},
    "10_searched_networks": {"": ["table-9", "table-10"]},
    "11_efficiency": {
        "": ["efficiency", "efficiency-step", "efficiency-inference", "efficiency-size", "efficiency-light"],
    },
    "12_summary": {"": ["summary"]},
    "14_own_pictures": {"": ["own-pictures"]},
}


def promised(study: str, notebook: str) -> list[str]:
    """The names of the tables that ``notebook`` writes in ``study``; [] where none is promised."""
    known = TABLES.get(notebook, {})
    found = [name for dataset in ["", *reported_datasets(study, notebook)] for name in known.get(dataset, [])]
    given = parameters(study, notebook)
    found += [name for name in ("ablation", "micro") if given.get(name)]
    timed = given.get("speedrun") and any(run.dataset == given["speedrun"] for run in training_runs(study))
    return list(dict.fromkeys(found)) + ["efficiency-speedrun"] * bool(timed)
