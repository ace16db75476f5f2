"""A built report in the machine's Chromium: what a reader sees and can do, on screens of two widths and on paper."""

import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot as plt
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_nb import paths
from fer_nb.report import save
from fer_nb.report.index import write_index

STUDY = "small"
PAGES = ("index.html", "01_data_preparation.html", "all.html")
SAVED = ("figure-", "table-")  # how the ids of what a notebook has saved begin
A4 = 688  # pixels of its 182 mm between the margins of style.css

# What Web Content Accessibility Guidelines 2.2 (1.4.3) call contrast: of each text with what lies behind it.
LOW_CONTRAST = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = colour => colour.slice(0, 3).map(v => linear(v / 255))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = part => {
    for (; part; part = part.parentElement) {
      const colour = numbers(getComputedStyle(part).backgroundColor);
      if (colour.length === 3) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.body.querySelectorAll("*")].filter(part => part.checkVisibility({ opacityProperty: true }) &&
    [...part.childNodes].some(node => node.nodeType === 3 && node.data.trim())).map(part => {
      const both = [light(numbers(getComputedStyle(part).color)), light(behind(part))];
      const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      return [part.tagName + ": " + part.textContent.trim().slice(0, 30), ratio];
    }).filter(([, ratio]) => ratio < 4.5);
}"""

# What each id of a page stands at.
KINDS = """() => Object.fromEntries([...document.querySelectorAll("[id]")].map(part =>
  [part.id, part.matches("figure") ? "figure" : part.matches(".report:has(table)") ? "table" : "other"]))"""


def shows(saved):
    data, metadata = DisplayFormatter().format(saved)
    return new_code_cell("show(1)  # 'what'", outputs=[new_output("execute_result", data, metadata=metadata)])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The folder of a report whose first page has a wide long table, a narrow one, sentences and a figure."""
    tree, patch = tmp_path_factory.mktemp("tree"), pytest.MonkeyPatch()
    for name in ("PARAMS", "RUNS", "REPORTS"):
        patch.setattr(paths, name, tree / name.lower())
    (paths.PARAMS / STUDY).mkdir(parents=True)
    for name in ("01_data_preparation", "02_ferm_construction"):
        (paths.PARAMS / STUDY / f"{name}.yaml").touch()
    numbers = np.random.default_rng(0).random((40, 13)) * 1000
    wide = pd.DataFrame(numbers, columns=[f"some_quantity_{i}" for i in range(13)])
    wide.insert(0, "model", [f"a net with a long name {i}" for i in range(40)])
    row = ("A sentence of the thesis.", "4.2.1", "enrichment: all, nose + mouth", 1.5, 1.2, 1.8, 9, "above 1", "yes")
    columns = ["sentence", "where", "quantity", "measured", "low", "high", "pictures", "bound", "holds"]
    sentences = pd.concat([pd.DataFrame([row], columns=columns).assign(method=name) for name in ("MP", "Score-CAM")])
    drawn, axes = plt.subplots(figsize=(9, 2))
    axes.plot([1, 2, 3])
    cells = [
        new_markdown_cell("# Data (section 3.1)\n\n## Numbers"),
        shows(save.save_table(wide, "wide", STUDY, "A caption. " * 20)),
        shows(save.save_table(pd.DataFrame({"n": [1]}), "drawn", STUDY, "Narrow.")),
        new_markdown_cell("## Figures"),
        shows(save.save_figure(drawn, "drawn", STUDY, "Drawn.")),
        shows(save.save_sentences(sentences, "sentences", STUDY, "Sentences.")),
    ]
    for number, cell in enumerate(cells):
        if cell.cell_type == "code":
            cell.execution_count = number
    notebooks = paths.RUNS / STUDY / "notebooks"
    notebooks.mkdir(parents=True)
    nbformat.write(new_notebook(cells=cells), notebooks / "01_data_preparation.ipynb")
    nbformat.write(new_notebook(cells=[new_markdown_cell("# FERm")]), notebooks / "02_ferm_construction.ipynb")
    yield write_index(STUDY).parent
    patch.undo()


