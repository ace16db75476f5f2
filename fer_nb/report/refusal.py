"""The index of a study that is refused before anything runs. Each start of Snakemake imports it: it loads no pandas."""

from pathlib import Path

from fer_nb import paths
from fer_nb.report.manifest import read_manifest
from fer_nb.report.page import fill_template

REFUSAL = "This study does not run"


def write_refusal(study: str, error: Exception) -> Path:
    """Write an index that says why the study does not run, and leads to the pages of earlier runs; its path."""
    folder = paths.REPORTS / study
    old = [read_manifest(study, path.stem) for path in sorted(folder.glob("[0-9][0-9]_*.json")) if "-" not in path.stem]
    pages = [
        {"name": made["notebook"], "number": made["notebook"][:2], "short": made["title"], "title": made["title"]}
        | {"href": f"{made['notebook']}.html", "done": True, "failed": made["failure"] is not None, "picture": ""}
        for made in old
        if made
    ]
    return fill_template(
        folder / "index.html",
        "study.html.j2",
        study=study,
        pages=pages,
        title=f"Study {study}",
        cards=pages,
        lead=f"{REFUSAL}: {error}. The pages below are of earlier runs.",
    )
