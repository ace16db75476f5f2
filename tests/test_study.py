"""fer_nb.study: what parameter files make of a study."""

import json
from dataclasses import fields

import pytest

from fer_nb import parameters, paths, study
from fer_nb.nets import known
from fer_nb.report import promised
from fer_nb.study import Run
from fer_nb.training.protocol import Protocol


@pytest.fixture
def write(tmp_path, monkeypatch):
    """``write("mine", "05_evaluation", seeds=[0])`` makes a parameter file of study "mine".

    Notebook 05 has no nets by default there.
    """
    monkeypatch.setattr(paths, "PARAMS", tmp_path)

    def write(name, notebook, **given):
        (tmp_path / name).mkdir(exist_ok=True)
        given = ({"ckplus": [], "ferm": []} if notebook == "05_evaluation" else {}) | given
        (tmp_path / name / f"{notebook}.yaml").write_text(json.dumps(given))

    return write


def test_plan_names_every_run_once(write):
    write("mine", "04_training", epochs=1)
    write(
        "mine", "05_evaluation", ckplus=["A"], ckplus_folds=["A"], ckplus_subjects=["B"], ferm=["A", "B"], seeds=[0, 7]
    )
    names = [run.name for run in study.evaluation_runs("mine")]
    assert len(names) == len(set(names)) == 2 * (10 + 10 + 2)
    assert {"ckplus-fold1-A-seed0", "ckplus-fold10-A-seed7", "ckplus-subject3-B-seed0", "ferm-B-seed7"} <= set(names)
    assert study.notebooks("mine") == ["04_training", "05_evaluation"]


def test_a_study_without_a_protocol_takes_that_of_the_data_set(write):
    write("thesis", "05_evaluation", ckplus=["A"], ferm=["A"], seeds=[0])
    for name in ("ckplus", "ferm"):
        write(name, "04_training")
    assert [run.study for run in study.evaluation_runs("thesis")] == ["ckplus", "ferm"]
    assert study.evaluation_runs("thesis")[1].folder == paths.RUNS / "ferm" / "04_training" / "ferm-A-seed0"


def test_an_ablation_trains_the_same_runs_with_each_change(write):
    write("mine", "04_training", ema=0.9, mixup=0.2)
    write("mine", "ablation", **{"without-ema": {"ema": 0.0}, "no-mix": {"mixup": 0.0}, "same": {"mixup": 0.2}})
    chosen = {"ablation": ["without-ema", "no-mix"], "ablation_nets": ["A"], "ablation_datasets": ["ferm"]}
    write("mine", "05_evaluation", ferm=["A", "B"], fer2013=["A"], seeds=[0, 1], **chosen)
    write("mine", "12_summary")
    runs = study.evaluation_runs("mine")
    assert [run.name for run in runs if run.change] == [
        "ferm-A-seed0-without-ema",
        "ferm-A-seed1-without-ema",
        "ferm-A-seed0-no-mix",
        "ferm-A-seed1-no-mix",
    ]
    assert len(runs) == 6 + 4
    folds = {"ckplus_subjects": ["A"], "folds": [1, 2, 3], "ablation_datasets": ["ckplus-subject"]}
    of_folds = study.evaluation_runs("mine", study.parameters("mine", "05_evaluation") | folds)
    datasets = [run.dataset for run in of_folds if run.change == "no-mix" and run.seed == 0]
    assert datasets == ["ckplus-subject1", "ckplus-subject2", "ckplus-subject3"]
    assert study.command_words(runs[-1]) == ["dataset=ferm", "model=A", "seed=1", "change=no-mix", "mixup=0.0"]
    assert promised.promised("mine", "05_evaluation")[-1] == "ablation" and promised.promised("mine", "12_summary") == [
        "summary"
    ]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"ablation": ["without-em"]}, r"ablation.yaml: no change 'without-em': did you mean without-ema\?"),
        ({"ablation": ["same"]}, "same changes nothing for A"),
        ({"ablation_nets": ["C"]}, "ablation_nets: the study trains no C"),
        ({"ablation_datasets": ["ckplus"]}, "ablation_datasets: the study trains no ckplus: choose one of ferm"),
        ({"ablation_nets": []}, "no run to change"),
    ],
)
def test_an_ablation_that_means_nothing_is_refused(write, chosen, message):
    write("mine", "04_training", ema=0.9)
    write("mine", "ablation", **{"without-ema": {"ema": 0.0}, "same": {"ema": 0.9}})
    given = {"ablation": ["without-ema"], "ablation_nets": ["A"], "ablation_datasets": ["ferm"]} | chosen
    write("mine", "05_evaluation", ferm=["A"], seeds=[0], **given)
    with pytest.raises(ValueError, match=message):
        study.evaluation_runs("mine")


