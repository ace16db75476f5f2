"""The report's index of a study: its pages, training runs, tables and figures."""

import html
import json
import re
from pathlib import Path

from fer_nb import paths
from fer_nb.report.page import bar, duration, failure_of, first_heading, outdated, read, render, write
from fer_nb.study import Run, parameter_files, parameters, training_runs

# What report.save_table and report.save_figure put into a notebook: kind, name, caption.
_SAVED = re.compile(r'<(table|figure) class="report" id="([^"]+)">\s*<(?:caption>|img alt=")([^<"]*)')


def index(study: str) -> Path:
    """Write ``reports/<study>/index.html``, and every page of the study that is missing or outdated.

    Lists the study's pages, training runs, tables and figures. Runs that another study's protocol trains have their
    pages there: that study's index is written too.
    Raises FileNotFoundError where there is no such study.
    """
    pages = bar(study)
    names = [page["name"] for page in pages]
    planned = training_runs(study)
    trained = [_run(run, study) for run in planned]
    for page in pages:
        page |= _page(page["name"], page["short"], study)
        if page["name"] == "04_training":
            seen = [run for run in trained if run["href"]]
            page |= {"done": bool(seen), "failed": any(run["failed"] for run in seen)}
            page["picture"] = next((run["picture"] for run in seen if run["picture"]), "")
    for other in {run.study for run in planned} - {study}:
        index(other)
    tables = [(page["href"], *table) for page in pages for table in page["tables"]]
    figures = [(page["href"], *figure) for page in pages for figure in page["figures"]]
    sections = {"Pages": pages, "Training runs": trained, "Tables": tables, "Figures": figures}
    return write(
        paths.REPORTS / study / "index.html",
        "study.html.j2",
        study=study,
        pages=pages,
        title=f"Study {study}",
        lead=_lead(study, names),
        contents=[("2", section.split()[0].lower(), section) for section, listed in sections.items() if listed],
        runs=trained,
        tables=tables,
        figures=figures,
    )


def _page(name: str, short: str, study: str) -> dict:
    """What the index says of one page; renders the page where that is due."""
    notebook = paths.RUNS / study / "notebooks" / f"{name}.ipynb"
    if notebook.exists():
        return {"done": True, **_summary(notebook, study)}
    source = paths.NOTEBOOKS / notebook.name
    title = first_heading(read(source), short) if source.exists() else short
    return {"done": False, "failed": False, "title": title, "picture": "", "tables": [], "figures": []}


def _run(run: Run, study: str) -> dict:
    """The index's row for one training run; renders its page where that is due."""
    model = f"{run.model} ({run.change})" if run.change else run.model
    row = {"dataset": run.dataset, "model": model, "seed": run.seed, "failed": False, "href": ""}
    notebook = paths.RUNS / run.study / "notebooks" / f"04_training-{run.name}.ipynb"
    if notebook.exists():
        folder = "" if run.study == study else f"../{run.study}/"
        summary = _summary(notebook, run.study)
        picture = summary["picture"] and folder + summary["picture"]
        row |= {"href": f"{folder}{notebook.stem}.html", "failed": summary["failed"], "picture": picture}
    metrics = run.folder / "metrics.json"
    if metrics.exists():
        found = json.loads(metrics.read_text())
        row |= {"epochs": found["epochs"], "accuracy": found["test_accuracy"], "duration": duration(found["seconds"])}
    return row


def _summary(notebook: Path, study: str) -> dict:
    """Title, failure, tables and figures of an executed notebook; renders it where its page is outdated."""
    page = paths.REPORTS / study / f"{notebook.stem}.html"
    if outdated(page, notebook):
        render(notebook, study)
    node = read(notebook)
    outputs = [output for cell in node["cells"] for output in cell.get("outputs", [])]
    shown = "\n".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
    saved = [(kind, name, html.unescape(caption)) for kind, name, caption in _SAVED.findall(shown)]
    tables, figures = ([item[1:] for item in saved if item[0] == kind] for kind in ("table", "figure"))
    return {
        "title": first_heading(node, notebook.stem),
        "failed": failure_of(node) is not None,
        "picture": f"figures/{figures[0][0]}.png" if figures else "",
        "tables": tables,
        "figures": figures,
    }


def _lead(study: str, names: list[str]) -> str:
    """What the study is, in a sentence or two."""
    with_file = [name for name in names if parameter_files(study, name)]
    real = "real" in {parameters(study, name).get("data") for name in with_file}
    return "Facial-expression recognition with light networks, " + (
        "on the data sets as published. Every result stands beside the thesis's."
        if real
        else "on synthetic faces that fer_nb draws itself. The numbers show that every part works, "
        "not how well a net reads people: for that, run a study on real data."
    )
