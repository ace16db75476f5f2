"""The report's page of one executed notebook.

It is one HTML file that opens from disk: style, figures and the few lines of script stand in it, and nothing is loaded
from the network. nbconvert turns the cells into HTML (``template/cells.html.j2``), Jinja frames them.
"""

import base64
import html
import io
import json
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.study import notebooks, studies

TEMPLATE = Path(__file__).parent / "template"
_SPELLING = {"Ferm": "FERm", "Mp": "MP", "Score": "Score-CAM", "cam": ""}
_HEADING = re.compile(r'<h([23]) id="([^"]+)">(.*?)<a class="anchor-link"', re.DOTALL)
_FORMULA = re.compile(r"<(pre|code)\b.*?</\1>|\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)


def render(notebook: Path, study: str) -> Path:
    """Write ``reports/<study>/<stem>.html`` from an executed notebook and return its path.

    A notebook that failed is rendered too: a banner at the top names the error and leads to the cell. The footer
    shows what ``fer_nb.run`` recorded in ``metadata["fer_nb"]``, or else what papermill did.
    Raises FileNotFoundError where the study or the notebook does not exist, ValueError where it is no notebook.
    """
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor
    from nbformat import from_dict
    from nbformat.v4.rwbase import rejoin_lines
    from pygments.formatters import HtmlFormatter

    pages = bar(study)
    node = rejoin_lines(from_dict(read(notebook)))
    failure = failure_of(node)
    # papermill's own marks of a failure: the banner and the frame round the cell say it.
    node.cells = [cell for cell in node.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    exporter = HTMLExporter(template_name="basic", extra_template_paths=[str(TEMPLATE)])
    exporter.template_file = "cells.html.j2"
    exporter.register_filter("formulas", _formulas)
    exporter.register_preprocessor(CoalesceStreamsPreprocessor, enabled=True)  # of a progress bar, its last state
    body, _ = exporter.from_notebook_node(node)
    name, _, run = notebook.stem.partition("-")  # 04_training-<run> is a page of 04_training
    headings = [(level, Markup(key), Markup(text)) for level, key, text in _HEADING.findall(body)]
    return write(
        paths.REPORTS / study / f"{notebook.stem}.html",
        "notebook.html.j2",
        study=study,
        pages=pages,
        current=name,
        run=run,
        title=" · ".join(filter(None, (first_heading(node, name), run))),
        contents=[*headings, ("2", "provenance", "Provenance")],
        body=Markup(body),
        failure=failure,
        facts=_facts(node.metadata, study),
        details=_details(node.metadata),
        highlighting=Markup(HtmlFormatter(style="friendly", nobackground=True).get_style_defs(".highlight")),
    )


def outdated(page: Path, notebook: Path) -> bool:
    """Whether a page is missing, or older than its notebook or than what makes pages of notebooks."""
    makers = [notebook, Path(__file__), TEMPLATE / "style.css", *TEMPLATE.glob("*.html.j2")]
    return not page.exists() or page.stat().st_mtime < max(path.stat().st_mtime for path in makers)


def bar(study: str) -> list[dict]:
    """The study's pages in order, as the bar over each page lists them."""
    names = notebooks(study)
    if not names:
        raise FileNotFoundError(f"no study {study!r} under params/: choose one of {', '.join(studies())}")
    return [
        {
            "name": name,
            "number": name[:2],
            "short": " ".join(_SPELLING.get(word, word) for word in name[3:].capitalize().split("_")),
            "href": "index.html#training" if name == "04_training" else f"{name}.html",
        }
        for name in names
    ]


def read(notebook: Path) -> dict:
    """A notebook's JSON as it stands: texts may be lists of lines."""
    if not notebook.exists():
        raise FileNotFoundError(f"{notebook} does not exist: run the notebook first")
    try:
        node = json.loads(notebook.read_text(encoding="utf-8"))
        return node | {"cells": node["cells"], "metadata": node.get("metadata", {})}
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{notebook} is no notebook of format 4: run it again") from None


def first_heading(node: dict, otherwise: str) -> str:
    """The notebook's first heading."""
    texts = ("".join(cell["source"]) for cell in node["cells"] if cell["cell_type"] == "markdown")
    return next((found[1].strip() for text in texts if (found := re.search(r"^# (.+)$", text, re.M))), otherwise)


def failure_of(node: dict) -> dict | None:
    """The error's name and message, None where the notebook ran to its end; marks the cell that failed."""
    for cell in node["cells"]:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                cell["metadata"]["failed"] = True
                message = "".join(output["evalue"]).strip().split("\n")[0]
                return {"name": output["ename"], "message": message, "cell": True}
    recorded = node["metadata"].get("fer_nb", {})
    if recorded.get("status", "ok") != "ok":
        return {"name": "", "message": recorded["status"], "cell": False}
    if node["metadata"].get("papermill", {}).get("exception"):
        return {"name": "", "message": "The kernel stopped before the end.", "cell": False}
    return None


def _joined(outputs: list) -> list:
    """Outputs with what a cell printed in turn to stdout and stderr (a progress bar) as one text each."""
    joined, texts = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            texts = {}
        elif output["name"] in texts:
            texts[output["name"]]["text"] += output["text"]
            continue
        else:
            texts[output["name"]] = output
        joined.append(output)
    return joined


def _facts(metadata: dict, study: str) -> dict[str, str]:
    """The footer's lines, without those that nothing was recorded for."""
    ours, papermill = metadata.get("fer_nb", {}), metadata.get("papermill", {})
    seconds = ours.get("seconds", papermill.get("duration"))
    versions = ours.get("versions") or {"python": metadata.get("language_info", {}).get("version", "unknown")}
    facts = {
        "Notebook": ours.get("notebook") or Path(papermill.get("input_path") or "").name,
        "Study": study,
        "Commit": ours.get("commit"),
        "Started (UTC)": (ours.get("started") or papermill.get("start_time") or "")[:19].replace("T", " "),
        "Duration": duration(seconds) if seconds is not None else "",
        "Device": ours.get("device"),
        "Versions": versions,
    }
    return {key: _words(value) for key, value in facts.items() if value}


def _details(metadata: dict) -> dict[str, dict]:
    """The footer's folded lists: parameters, and the SHA-256 of each data file."""
    ours, papermill = metadata.get("fer_nb", {}), metadata.get("papermill", {})
    return {
        "Parameters": ours.get("parameters") or papermill.get("parameters") or {},
        "Data (SHA-256)": ours.get("checksums") or {},
    }


def _words(value) -> str:
    return " · ".join(f"{key} {word}" for key, word in value.items()) if isinstance(value, dict) else str(value)


def duration(seconds: float) -> str:
    """Seconds in words: "8.2 s", "1 min 03 s", "2 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _formulas(text: str) -> str:
    """TeX between dollars, which a browser cannot read without MathJax, as pictures drawn by matplotlib."""
    return _FORMULA.sub(_formula, text)


def _formula(match: re.Match) -> str:
    tex = match[2] or match[3]
    if not tex:
        return match[0]
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    picture, size = io.BytesIO(), 16 if match[2] else 12.5
    try:
        depth = math_to_image(
            f"${html.unescape(tex).strip()}$", picture, FontProperties(size=size, math_fontfamily="stix"), format="svg"
        )
    except ValueError:  # beyond matplotlib's TeX
        return f"<code>{tex}</code>"
    data, side = base64.b64encode(picture.getvalue()).decode(), " block" if match[2] else ""
    attributes = f'class="formula{side}" alt="{html.escape(html.unescape(tex))}" style="vertical-align:-{depth:.1f}pt"'
    return f'<img {attributes} src="data:image/svg+xml;base64,{data}">'


def write(path: Path, template: str, **content) -> Path:
    """Fill a template of ``template/`` and write it."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, trim_blocks=True)
    filled = environment.get_template(template).render(content)
    with replacing(path) as partial:
        partial.write_text(filled, encoding="utf-8")
    return path