def test_the_teacher_is_trained_without_one(write):
    write("mine", "04_training", teacher="B")
    write("mine", "ablation", alone={"teacher": ""}, other={"teacher": "A", "lr": 1.0e-5})
    taught = Run("mine", "ferm", "A", 3)
    assert study.teacher(taught) == study.teacher(Run("mine", "ferm", "A", 3)) == Run("mine", "ferm", "B", 3)
    assert study.teacher(Run("mine", "ferm", "B", 3)) is None
    assert study.command_words(Run("mine", "ferm", "B", 3))[-1] == 'teacher=""'
    assert study.teacher(Run("mine", "ferm", "A", 3, "alone")) is None
    swapped = Run("mine", "ferm", "B", 3, "other")
    assert study.teacher(swapped) == taught
    assert study.command_words(swapped)[-2:] == ["teacher=A", "lr=1e-05"]


@pytest.mark.parametrize(
    "name", [name for name in study.studies() if (study.study_folder(name) / "ablation.yaml").exists()]
)
def test_every_run_of_an_ablation_is_one_that_training_takes(name):
    parts = [field.name for field in fields(Protocol) if field.name != "votes"]
    # those of a study that it extends need not fit it
    own = parameters.read_yaml(study.study_folder(name) / "ablation.yaml")
    for change in own:
        given = study.training_parameters(Run(name, "ferm", "lightResNetl", 0, change))
        Protocol(**{part: given[part] for part in parts if part in given})  # raises where two parts exclude each other
    assert {run.change for run in study.evaluation_runs(name)} == {"", *own}


def test_tables_and_data_sets_follow_the_parameters(write):
    write("mine", "01_data_preparation", datasets=["fer2013", "ferm"])
    write("mine", "05_evaluation", ckplus=[], fer2013=[], ferm=["A"], seeds=[0])
    write("mine", "12_summary")
    assert promised.promised("mine", "01_data_preparation") == ["table-3-3"]
    assert promised.promised("mine", "05_evaluation") == ["table-3-10", "table-3-11", "calibration"]
    assert promised.promised("mine", "12_summary") == ["summary"]
    assert study.datasets("mine") == ["fer2013", "ferm"]


def test_data_sets_that_features_are_tested_on_count(write):
    write("mine", "00_background", datasets=["fer2013"], tested=["ckplus-subject", "ferm"])
    assert study.notebooks("mine") == ["00_background"]
    assert study.datasets("mine") == ["ckplus", "fer2013", "ferm"]


def searched_study(write, **changes):
    write("mine", "04_training", epochs=1)
    given = {"datasets": ["ckplus-fold1"], "nets": ["lightResNetl", "EmoNAS"], "micro": ["micro_apex"], "subjects": 2}
    write("mine", "10_searched_networks", **given | {"micro_nets": ["EmoNAS"], "seeds": [0, 7]} | changes)
    write("mine", "09_architecture_search", dataset="ferm", searches=["EmoNAS", "RandomNet"], seeds=[3, 1])


def test_runs_of_searched_nets_hold_out_each_subject_in_turn(write):
    searched_study(write)
    assert study.notebooks("mine") == ["04_training", "09_architecture_search", "10_searched_networks"]
    names = [run.name for run in study.training_runs("mine")]
    assert names == [
        f"{data}-{net}-seed{seed}"
        for data, net in (
            ("ckplus-fold1", "lightResNetl"),
            ("ckplus-fold1", "EmoNAS"),
            ("micro_apex-subject1", "EmoNAS"),
            ("micro_apex-subject2", "EmoNAS"),
        )
        for seed in (0, 7)
    ]
    write("mine", "05_evaluation", ckplus=["lightResNetl", "VGG19"], seeds=[0])
    both = study.training_runs("mine")
    assert both[: len(study.evaluation_runs("mine"))] == study.evaluation_runs("mine")
    assert len(both) == len(set(both)) == 1 + len(names)  # VGG19's: lightResNetl's are trained once for both notebooks
    given = study.parameters("mine", "10_searched_networks") | {"micro": [], "seeds": [0]}
    assert [run.dataset for run in study.comparison_runs("mine", given)] == ["ckplus-fold1"] * 2

    searched_study(write, datasets=["micro_apex-subject2"], nets=["EmoNAS"])
    named = [run.name for run in study.comparison_runs("mine")]
    assert len(named) == len(set(named)) == 4  # the fold among the data sets is one of those held out


