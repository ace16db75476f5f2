"""The thesis's data sets, written small, and folders of one's own for data and runs."""

import pytest
from owners import fer2013_text, ferplus_text, write_ckplus

from fer_nb import paths


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Empty folders in place of data/ and runs/."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    (tmp_path / "data").mkdir()
    return tmp_path


@pytest.fixture
def fer2013_csv(elsewhere):
    path = elsewhere / "data/fer2013/fer2013.csv"
    path.parent.mkdir()
    path.write_text(fer2013_text())
    return path


@pytest.fixture
def ferplus_csv(fer2013_csv):
    path = fer2013_csv.parents[1] / "ferplus/fer2013new.csv"
    path.parent.mkdir()
    path.write_text(ferplus_text())
    return path


@pytest.fixture
def ckplus_folder(elsewhere):
    """Twelve sequences of three frames a class, by twelve subjects."""
    write_ckplus(elsewhere / "data/ck+/CK+48")
    return elsewhere / "data/ck+/CK+48"
