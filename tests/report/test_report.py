import json
import os
import re
import shutil
from html.parser import HTMLParser

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_nb import paths
from fer_nb.report import __main__, save
from fer_nb.report import page as pages
from fer_nb.report.index import write_index
from fer_nb.report.manifest import read_manifest

STUDY = "small"
RUN = "04_training-ferm-lightResNetl-seed0"


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    """A checkout's folders with two studies: ``small`` trains its own run, ``whole`` takes it from ``ferm``."""
    for name in ("PARAMS", "RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    files = {
        "small": ["01_data_preparation", "04_training", "05_evaluation"],
        "ferm": ["04_training", "05_evaluation"],
        "whole": ["05_evaluation"],
    }
    for study, names in files.items():
        (paths.PARAMS / study).mkdir(parents=True)
        for name in names:
            content = "ckplus: []\nferm: [lightResNetl]\n" if name == "05_evaluation" else "data: synthetic\n"
            (paths.PARAMS / study / f"{name}.yaml").write_text(content)
    return tmp_path


def executed(name, cells, study=STUDY, **metadata):
    """Write an executed notebook where ``fer_nb.run`` leaves it; every cell has run but for those named "left"."""
    for number, cell in enumerate(cells, 1):
        if cell.cell_type == "code" and cell.source != "left":
            cell.execution_count = number
    path = paths.RUNS / study / "notebooks" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
    return path


def shows(saved):
    """A cell that shows what ``save`` returned, as Jupyter records it."""
    data, metadata = DisplayFormatter().format(saved)
    return new_code_cell("show", outputs=[new_output("execute_result", data, metadata=metadata)])


class Loaded(HTMLParser):
    """Collects what a browser would load for a page: every address but those of links to click."""

    def __init__(self, page):
        super().__init__()
        self.addresses = re.findall(r"url\(([^)]*)\)|@import ([^;]*)", page)
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.addresses += [value for key, value in attributes if key in ("src", "href", "srcset") and tag != "a"]


class Linked(HTMLParser):
    """Collects the links of a page and the tag of each id."""

    def __init__(self, page):
        super().__init__()
        self.links, self.ids = [], {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if "id" in given:
            assert given["id"] not in self.ids, f"two elements have the id {given['id']}"
            self.ids[given["id"]] = tag
        self.links += [given["href"]] if tag == "a" and "href" in given else []


def figure():
    drawn, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 2, 3])
    return drawn


def test_table_shows_numbers_as_people_read_them_and_keeps_them_in_csv():
    table = pd.DataFrame(
        {
            "model": ["a<b", "c"],
            "parameters": [1234567, 8],
            "accuracy": [71.23456789, np.nan],
            "seeds": pd.array([5, None], "Int64"),
            "difference": [-0.5, 1.25],
        }
    )
    shown = save.save_table(table, "table-3-1", STUDY, "Table 3-1. Nets & cost.").data
    for cell in ("a&lt;b", "1,234,567", "71.23", "–", "5", "−0.50", "+1.25"):
        assert f">{cell}</td>" in shown
    assert '<th scope="col" style="text-align:left">model<' in shown and 'style="text-align:right">accuracy<' in shown
    assert '<p class="caption">Table 3-1. Nets &amp; cost.' in shown and 'href="tables/table-3-1.csv"' in shown
    written = (paths.REPORTS / STUDY / "tables" / "table-3-1.csv").read_text()
    assert written == "model,parameters,accuracy,seeds,difference\na<b,1234567,71.2346,5,-0.5\nc,8,,,1.25\n"
    assert [path.name for path in (paths.REPORTS / STUDY / "tables").iterdir()] == ["table-3-1.csv"]


def test_what_rounds_to_zero_has_no_sign():
    gap = {"difference": -0.001, "difference_low": -0.2, "difference_high": -0.004}
    shown = save.save_table(pd.DataFrame([gap | {"share": -0.0}]), "t", STUDY).data
    assert re.findall(r">([^<>]*)</td>", shown) == ["0.00 [−0.20, 0.00]", "0.00"]
    assert (paths.REPORTS / STUDY / "tables" / "t.csv").read_text().endswith("\n-0.001,-0.2,-0.004,0\n")
    row = {"where": "4.2.1", "sentence": "Maps agree.", "quantity": "overlap", "method": "MP", "bound": "above 0"}
    row |= {"measured": -1e-9, "low": -0.3, "high": -1e-9, "pictures": 54, "holds": "no"}
    shown = save.save_sentences(pd.DataFrame([row]), "s", STUDY).data
    assert ">0.00 [−0.30, 0.00], n = 54: no<" in shown