def test_random_nets_are_found_by_notebook_9_and_trained_from_the_first_seed(write):
    searched_study(write, micro=[], random_nets=2)
    write("mine", "09_architecture_search", searches=["EmoNAS"], seeds=[3, 1], random_nets=2)
    assert study.searches("mine") == [("EmoNAS", 3), ("EmoNAS", 1), ("Random1", 3), ("Random2", 3)]
    names = [run.name for run in study.comparison_runs("mine")]
    assert names[4:] == ["ckplus-fold1-Random1-seed0", "ckplus-fold1-Random2-seed0"]
    assert study.genotype("mine", "Random2", 0).name == "Random2-seed3.json"
    searched_study(write, random_nets=2)  # whose notebook 09 draws none
    with pytest.raises(ValueError, match="random_nets: notebook 09 draws no Random1: choose the same number"):
        study.comparison_runs("mine")


@pytest.mark.parametrize("name", ["EmoNAS_25x8", "EmoNAS_0x8", "EmoNAS_24x0"])
def test_a_size_that_no_net_has_is_refused_before_anything_trains(write, name):
    assert study.sized("EmoNAS_24x8") == ("EmoNAS", {"channels": 24, "cells": 8})
    assert study.sized("DARTS_CIFAR10") == ("DARTS_CIFAR10", {}) and study.sized("VGG19") == ("VGG19", {})
    searched_study(write, nets=[name])
    with pytest.raises(ValueError, match=f"net {name}: .* choose an even number and at least 1 cell"):
        study.comparison_runs("mine")


def test_data_sets_of_searches_and_clips_count(write):
    searched_study(write, clips=["micro_mean"])
    assert study.datasets("mine") == ["ckplus", "ferm", "micro_apex", "micro_mean"]
    assert promised.promised("mine", "09_architecture_search") == ["search"]
    assert promised.promised("mine", "10_searched_networks") == ["table-9", "table-10", "micro"]


def test_the_table_of_minutes_is_promised_where_the_study_trains_on_that_data_set(write):
    write("mine", "04_training")
    write("mine", "05_evaluation", fer2013=["A"], seeds=[0])
    for dataset, there in {"fer2013": True, "ferm": False, "": False}.items():
        write("mine", "11_efficiency", speedrun=dataset)
        assert ("efficiency-speedrun" in promised.promised("mine", "11_efficiency")) == there


