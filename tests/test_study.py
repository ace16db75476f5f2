"""fer_nb.study: what parameter files make of a study."""

import pytest
import yaml

from fer_nb import paths, study


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
    names = [run.name for run in study.plan("mine")]
    assert len(names) == len(set(names)) == 2 * (10 + 10 + 2)
    assert {"ckplus-fold1-A-seed0", "ckplus-fold10-A-seed7", "ckplus-subject3-B-seed0", "ferm-B-seed7"} <= set(names)
    assert study.notebooks("mine") == ["04_training", "05_evaluation"]


def test_a_study_without_a_protocol_takes_that_of_the_data_set(write):
    write("thesis", "05_evaluation", ckplus=["A"], ferm=["A"], seeds=[0])
    assert [run.study for run in study.plan("thesis")] == ["ckplus", "ferm"]
    assert study.plan("thesis")[1].folder == paths.RUNS / "ferm" / "04_training" / "ferm-A-seed0"


def test_tables_and_data_sets_follow_the_parameters(write):
    write("mine", "01_data_preparation", datasets=["fer2013", "ferm"])
    write("mine", "05_evaluation", ckplus=[], fer2013=[], ferm=["A"], seeds=[0])
    write("mine", "12_summary")
    assert study.tables("mine", "01_data_preparation") == ["table-3-3"]
    assert study.tables("mine", "05_evaluation") == ["table-3-10", "table-3-11"]
    assert study.tables("mine", "12_summary") == ["summary"]
    assert study.datasets("mine") == ["fer2013", "ferm"]


def test_what_is_missing_is_named(write):
    write("ckplus", "05_evaluation")
    with pytest.raises(FileNotFoundError, match=r"no study 'ckplu' under params/: did you mean ckplus\?"):
        study.parameters("ckplu", "05_evaluation")
    with pytest.raises(FileNotFoundError, match=r"params/ckplus/12_summary.yaml does not exist"):
        study.parameters("ckplus", "12_summary")


def test_modules_follow_imports(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    files = {
        "fer_nb/a.py": "def late():\n    from fer_nb.nas import cells\n",
        "fer_nb/b.py": "import numpy\nfrom fer_nb import plots\n",
        "fer_nb/plots.py": "import fer_nb.a\n",
        "fer_nb/unused.py": "",
        "fer_nb/nas/__init__.py": "",
        "fer_nb/nas/cells.py": "from fer_nb import b",
        "page.ipynb": '{"cells": [{"cell_type": "code", "source": ["from fer_nb import a\\n", "a.late()"]}]}',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    every = [
        "fer_nb/a.py",
        "fer_nb/b.py",
        "fer_nb/nas/__init__.py",
        "fer_nb/nas/cells.py",
        "fer_nb/plots.py",
        "page.ipynb",
    ]
    assert study.modules("page.ipynb") == every
    assert study.modules("page.ipynb", without=("plots",)) == [name for name in every if name != "fer_nb/plots.py"]
