"""The page of all kept results: made from what is kept, drawn anew for other numbers alone."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from fer_nb import paths
from fer_nb.published import __main__, keep, origins, readme, report

ROOT = Path(__file__).parents[2]
MADE = ("index.html", "tables", "figures", "summary.svg")


def files(folder):
    """What the page is made of, by its path in ``folder``."""
    found = [path for name in MADE for path in (folder / name, *(folder / name).glob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_the_kept_page_is_made_from_what_is_kept(tmp_path, monkeypatch):
    kept = ROOT / "reports/reference"
    shutil.copytree(kept, tmp_path / "reference")
    monkeypatch.setattr(paths, "REPORTS", tmp_path)
    monkeypatch.setattr(paths, "PARAMS", ROOT / "params")
    report.write_report(readme.findings())
    again, now = files(tmp_path / "reference"), files(kept)
    assert again.keys() == now.keys(), "run `python -m fer_nb.published`"
    assert [name for name in now if again[name] != now[name]] == [], "run `python -m fer_nb.published`"
    assert sum(map(len, now.values())) < 3e6


def test_every_link_of_the_kept_page_leads_somewhere():
    folder = ROOT / "reports/reference"
    page = (folder / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert len(links) > 30
    for link in links:
        file, _, key = link.partition("#")
        assert link.startswith("data:") or not file or (folder / file).exists(), link
        assert not key or link.startswith("data:") or f'id="{key}"' in page, link


def test_a_page_of_a_finished_study(tree):
    __main__.main(["tiny"])
    folder = origins.kept_folder()
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "<td>tiny</td>" in page and "FERm: lightResNetl 90.00" in page and "not run" in page
    assert 'src="figures/fig-3-10.svg"' in page and 'src="figures/fig-3-9.svg"' not in page
    assert 'src="figures/fig-4-1-drawn.svg"' in page  # of the weights that are kept
    assert "section 4.2" not in page and "Searched networks" not in page  # nothing of them is kept
    row = pd.read_csv(folder / "tables/accuracies.csv").set_index(["dataset", "model"]).loc[("FERm", "lightResNetl")]
    assert (row["accuracy"], row["seeds"], row["epochs"], row["study"]) == (90, 2, 2, "tiny")


def test_only_figures_of_other_numbers_are_drawn_again(tree, monkeypatch):
    keep.keep_study("tiny")
    report.write_report(readme.findings())
    drawn = {path: path.stat().st_mtime_ns for path in (origins.kept_folder() / "figures").iterdir()}
    before = files(origins.kept_folder())
    predictions = origins.kept_folder() / "tiny/predictions/ferm-lightResNetl-seed1.csv"
    monkeypatch.delattr(report, "looked_at")  # maps are made again for other weights alone
    (origins.kept_folder() / "figures/left.svg").touch()
    report.write_report(readme.findings())
    assert files(origins.kept_folder()) == before
    assert {path: path.stat().st_mtime_ns for path in drawn} == drawn
    table = pd.read_csv(predictions)
    table.assign(predicted="Happy").to_csv(predictions, index=False)
    report.write_report(readme.findings())
    assert [path.name for path in drawn if path.stat().st_mtime_ns != drawn[path]] == ["fig-3-10.svg"]


def test_without_a_kept_study_there_is_no_page():
    with pytest.raises(ValueError, match=r"no study is kept: `python -m fer_nb\.published STUDY` keeps one"):
        report.write_report(readme.findings())
