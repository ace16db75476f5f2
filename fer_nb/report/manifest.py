"""The manifest of a page: what the page shows and what made it, as JSON beside it (``reports/<study>/<page>.json``).

``page.render`` writes it from the executed notebook. The index and ``fer_nb.published`` read it instead of the page.
"""

import json
import re
from pathlib import Path

from fer_nb import paths


def read_notebook(notebook: Path) -> dict:
    """A notebook's JSON as it is: a text may be a list of lines.

    Raises FileNotFoundError where there is no file, ValueError where it is no notebook of format 4.
    """
    if not notebook.exists():
        raise FileNotFoundError(f"{notebook} does not exist: run the notebook first")
    try:
        node = json.loads(notebook.read_text(encoding="utf-8"))
        return node | {"cells": node["cells"], "metadata": node.get("metadata", {})}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{notebook} is no notebook of format 4: run it again") from None


def manifest_path(study: str, page: str) -> Path:
    """The manifest of ``page``: the executed notebook's name without its ending."""
    return paths.REPORTS / study / f"{page}.json"


def read_manifest(study: str, page: str) -> dict | None:
    """What ``make_manifest`` made of the page's notebook; None where the page was not written."""
    path = manifest_path(study, page)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def make_manifest(node: dict, study: str, page: str) -> dict:
    """What a page shows and what made it.

    Args:
        node: an executed notebook, from ``read_notebook``.

    Returns:
        title; tables and figures in the notebook's order, each with name, caption and files (relative to the page);
        failure: see ``failure``; and what ``fer_nb.run`` recorded:
        notebook, study, parameters, status, started, seconds, commit, versions, device, checksums. A notebook that was
        run without ``fer_nb.run`` has the status "" and no commit, device or checksums.
    """
    name = page.partition("-")[0]  # 04_training-<run> is a page of 04_training
    recorded, papermill = node["metadata"].get("fer_nb", {}), node["metadata"].get("papermill", {})
    outputs = _outputs(node)
    saved = [found for output in outputs if (found := output.get("metadata", {}).get("text/html", {}).get("fer_nb"))]
    shown = {
        f"{kind}s": [{key: one[key] for key in ("name", "caption", "files")} for one in saved if one["kind"] == kind]
        for kind in ("table", "figure")
    }
    otherwise = {
        "notebook": Path(papermill.get("input_path") or name).stem,
        "parameters": papermill.get("parameters", {}),
        "status": "",
        "started": papermill.get("start_time") or "",
        "seconds": papermill.get("duration"),
        "commit": "",
        "versions": {"python": node["metadata"].get("language_info", {}).get("version", "unknown")},
        "device": "",
        "checksums": {},
    }
    made_by = {key: recorded.get(key, value) for key, value in otherwise.items()}
    return {"title": first_heading(node, name), "study": study, **made_by, "failure": failure(node), **shown}


def anchor(kind: str, name: str) -> str:
    """The id on its page of a "table" or "figure": "table-3-2", "figure-4-1", "figure-robustness"."""
    return f"{kind}-{name.removeprefix('table-').removeprefix('fig-')}"


def first_heading(node: dict, otherwise: str) -> str:
    """The notebook's first heading; ``otherwise`` where it has none."""
    texts = ("".join(cell["source"]) for cell in node["cells"] if cell["cell_type"] == "markdown")
    return next((found[1].strip() for text in texts if (found := re.search(r"^# (.+)$", text, re.M))), otherwise)


def _outputs(node: dict) -> list[dict]:
    return [output for cell in node["cells"] for output in cell.get("outputs", [])]


def failure(node: dict) -> dict | None:
    """Why an executed notebook is no success: name, message and cell (whether a cell raised it); None where it is one.

    An error in a cell (``sys.exit(0)`` too), code cells that have not run, or a status other than "ok". The message
    ends with the tables that were kept of an earlier run.
    """
    recorded = node["metadata"].get("fer_nb", {})
    kept = ", ".join(f"{name} ({made})" for name, made in recorded.get("kept", {}).items())
    older = f". Kept from the last run that ended well, older than this failure: {kept}" if kept else ""
    for output in _outputs(node):
        if output["output_type"] == "error":
            message = "".join(output["evalue"]).strip().split("\n")[0]
            return {
                "name": output["ename"],
                "message": message.removesuffix(".") + older if older else message,
                "cell": True,
            }
    status = recorded.get("status", "ok")
    if status == "ok" and node["metadata"].get("papermill", {}).get("exception"):
        status = "The kernel stopped before the end."
    code = [cell for cell in node["cells"] if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
    left = sum(cell.get("execution_count") is None for cell in code)
    if status == "ok" and left:
        status = f"The run stopped before the end: {left} of {len(code)} code cells have not run."
    return (
        None
        if status == "ok"
        else {"name": "", "message": status.removesuffix(".") + older if older else status, "cell": False}
    )
