"""All pages of a study as one, to print them or to keep them as one PDF: ``reports/<study>/all.html``."""

import re
from pathlib import Path

from markupsafe import Markup

from fer_nb import paths
from fer_nb.report.page import fill_template

_MAIN = re.compile(r"<main\b[^>]*>(.*)</main>", re.DOTALL)
_TITLE = re.compile(r"<title>(.*) · [^·]*</title>")
_OWN = re.compile(r'(\s(?:id="|href="#))')  # ids, and links within the page


def write_whole(study: str, pages: list[dict]) -> Path:
    """Write ``reports/<study>/all.html`` from the pages that stand there, in the order of ``page.bar``; its path."""
    folder, parts = paths.REPORTS / study, []
    files = [file for page in pages for file in sorted(folder.glob(f"{page['name']}*.html"))]
    for file in files:
        text = file.read_text(encoding="utf-8")
        body, title = _MAIN.search(text), _TITLE.search(text)
        if body and title:
            parts.append((file.stem, Markup(title[1]), Markup(_OWN.sub(rf"\g<1>{file.stem}-", body[1]))))
    contents = [("2", key, title) for key, title, _ in parts]
    given = {"study": study, "pages": pages, "title": "The whole study", "contents": contents, "parts": parts}
    return fill_template(folder / "all.html", "whole.html.j2", **given)