def test_whole_numbers_beside_a_missing_one_are_no_counts():
    table = pd.DataFrame({"accuracy": [100.0, np.nan, 97.0], "epochs": pd.array([60, None, 2], "Int64")})
    shown = save.save_table(table, "t", STUDY).data
    assert re.findall(r">([^<>]*)</td>", shown) == ["100.00", "60", "–", "–", "97.00", "2"]
    assert (paths.REPORTS / STUDY / "tables" / "t.csv").read_text() == "accuracy,epochs\n100,60\n,\n97,2\n"


def test_table_with_a_named_index_and_digits_by_column():
    table = pd.DataFrame({"p": [0.00012], "share": [50.0]}, index=pd.Index(["train"], name="split"))
    shown = save.save_table(table, "t", STUDY, digits={"p": 5}).data
    assert ">split<" in shown and ">0.00012<" in shown and ">50.00<" in shown
    assert (paths.REPORTS / STUDY / "tables" / "t.csv").read_text() == "split,p,share\ntrain,0.00012,50\n"


def test_an_interval_is_one_cell_with_its_value_and_three_columns_of_the_csv():
    table = pd.DataFrame(
        {"model": ["a", "b"], "accuracy": [72.22, 50.0], "low": [59.11, np.nan], "high": [82.38, np.nan]}
    )
    table = table.assign(sequence_low=[40.0, 10.0], sequence_high=[90.0, 20.0], difference=[-1.0, 2.0])
    table = table.assign(difference_low=[-3.0, 1.0], difference_high=[1.0, 3.0], pictures=[54, 54])
    shown = save.save_table(table, "t", STUDY, digits=1).data
    heads = ["model", "accuracy [95%]", "sequence [95%]", "difference [95%]", "pictures"]
    assert re.findall(r">([^<>]*)</th>", shown) == heads
    cells = ["a", "72.2 [59.1, 82.4]", "[40.0, 90.0]", "−1.0 [−3.0, +1.0]", "54"]
    assert re.findall(r">([^<>]*)</td>", shown)[: len(cells)] == cells
    assert ">50.0</td>" in shown
    written = (paths.REPORTS / STUDY / "tables" / "t.csv").read_text()
    assert written.startswith("model,accuracy,low,high,sequence_low,sequence_high,difference,difference_low,")


@pytest.mark.parametrize(("expressions", "stay"), [(["all", "Happy"] * 20, 20), (["Happy"] * 40, save.FIRST)])
def test_of_a_long_table_a_part_stays(expressions, stay):
    shown = save.save_table(pd.DataFrame({"expression": expressions, "n": range(40)}), "t", STUDY).data
    assert shown.count("<tr><td") == stay and shown.count('<tr class="rest"><td') == 40 - stay
    assert " all 40 rows</label>" in shown and 'class="sortable"' in shown
    above = shown.split("</tbody>")[0]  # rows "all" have a body of their own, which is sorted apart
    assert above.count("<tr") - 1 == (20 if "all" in expressions else 40)
    whole = save.save_table(pd.DataFrame({"n": range(40)}), "t", STUDY, fold=False).data
    assert 'class="sortable"' in whole and "rest" not in whole and "all 40 rows" not in whole
    assert "rest" not in save.save_table(pd.DataFrame({"n": range(30)}), "t", STUDY).data


def test_a_sentence_is_a_block_with_its_verdict_and_both_methods_side_by_side():
    rows = [
        ("Happy: mouth & eyes.", "enrichment: mouth", "MP", 1.5, 1.2, 1.8, 12, "above 1", "yes"),
        ("Happy: mouth & eyes.", "enrichment: mouth", "Score-CAM", 0.5, 0.4, 0.6, 12, "above 1", "no"),
        ("Nothing changes.", "kept", "", 99.0, 97.0, 100.0, 1, "above 95", "yes"),
        ("Not tried.", "not measured", "", np.nan, np.nan, np.nan, 0, "", "cannot say"),
    ]
    columns = ["sentence", "quantity", "method", "measured", "low", "high", "pictures", "bound", "holds"]
    table = pd.DataFrame(rows, columns=columns).assign(where="4.2.1")
    shown = save.save_sentences(table, "section-4-2", STUDY, "Sentences.").data
    verdicts = re.findall(r'<b class="verdict [a-z-]+">([^<]*)</b> ([^<]*) <', shown)
    said = ["Happy: mouth &amp; eyes.", "Nothing changes.", "Not tried."]
    assert verdicts == list(zip(["in part", "holds", "not measured"], said, strict=True))
    assert '<span class="yes">1.50 [1.20, 1.80], n = 12: yes</span></td><td><span class="no">0.50' in shown
    assert '<td colspan="2"><span class="yes">99.00 [97.00, 100.00], n = 1: yes' in shown
    assert (paths.REPORTS / STUDY / "tables" / "section-4-2.csv").read_text().count("\n") == 5
    for holds, verdict in ((["no", "cannot say"], "does not hold"), (["yes", "cannot say"], "cannot say")):
        assert save.joint_verdict(pd.DataFrame({"measured": 1.0, "holds": holds})) == verdict