@pytest.fixture
def opened(browser, report):
    """``opened(name, width)`` is a page; a word on its console, or a request beyond the disk, fails the test."""
    context, wrong = browser.new_context(), []
    context.on("console", lambda message: wrong.append(message.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
    context.on("requestfailed", lambda request: wrong.append(f"{request.url}: {request.failure}"))

    def open_page(name, width=1400):
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{(report / name.partition('#')[0]).as_uri()}#{name.partition('#')[2]}".removesuffix("#"))
        return page

    yield open_page
    context.close()
    assert not wrong


@pytest.mark.parametrize("width", [1400, 390])
def test_no_page_is_wider_than_the_screen_and_every_word_can_be_read(opened, width):
    for name in PAGES:
        page = opened(name, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        assert page.evaluate(LOW_CONTRAST) == [], name
        for caption in page.locator(".caption, figcaption").all():
            box = caption.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_nothing_is_cut_on_paper(opened):
    for name in PAGES:
        page = opened(name, A4)
        page.emulate_media(media="print")
        ends = page.locator("main *").evaluate_all("parts => parts.map(part => part.getBoundingClientRect().right)")
        assert max(ends) <= A4 + 1, name
        if "index" not in name:
            assert page.locator(".rest").first.is_visible() and not page.locator(".bar").is_visible()
            cut = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth + 1).length"
            assert page.locator("td, th").evaluate_all(cut) == 0


def test_links_lead_to_what_they_name(opened, report):
    links, kinds = {}, {}
    for file in sorted(report.glob("*.html")):
        page = opened(file.name)
        links[file.name] = page.locator("a[href]").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        kinds[file.name] = page.evaluate(KINDS)
    assert set(links) == {*PAGES, "02_ferm_construction.html"}
    leads = {}
    for name, of_page in links.items():
        for target, _, part in (link.partition("#") for link in of_page):
            assert (report / (target or name)).exists(), target
            if part:
                leads[name, part] = kinds[target or name][part]
    found = {part: kind for (name, part), kind in leads.items() if name == "index.html" and part.startswith(SAVED)}
    assert found == {
        "figure-drawn": "figure",
        "table-drawn": "table",
        "table-wide": "table",
        "table-sentences": "table",
    }


def test_the_code_switch_is_remembered_and_a_link_opens_its_cell(opened):
    page = opened("01_data_preparation.html")
    code = page.locator("details.code > .highlight")
    assert not code.first.is_visible()
    page.locator('.files a[href="#cell-1"]').click()
    assert code.first.is_visible() and not code.last.is_visible()
    page.get_by_label("Code", exact=True).check()
    assert all(cell.is_visible() for cell in code.all()) and page.locator(".copy").count() == code.count()
    again = opened("01_data_preparation.html")
    assert again.locator("details.code > .highlight").last.is_visible()
    again.get_by_label("Code", exact=True).uncheck()
    again.reload()
    assert not again.locator("details.code > .highlight").last.is_visible()


def test_a_figure_is_enlarged_and_closed_again(opened):
    page = opened("01_data_preparation.html", 390)
    figure, viewer = page.locator("figure.report img"), page.locator("dialog")
    small = figure.bounding_box()["width"]
    figure.click()
    assert viewer.is_visible() and viewer.locator("img").get_attribute("src").endswith("/figures/drawn.svg")
    page.wait_for_function("document.querySelector('dialog img').naturalWidth > 0")
    assert viewer.locator("img").bounding_box()["width"] > 1.5 * small
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    for key in ("Enter", "Space"):
        figure.press(key)
        viewer.get_by_role("button", name="Close").click()
        assert not viewer.is_visible()


def test_a_long_table_is_unfolded_and_sorted(opened):
    page = opened("01_data_preparation.html")
    table, rest = page.locator("#table-wide table"), page.locator("#table-wide .rest")
    assert not rest.first.is_visible() and table.locator("tbody tr:not(.rest)").count() == save.FIRST
    page.get_by_label("all 40 rows").check()
    assert rest.first.is_visible() and rest.count() == 40 - save.FIRST
    for order in (1, -1):
        table.get_by_role("button", name="some quantity 0", exact=False).first.click()
        cells = table.locator("td:nth-child(2)").all_inner_texts()
        values = [order * float(text.replace(",", "")) for text in cells]
        assert values == sorted(values) and len(values) == 40
    page.get_by_label("all 40 rows").uncheck()  # the first of the sorted rows stay
    assert table.locator("tr").nth(save.FIRST).is_visible() and not table.locator("tr").nth(save.FIRST + 1).is_visible()


def test_the_index_is_filtered_and_the_pages_fold_on_a_phone(opened):
    page = opened("index.html", 390)
    pages = page.locator("#bar-pages")
    assert not pages.is_visible()
    page.get_by_role("button", name="Pages").click()
    assert pages.is_visible()
    items = page.locator(".list li")
    page.get_by_label("Filter tables and figures").fill("narrow")
    assert [item.inner_text().split()[0] for item in items.all() if item.is_visible()] == ["Narrow."]
    page.get_by_label("Filter tables and figures").fill("")
    assert all(item.is_visible() for item in items.all())


def test_the_contents_show_what_is_read(opened):
    page = opened("01_data_preparation.html#provenance")
    page.wait_for_selector('.contents a[aria-current][href="#provenance"], .contents a[aria-current]')
    assert page.locator(".contents a[aria-current]").count() == 1
    assert page.locator(".around .next").get_attribute("href") == "02_ferm_construction.html"