def test_searches_and_their_genotypes(write, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", tmp_path / "reports")
    searched_study(write)
    write("other", "12_summary")
    assert study.searches("other") == []
    assert study.searches("mine") == [("EmoNAS", 3), ("EmoNAS", 1), ("RandomNet", 3), ("RandomNet", 1)]
    folder = paths.RUNS / "mine/09_architecture_search"
    for seed, of in {3: 3, 1: 1, 0: 3}.items():  # a seed that was not searched with: the first one named
        assert study.genotype("mine", "EmoNAS", seed) == folder / f"EmoNAS-seed{of}.json"
    kept = tmp_path / "reports/reference/emonas/genotypes"
    assert study.genotype("other", "EmoNAS", 1) == kept / "EmoNAS-seed0.json"  # neither is there
    kept.mkdir(parents=True)
    for seed in (10, 2):
        (kept / f"EmoNAS-seed{seed}.json").write_text("{}")
    for seed, of in {10: 10, 2: 2, 5: 2}.items():
        assert study.genotype("other", "EmoNAS", seed) == kept / f"EmoNAS-seed{of}.json"
    assert study.genotype("mine", "EmoNAS", 10) == folder / "EmoNAS-seed3.json"  # its own search goes first
    assert study.genotype("mine", "MobileNetV2", 0).parent == kept


def test_what_is_missing_is_named(write):
    write("ckplus", "05_evaluation")
    with pytest.raises(FileNotFoundError, match=r"no study 'ckplu' under params/: did you mean ckplus\?"):
        study.parameters("ckplu", "05_evaluation")
    with pytest.raises(FileNotFoundError, match=r"params/ckplus/12_summary.yaml does not exist"):
        study.parameters("ckplus", "12_summary")


def refused(of, *given):
    """The one line of the error that ``of(*given)`` raises."""
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        of(*given)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_parameters_are_all_of_the_notebooks_and_checked(write):
    write("mine", "10_searched_networks", nets=["VGG19"])
    known = parameters.defaults(paths.NOTEBOOKS / "10_searched_networks.ipynb")
    assert study.parameters("mine", "10_searched_networks") == known | {"study": "mine", "nets": ["VGG19"]}
    assert study.comparison_runs("mine", known | {"nets": []}) == []  # it names no clips: that is the default
    write("mine", "10_searched_networks", nest=["VGG19"])
    told = refused(study.parameters, "mine", "10_searched_networks")
    assert told.endswith("10_searched_networks.yaml: unknown parameter nest: did you mean nets?")
    write("mine", "10_searched_networks", study="mine")
    assert "study: the folder says it: delete this line" in refused(study.parameters, "mine", "10_searched_networks")


def test_a_study_extends_another(write):
    write("base", "04_training", epochs=9, lr=0.5, teacher="ResNet18")
    write("base", "ablation", alone={"teacher": ""}, slow={"lr": 0.1})
    write("base", "06_mp_analysis", pictures=3)
    write("base", "05_evaluation", ferm=["A", "B"], seeds=[3])
    write("middle", "study", extends="base", without=["06_mp_analysis"])
    write("middle", "04_training", epochs=2)
    write("mine", "study", extends="middle")
    write("mine", "05_evaluation", ferm=["A"], ablation=["slow"], ablation_nets=["A"], ablation_datasets=["ferm"])
    write("mine", "ablation", slow={"lr": 0.2})
    write("mine", "12_summary")

    assert study.notebooks("middle") == ["04_training", "05_evaluation"]
    assert study.notebooks("mine") == ["04_training", "05_evaluation", "12_summary"]
    given = study.parameters("mine", "04_training")
    assert (given["study"], given["epochs"], given["lr"], given["teacher"]) == ("mine", 2, 0.5, "ResNet18")
    # what Snakemake watches: a change in any of them makes the notebook run again
    watched = [f"{path.parent.name}/{path.stem}" for path in study.parameter_files("mine", "04_training")]
    assert watched == ["base/04_training", "middle/04_training"]
    assert [run.name for run in study.training_runs("mine")] == ["ferm-A-seed3", "ferm-A-seed3-slow"]
    assert {run.study for run in study.training_runs("mine")} == {"mine"}  # the same runs by another protocol
    assert study.changes("mine") == {"alone": {"teacher": ""}, "slow": {"lr": 0.2}}

    write("back", "study", extends="mine")
    write("back", "06_mp_analysis", wrong=2)  # of its own, so with nothing of what was left out
    back = study.parameters("back", "06_mp_analysis")
    assert back["wrong"] == 2 and back["pictures"] != 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"extends": "bas"}, "params/mine/study.yaml: extends: no study 'bas' under params/: did you mean base?"),
        ({"extends": "mine"}, "params/mine/study.yaml: extends: mine, mine is a circle"),
        ({"extends": "other"}, "params/other/study.yaml: extends: mine, other, mine is a circle"),
        ({"extends": ["base"]}, "study.yaml: extends: expected text, found ['base']"),
        ({"extend": "base"}, "study.yaml: unknown parameter extend: did you mean extends?"),
        ({"without": ["06_analysis"]}, "study.yaml: without: no notebook 06_analysis: did you mean 06_mp_analysis?"),
    ],
)
def test_what_cannot_be_extended_is_refused(write, given, message):
    write("base", "04_training")
    write("other", "study", extends="mine")
    write("mine", "study", **given)
    assert message in refused(study.notebooks, "mine")


def test_a_file_that_belongs_to_no_notebook_is_refused(write):
    write("mine", "05_evaluaton")
    told = refused(study.notebooks, "mine")
    assert told == "params/mine/05_evaluaton.yaml belongs to no notebook: did you mean 05_evaluation.yaml?"


@pytest.mark.parametrize("name", ["my study", "it's", "a&b", "2024-05-01", "007", "", "../ferm", "-n"])
def test_a_name_that_a_shell_or_yaml_takes_otherwise_is_refused(write, name):
    assert "name it with letters" in refused(study.study_folder, name)


@pytest.mark.parametrize("own", [True, False])
def test_a_net_is_trained_by_the_study_that_searches_it(write, own):
    """Another study would take the genotype that is kept, or none."""
    write("ckplus", "04_training")
    write("mine", "09_architecture_search", searches=["EmoNAS"])
    write("mine", "10_searched_networks", nets=["EmoNAS", "VGG19"])
    if own:
        write("mine", "04_training")
        assert {run.study for run in study.training_runs("mine")} == {"mine"}
        return
    assert "params/mine/04_training.yaml does not exist: add it, for study ckplus" in refused(
        study.training_runs, "mine"
    )
    write("mine", "10_searched_networks", nets=["VGG19"])
    assert {run.study for run in study.training_runs("mine")} == {"ckplus"}


