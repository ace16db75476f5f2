"""The report's index of a study: its pages, training runs, tables and figures."""

from pathlib import Path

from fer_nb import paths
from fer_nb.finished import is_finished, read_metrics
from fer_nb.report.answer import answers, facts
from fer_nb.report.manifest import anchor, first_heading, read_manifest, read_notebook
from fer_nb.report.page import bar, duration, fill_template, outdated, render
from fer_nb.report.whole import write_whole
from fer_nb.study import Run, parameter_files, parameters, training_runs


def write_index(study: str) -> Path:
    """Write ``reports/<study>/index.html``, and every page of the study that is missing or outdated; its path.

    A run that the protocol of another study trains has its page there: the index of that study is written too.
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
            trained_here = bool(seen) or any("epochs" in run for run in trained)  # without Jupyter a run has no page
            page |= {"done": trained_here, "failed": any(run["failed"] for run in seen)}
            page["picture"] = next((run["picture"] for run in seen if run["picture"]), "")
    for other in {run.study for run in planned} - {study}:
        write_index(other)
    tables, figures = ([(page["href"], one) for page in pages for one in page[kind]] for kind in ("tables", "figures"))
    sections = {"Pages": pages, "Training runs": trained, "Tables": tables, "Figures": figures}
    write_whole(study, pages)
    return fill_template(
        paths.REPORTS / study / "index.html",
        "study.html.j2",
        study=study,
        pages=pages,
        title=f"Study {study}",
        lead=_lead(study, names),
        answers=answers(study, pages),
        facts=facts(study, pages, trained),
        cards=sorted(pages, key=lambda page: page["name"] != "12_summary"),  # the summary first
        contents=[("2", section.split()[0].lower(), section) for section, listed in sections.items() if listed],
        runs=trained,
        tables=tables,
        figures=figures,
        anchor=anchor,
    )


def _page(name: str, short: str, study: str) -> dict:
    """What the index says of one page; renders the page where it is outdated."""
    if made := _up_to_date(study, name):
        return {"done": True, **made}
    source = paths.NOTEBOOKS / f"{name}.ipynb"
    title = first_heading(read_notebook(source), short) if source.exists() else short
    return {"done": False, "failed": False, "title": title, "picture": "", "tables": [], "figures": []}


def _run(run: Run, study: str) -> dict:
    """The index's row for one training run; renders its page where it is outdated."""
    model = f"{run.model} ({run.change})" if run.change else run.model
    row = {"dataset": run.dataset, "model": model, "seed": run.seed, "failed": False, "href": ""}
    page = f"04_training-{run.name}"
    if made := _up_to_date(run.study, page):
        folder = "" if run.study == study else f"../{run.study}/"
        picture = made["picture"] and folder + made["picture"]
        row |= {"href": f"{folder}{page}.html", "failed": made["failed"], "picture": picture}
    if is_finished(run):
        try:
            found = read_metrics(run)
        except ValueError:
            return row | {"failed": True}
        row |= {"epochs": found["epochs"], "accuracy": found["test_accuracy"], "duration": duration(found["seconds"])}
    return row


def _up_to_date(study: str, page: str) -> dict | None:
    """A page's manifest with ``failed`` and ``picture`` (its first figure); None where the notebook has not run.

    Renders the page where it is outdated.
    """
    notebook = paths.RUNS / study / "notebooks" / f"{page}.ipynb"
    if not notebook.exists():
        return None
    if outdated(paths.REPORTS / study / f"{page}.html", notebook):
        render(notebook, study)
    made = read_manifest(study, page)
    assert made is not None  # it stands beside the page
    picture = made["figures"][0]["files"][0] if made["figures"] else ""
    return {**made, "failed": made["failure"] is not None, "picture": picture}


def _lead(study: str, names: list[str]) -> str:
    """What the study is, in two sentences."""
    with_file = [name for name in names if parameter_files(study, name)]
    real = "real" in {parameters(study, name).get("data") for name in with_file}
    return "Facial-expression recognition with light networks, " + (
        "on the published data sets. Every result is shown beside the thesis's."
        if real
        else "on synthetic faces that fer_nb draws itself. The numbers show that every part works, "
        "not how well a net recognises the expressions of people: for that, run a study on real data."
    )