def test_figure_is_written_twice_alike_and_closed():
    folder = paths.REPORTS / STUDY / "figures"
    shown = save.save_figure(figure(), "fig-3-4", STUDY, 'Figure 3-4. "Nets"').data
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    save.save_figure(figure(), "fig-3-4", STUDY)
    assert first == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(first) == ["fig-3-4.png", "fig-3-4.svg"] and not plt.get_fignums()
    assert 'alt="Figure 3-4. &quot;Nets&quot;"' in shown and "<figcaption>Figure 3-4." in shown


def test_photographs_have_no_svg():
    save.save_figure(figure(), "faces", STUDY, vector=False)
    assert [path.name for path in (paths.REPORTS / STUDY / "figures").iterdir()] == ["faces.png"]


def test_page_is_complete_and_loads_nothing():
    cells = [
        new_markdown_cell("# Data (section 3.1)\n\nCost $k^2 < C$, see [it](https://example.org)."),
        new_code_cell('study = "small"', metadata={"tags": ["parameters"]}),
        new_markdown_cell("## 3.1.1 FER2013 (table 3-2)"),
        shows(save.save_table(pd.DataFrame({"n": [1]}), "table-3-2", STUDY, "Table 3-2.")),
        shows(save.save_figure(figure(), "fig-2-9", STUDY, "Figure 2-9.")),
    ]
    recorded = {
        "commit": "abc1234+changes",
        "seconds": 63.2,
        "device": "CPU, 2 cores",
        "versions": {"torch": "2.15.0"},
        "parameters": {"data": "synthetic"},
        "checksums": {"fer2013/fer2013.csv": "9f86d081"},
    }
    path = pages.render(executed("01_data_preparation", cells, fer_nb=recorded), STUDY)
    page = path.read_text()
    assert path == paths.REPORTS / STUDY / "01_data_preparation.html"
    assert [address for address in Loaded(page).addresses if not address.startswith("data:")] == []
    assert "<title>Data (section 3.1) · small</title>" in page
    assert 'href="index.html#training"' in page and 'href="05_evaluation.html"' in page
    assert 'aria-current="page"><i>01</i> Data preparation' in page
    assert 'href="#3.1.1-FER2013-(table-3-2)">3.1.1 FER2013 (table 3-2)</a>' in page
    assert '<details class="code"><summary>' in page and 'id="show-code"' in page
    assert 'alt="k^2 &lt; C"' in page and "$" not in re.sub("<script.*", "", page, flags=re.DOTALL)
    for words in ("abc1234+changes", "1 min 03 s", "CPU, 2 cores", "torch 2.15.0", "<dd>synthetic", "<dd>9f86d081"):
        assert words in page
    assert 'role="alert"' not in page
    made = read_manifest(STUDY, "01_data_preparation")
    assert made["tables"] == [{"name": "table-3-2", "caption": "Table 3-2.", "files": ["tables/table-3-2.csv"]}]
    files = ["figures/fig-2-9.png", "figures/fig-2-9.svg"]
    assert made["figures"] == [{"name": "fig-2-9", "caption": "Figure 2-9.", "files": files}]
    assert all(
        (paths.REPORTS / STUDY / file).exists() for shown in made["tables"] + made["figures"] for file in shown["files"]
    )
    assert {key: made[key] for key in recorded} == recorded
    assert (made["title"], made["notebook"], made["study"]) == ("Data (section 3.1)", "01_data_preparation", STUDY)
    assert made["failure"] is None