@pytest.mark.parametrize("dataset", ["ckplus", "mug", "micro_dynamic"])
def test_a_data_set_without_a_test_split_is_refused(write, dataset):
    write("mine", "04_training")
    write("mine", "10_searched_networks", datasets=["rafdb", "ckplus-subject1", dataset])
    told = refused(study.training_runs, "mine")
    assert told == f"10_searched_networks: datasets: {dataset} has no test split: name a fold, as {dataset}-subject1"


def test_a_fold_that_is_not_there_is_refused(write):
    write("mine", "04_training")
    write("mine", "05_evaluation", ckplus_subjects=["A"], folds=[1, 11])
    assert "folds: there is no fold 11" in refused(study.training_runs, "mine")


def test_a_protocol_that_is_not_there_is_named(write):
    write("mine", "10_searched_networks", datasets=["rafdb"])
    told = refused(study.training_runs, "mine")
    assert told.startswith("params/mine/04_training.yaml does not exist, nor a study rafdb")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lrr": 0.1}, "no: unknown parameter lrr: did you mean lr?"),
        ({"lr": "fast"}, "no: lr: expected a number, found 'fast'"),
        ({"seed": 3}, "no: unknown parameter seed"),
        (3, "no: expected the form {parameter: value}"),
    ],
)
def test_a_change_that_notebook_04_does_not_take_is_refused(write, change, message):
    write("mine", "ablation", no=change)
    assert f"params/mine/ablation.yaml: {message}" in refused(study.changes, "mine")


@pytest.mark.parametrize(
    ("notebook", "given", "message"),
    [
        ("05_evaluation", {"ckplus": ["VGG91"]}, "unknown net 'VGG91': did you mean VGG19?"),
        ("05_evaluation", {"ckplus": ["EmoNSA_24x8"]}, "unknown net 'EmoNSA_24x8': choose one of VGG19, "),
        ("05_evaluation", {"ckplus": ["VGG19_24x8"]}, "unknown net 'VGG19_24x8': did you mean VGG19?"),
        ("11_efficiency", {"others": ["efficientnet"]}, "unknown net 'efficientnet': did you mean efficientnet_b0?"),
        ("06_mp_analysis", {"model": "VGG19"}, "06_mp_analysis: the study trains no ferm-VGG19-seed0: "),
    ],
)
def test_a_net_that_nobody_builds_or_trains_is_refused(write, notebook, given, message):
    write("mine", "04_training")
    write("mine", "09_architecture_search", searches=["EmoNAS"])
    write("mine", "05_evaluation", ferm=["lightResNetl", "EmoNAS_24x8", "PDARTS_CIFAR10_16x5"])
    known.refuse_unknown_nets("mine", study.training_runs("mine"))
    write("mine", notebook, **{"ferm": ["lightResNetl"]} | given if notebook == "05_evaluation" else given)
    assert refused(known.refuse_unknown_nets, "mine", study.training_runs("mine")).startswith(message)


def test_maps_that_no_notebook_makes_are_refused(write):
    write("mine", "04_training")
    write("mine", "05_evaluation", ferm=["lightResNetl", "VGG19"])
    write("mine", "07_score_cam_analysis")
    runs = study.training_runs("mine")
    told = "07_score_cam_analysis: 06_mp_analysis, whose maps it reads, makes none of ferm-lightResNetl-seed0"
    assert refused(known.refuse_unknown_nets, "mine", runs).startswith(told)
    write("mine", "06_mp_analysis", model="VGG19")
    assert refused(known.refuse_unknown_nets, "mine", runs).startswith(told)
    write("mine", "06_mp_analysis")
    write("mine", "08_robustness")
    known.refuse_unknown_nets("mine", runs)
    (paths.PARAMS / "mine/07_score_cam_analysis.yaml").unlink()
    told = "08_robustness: 07_score_cam_analysis, whose maps it reads, makes none of ferm-lightResNetl-seed0"
    assert refused(known.refuse_unknown_nets, "mine", runs).startswith(told)


@pytest.mark.parametrize("name", study.studies())
def test_every_study_can_be_planned(name):
    assert study.notebooks(name)
    known.refuse_unknown_nets(name, study.training_runs(name))
    for run in study.training_runs(name):
        assert study.training_parameters(run)["study"] == run.study
