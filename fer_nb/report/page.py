"""The report's page of one executed notebook.

The page is one HTML file that opens from disk: it contains its style, figures and script, and loads nothing from the
network. nbconvert turns the cells into HTML (``template/cells.html.j2``), Jinja puts the frame round them.
"""

import base64
import html
import io
import itertools
import json
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.report import manifest
from fer_nb.study import notebooks, studies

TEMPLATE = Path(__file__).parent / "template"
_SPELLING = {"Ferm": "FERm", "Mp": "MP", "Score": "Score-CAM", "cam": ""}
_FILES = '<span class="files" hidden>'  # as save.py writes it
_HEADING = re.compile(r'<h([23]) id="([^"]+)">(.*?)<a class="anchor-link"', re.DOTALL)
_FORMULA = re.compile(r"<(pre|code)\b.*?</\1>|\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)


def render(notebook: Path, study: str) -> Path:
    """Write ``reports/<study>/<page>.html`` and its manifest (.json) from an executed notebook; the page's path.

    A notebook that failed is rendered too: a banner at the top names the error and leads to the cell.
    Raises FileNotFoundError where the study or the notebook does not exist, ValueError where it is no notebook.
    """
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor
    from nbformat import from_dict
    from nbformat.v4.rwbase import rejoin_lines
    from pygments.formatters import HtmlFormatter

    pages = bar(study)
    node = rejoin_lines(from_dict(manifest.read_notebook(notebook)))
    made = manifest.make_manifest(node, study, notebook.stem)
    # The banner and the frame round the failed cell replace papermill's own marks.
    node.cells = [cell for cell in node.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    failed = (cell for cell in node.cells if any(one.output_type == "error" for one in cell.get("outputs", [])))
    for cell in itertools.islice(failed, 1):  # a page has one #failed-cell
        cell.metadata["failed"] = True
    for cell in node.cells:
        for output in cell.get("outputs", []):
            _lead_to_cell(output, cell.execution_count)
    exporter = HTMLExporter(template_name="basic", extra_template_paths=[str(TEMPLATE)])
    exporter.template_file = "cells.html.j2"
    exporter.register_filter("formulas", _formulas)
    exporter.register_preprocessor(CoalesceStreamsPreprocessor, enabled=True)  # of a progress bar, its last state
    body, _ = exporter.from_notebook_node(node)
    name, _, run = notebook.stem.partition("-")  # 04_training-<run> is a page of 04_training
    headings = [(level, Markup(key), Markup(text)) for level, key, text in _HEADING.findall(body)]
    page = fill_template(
        paths.REPORTS / study / f"{notebook.stem}.html",
        "notebook.html.j2",
        study=study,
        pages=pages,
        current=name,
        neighbours=_neighbours(pages, name),
        run=run,
        title=" · ".join(filter(None, (made["title"], run))),
        contents=[*headings, ("2", "provenance", "Provenance")],
        body=Markup(body),
        failure=made["failure"],
        facts=_facts(made),
        details={"Parameters": made["parameters"], "Data (SHA-256)": made["checksums"]},
        highlighting=Markup(HtmlFormatter(style="xcode", nobackground=True).get_style_defs(".highlight")),
    )
    with replacing(manifest.manifest_path(study, notebook.stem)) as partial:
        partial.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return page


def outdated(page: Path, notebook: Path) -> bool:
    """Whether a page or its manifest is missing, or older than its notebook or than the code that makes pages."""
    makers = [notebook, Path(__file__), Path(manifest.__file__), *TEMPLATE.iterdir()]
    made = [page, page.with_suffix(".json")]
    if not all(path.exists() for path in made):
        return True
    return min(path.stat().st_mtime for path in made) < max(path.stat().st_mtime for path in makers)


def bar(study: str) -> list[dict]:
    """The study's pages in order, as the bar at the top of each page lists them: name, number, short (title), href.

    Raises FileNotFoundError where there is no such study.
    """
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


def _neighbours(pages: list[dict], name: str) -> list[tuple[str, dict]]:
    """The pages before and after one: ("previous" or "next", page)."""
    place = next((i for i, page in enumerate(pages) if page["name"] == name), None)
    if place is None:
        return []
    around = {"previous": place - 1, "next": place + 1}
    return [(word, pages[i]) for word, i in around.items() if 0 <= i < len(pages)]


def _joined(outputs: list) -> list:
    """A cell's outputs; what it printed to stdout and stderr in turn (a progress bar) is joined to one text each."""
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


def _lead_to_cell(output: dict, number: int | None) -> None:
    """Put a link to the cell into the caption of what ``save.py`` has saved."""
    saved = output.get("metadata", {}).get("text/html", {}).get("fer_nb")
    if saved and number is not None:
        link = f'<a href="#cell-{number}">In [{number}]</a> '
        output["data"]["text/html"] = output["data"]["text/html"].replace(_FILES, _FILES + link, 1)


def _facts(made: dict) -> dict[str, str]:
    """The footer's lines, from a manifest; a fact that was not recorded has no line."""
    facts = {
        "Notebook": made["notebook"],
        "Study": made["study"],
        "Commit": made["commit"],
        "Started (UTC)": made["started"][:19].replace("T", " "),
        "Duration": "" if made["seconds"] is None else duration(made["seconds"]),
        "Device": made["device"],
        "Versions": " · ".join(f"{name} {version}" for name, version in made["versions"].items()),
    }
    return {key: value for key, value in facts.items() if value}


def duration(seconds: float) -> str:
    """Seconds in words: "8.2 s", "1 min 03 s", "2 h 05 min"."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s" if seconds < 10 else f"{rest} s"
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _formulas(text: str) -> str:
    """TeX between dollars as pictures drawn by matplotlib: a browser would need MathJax from the network."""
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
    except ValueError:  # matplotlib knows a part of TeX only
        return f"<code>{tex}</code>"
    data, block = base64.b64encode(picture.getvalue()).decode(), " block" if match[2] else ""
    attributes = f'class="formula{block}" alt="{html.escape(html.unescape(tex))}" style="vertical-align:-{depth:.1f}pt"'
    return f'<img {attributes} src="data:image/svg+xml;base64,{data}">'


def fill_template(path: Path, template: str, **content) -> Path:
    """Fill ``template/<template>`` with ``content``, write it to ``path`` and return ``path``."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATE), autoescape=True, trim_blocks=True)
    filled = environment.get_template(template).render(content)
    with replacing(path) as partial:
        partial.write_text(filled, encoding="utf-8")
    return path