def test_progress_bars_and_printed_lines_are_two_texts():
    streams = [("stderr", "\r 0%"), ("stdout", "epoch 1\n"), ("stderr", "\r50%"), ("stdout", "epoch 2\n")]
    cell = new_code_cell("fit()", outputs=[new_output("stream", name=name, text=text) for name, text in streams])
    page = pages.render(executed(RUN, [cell]), STUDY).read_text()
    assert '<pre class="stream">epoch 1\nepoch 2\n</pre>' in page
    assert page.count("progress and warnings") == 1 and "50%" in page and " 0%" not in page
    assert f"<title>04_training · {RUN.removeprefix('04_training-')} · small" in page
    assert 'aria-current="page"><i>04</i> Training' in page


def test_failed_notebook_says_so_at_its_top():
    mark = new_markdown_cell("An Exception was encountered", metadata={"tags": ["papermill-error-cell-tag"]})
    error = new_output(
        "error", ename="ValueError", evalue="row 7 has <3> numbers\nmore", traceback=["\x1b[31mline\x1b[0m"]
    )
    cells = [mark, new_markdown_cell("# Title"), new_code_cell("load()", outputs=[error]), new_code_cell("after()")]
    page = pages.render(executed("01_data_preparation", cells), STUDY).read_text()
    banner = page[page.index('role="alert"') : page.index(">Title<a")]
    assert "ValueError" in banner and "row 7 has &lt;3&gt; numbers" in banner and 'href="#failed-cell"' in banner
    assert page.count('id="failed-cell"') == 1 and '<span class="ansi-red-fg">line</span>' in page
    assert "An Exception was encountered" not in page
    failure = {"name": "ValueError", "message": "row 7 has <3> numbers", "cell": True}
    assert read_manifest(STUDY, "01_data_preparation")["failure"] == failure


def test_failure_without_an_error_in_a_cell():
    page = pages.render(executed("01_data_preparation", [], fer_nb={"status": "kernel died"}), STUDY).read_text()
    assert "kernel died" in page and 'href="#failed-cell"' not in page


def test_a_notebook_whose_run_was_killed_has_failed():
    """Nothing but cells without a number tells it: no error, and no mark of an end."""
    page = pages.render(executed("01_data_preparation", [new_code_cell("ran"), new_code_cell("left")]), STUDY)
    assert "The run stopped before the end: 1 of 2 code cells have not run." in page.read_text()
    assert read_manifest(STUDY, "01_data_preparation")["failure"]["cell"] is False


def test_plain_papermill_footer():
    recorded = {
        "parameters": {"data": "real"},
        "duration": 7.51,
        "input_path": "/elsewhere/notebooks/01_data_preparation.ipynb",
    }
    page = pages.render(executed("01_data_preparation", [], papermill=recorded), STUDY).read_text()
    assert "<dd>real" in page and "7.5 s" in page and "/elsewhere" not in page
    made = read_manifest(STUDY, "01_data_preparation")
    assert (made["parameters"], made["seconds"], made["status"], made["commit"]) == ({"data": "real"}, 7.51, "", "")


def test_index_lists_pages_runs_tables_and_figures():
    cells = [
        new_markdown_cell("# Data (section 3.1)"),
        shows(save.save_table(pd.DataFrame({"n": [1]}), "table-3-2", STUDY, "Table 3-2. Faces & more.")),
        shows(save.save_figure(figure(), "fig-2-9", STUDY, "Figure 2-9.")),
    ]
    executed("01_data_preparation", cells)
    executed(RUN, [new_code_cell(outputs=[new_output("error", ename="E", evalue="no", traceback=[])])])
    folder = paths.RUNS / STUDY / "04_training" / "ferm-lightResNetl-seed0"
    folder.mkdir(parents=True)
    of_run = {"study": "small", "dataset": "ferm", "model": "lightResNetl", "seed": 0}
    found = of_run | {"epochs": 4, "test_accuracy": 81.256, "seconds": 75}
    (folder / "metrics.json").write_text(json.dumps(found))
    page = write_index(STUDY).read_text()
    assert "synthetic faces" in page and '<span class="name">Data (section 3.1)</span>' in page
    assert 'src="figures/fig-2-9.png"' in page and 'href="tables/table-3-2.csv"' in page
    assert 'href="01_data_preparation.html#table-3-2">Table 3-2. Faces &amp; more.</a>' in page
    assert "81.26" in page and "1 min 15 s" in page and f'href="{RUN}.html">failed</a>' in page
    assert page.count("not run yet") == 1  # 05_evaluation
    assert (paths.REPORTS / STUDY / f"{RUN}.html").exists()


