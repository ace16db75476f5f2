"""fer_nb.study: what parameter files make of a study."""

from dataclasses import fields

import pytest
import yaml

from fer_nb import imports, parameters, paths, study
from fer_nb.report import promised
from fer_nb.study import Run
from fer_nb.training.protocol import Protocol


@pytest.fixture
def write(tmp_path, monkeypatch):
    """``write("mine", "05_evaluation", seeds=[0])`` makes a parameter file of study "mine"."""
    monkeypatch.setattr(paths, "PARAMS", tmp_path)

    def write(name, notebook, **given):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / f"{notebook}.yaml").write_text(yaml.safe_dump(given))

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
    assert study.words(runs[-1]) == ["study=mine", "dataset=ferm", "model=A", "seed=1", "change=no-mix", "mixup=0.0"]
    assert promised.promised("mine", "05_evaluation")[-1] == "ablation" and promised.promised("mine", "12_summary") == [
        "summary"
    ]


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"ablation": ["without-em"]}, r"ablation.yaml: no change 'without-em': did you mean without-ema\?"),
        ({"ablation": ["same"]}, "same changes nothing for A"),
        ({"ablation_nets": ["C"]}, "ablation_nets: the study trains no C"),
        ({"ablation_datasets": ["ckplus"]}, "ablation_datasets: the study trains no ckplus: name one of ferm"),
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
    assert study.words(Run("mine", "ferm", "B", 3))[-1] == "teacher=''"
    assert study.teacher(Run("mine", "ferm", "A", 3, "alone")) is None
    swapped = Run("mine", "ferm", "B", 3, "other")
    assert study.teacher(swapped) == taught
    for word, value in {"teacher=A": "A", "lr=1.0e-05": 1e-5}.items():
        assert word in study.words(swapped) and parameters.read_override(word)[1] == value


@pytest.mark.parametrize("name", [name for name in study.studies() if study.changes(name)])
def test_every_run_of_an_ablation_is_one_that_training_takes(name):
    known = parameters.defaults(paths.NOTEBOOKS / "04_training.ipynb")
    parts = [field.name for field in fields(Protocol) if field.name != "votes"]
    for change, overrides in study.changes(name).items():
        for key, value in overrides.items():
            parameters.check(key, value, known)
        given = study.resolved(Run(name, "ferm", "lightResNetl", 0, change))
        Protocol(**{part: given[part] for part in parts if part in given})
    assert {run.change for run in study.evaluation_runs(name)} == {"", *study.changes(name)}


def test_tables_and_data_sets_follow_the_parameters(write):
    write("mine", "01_data_preparation", datasets=["fer2013", "ferm"])
    write("mine", "05_evaluation", ckplus=[], fer2013=[], ferm=["A"], seeds=[0])
    write("mine", "12_summary")
    assert promised.promised("mine", "01_data_preparation") == ["table-3-3"]
    assert promised.promised("mine", "05_evaluation") == ["table-3-10", "table-3-11"]
    assert promised.promised("mine", "12_summary") == ["summary"]
    assert study.datasets("mine") == ["fer2013", "ferm"]


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


def test_data_sets_of_searches_and_clips_count(write):
    searched_study(write)
    assert study.datasets("mine") == ["ckplus", "ferm", "micro_apex"]
    assert promised.promised("mine", "09_architecture_search") == ["search"]
    assert promised.promised("mine", "10_searched_networks") == ["table-9", "table-10", "micro"]


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


def test_modules_follow_imports(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    files = {
        "fer_nb/a.py": "def late():\n    from fer_nb.nets import cells\n",
        "fer_nb/b.py": "import numpy\nfrom fer_nb.evaluation import plots\n",
        "fer_nb/evaluation/plots.py": "import fer_nb.a\n",
        "fer_nb/unused.py": "",
        "fer_nb/nets/__init__.py": "",
        "fer_nb/nets/cells.py": "from fer_nb import b",
        "page.ipynb": '{"cells": [{"cell_type": "code", "source": ["from fer_nb import a\\n", "a.late()"]}]}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    every = [
        "fer_nb/a.py",
        "fer_nb/b.py",
        "fer_nb/evaluation/plots.py",
        "fer_nb/nets/__init__.py",
        "fer_nb/nets/cells.py",
        "page.ipynb",
    ]
    assert imports.modules("page.ipynb") == every
    assert imports.modules("page.ipynb", without=("evaluation", "nets.cells")) == [
        "fer_nb/a.py",
        "fer_nb/b.py",
        "fer_nb/nets/__init__.py",
        "page.ipynb",
    ]
    with pytest.raises(ValueError, match=r"no package or module fer_nb\.plots"):
        imports.modules("page.ipynb", without=("plots",))