def test_every_link_of_a_report_leads_to_what_it_names():
    """A table and a figure of the same name, and names of the thesis's tables and figures."""
    shown = [shows(save.save_table(pd.DataFrame({"a": [1]}), name, STUDY)) for name in ("robustness", "table-3-2")]
    shown += [shows(save.save_figure(figure(), name, STUDY)) for name in ("robustness", "fig-3-2")]
    executed("01_data_preparation", [new_markdown_cell("# Data\n\n## A part"), *shown])
    executed("05_evaluation", [new_markdown_cell("# Evaluation")])
    index = write_index(STUDY)
    found = {path.name: Linked(path.read_text()) for path in paths.REPORTS.glob(f"{STUDY}/*.html")}
    kinds = []
    for page, of in found.items():
        for link in of.links:
            file, _, part = link.partition("#")
            assert (index.parent / file).exists(), link
            if part:
                kinds.append((page, part, found[file or page].ids[part]))
    leads = {part: tag for page, part, tag in kinds if page == "index.html" and part.partition("-")[2]}
    assert leads == {"table-robustness": "div", "table-3-2": "div"} | {
        "figure-robustness": "figure",
        "figure-3-2": "figure",
    }


def test_index_renders_only_what_is_older_than_its_notebook():
    notebook = executed("01_data_preparation", [new_markdown_cell("# Data")])
    write_index(STUDY)
    page = paths.REPORTS / STUDY / "01_data_preparation.html"
    page.write_text("mine")
    write_index(STUDY)
    assert page.read_text() == "mine"
    later = page.stat().st_mtime + 5
    os.utime(notebook, (later, later))
    write_index(STUDY)
    assert page.read_text() != "mine"
    page.with_suffix(".json").unlink()
    write_index(STUDY)
    assert page.with_suffix(".json").exists()


def test_index_renders_what_is_older_than_a_template(tree, monkeypatch):
    executed("01_data_preparation", [new_markdown_cell("# Data")])
    shutil.copytree(pages.TEMPLATE, tree / "template")
    monkeypatch.setattr(pages, "TEMPLATE", tree / "template")
    write_index(STUDY)
    written = paths.REPORTS / STUDY / "01_data_preparation.html"
    template, later = tree / "template" / "page.html.j2", written.stat().st_mtime + 5
    template.write_text(template.read_text().replace("</main>", "new foot</main>"))
    before = written.read_text()
    os.utime(template, (later, later))
    write_index(STUDY)
    assert "new foot" not in before and "new foot" in written.read_text()


def test_runs_of_another_study_are_linked_there():
    executed(RUN, [new_markdown_cell("# Training")], study="ferm")
    assert f'href="../ferm/{RUN}.html"' in write_index("whole").read_text()
    assert (paths.REPORTS / "ferm" / f"{RUN}.html").exists() and (paths.REPORTS / "ferm" / "index.html").exists()


@pytest.mark.parametrize(
    ("content", "study", "message"),
    [
        ("{}", "smal", "no study 'smal' under params/: did you mean small?"),
        (None, STUDY, "01.ipynb does not exist: run the notebook first"),
        ("{}", STUDY, "01.ipynb is no notebook"),
        ("half a", STUDY, "01.ipynb is no notebook"),
    ],
)
def test_bad_input_is_named(tree, content, study, message):
    notebook = tree / "01.ipynb"
    if content is not None:
        notebook.write_text(content)
    with pytest.raises((FileNotFoundError, ValueError), match=re.escape(message)):
        pages.render(notebook, study)
    assert not paths.REPORTS.exists()


def test_command(capsys):
    __main__.main([STUDY])
    assert capsys.readouterr().out.strip() == str(paths.REPORTS / STUDY / "index.html")
    with pytest.raises(SystemExit, match=r"fer_nb\.report: no study 'x'"):
        __main__.main(["x"])


def test_what_is_refused_stands_in_the_index(tree, monkeypatch):
    executed("01_data_preparation", [new_markdown_cell("# Models")])
    write_index(STUDY)
    (paths.RUNS / STUDY / "notebooks/01_data_preparation.ipynb").write_text('{"cells": [')
    with pytest.raises(SystemExit, match=r"01_data_preparation\.ipynb is no notebook of format 4: run it again"):
        __main__.main([STUDY])
    index = (paths.REPORTS / STUDY / "index.html").read_text()
    assert "This study does not run: " in index and "is no notebook of format 4: run it again" in index
    assert 'href="01_data_preparation.html"' in index
