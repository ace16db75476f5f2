"""Tables, figures and sentences of a notebook: shown in the notebook and written for the report.

A cell ends with ``save_table`` or ``save_figure``: the notebook shows what it returns, ``reports/<study>/`` has the
files. The metadata of the cell's output say what was saved; ``manifest.make_manifest`` collects them.
"""

import base64
import html
import struct

import matplotlib
import pandas as pd
from IPython.display import HTML, Markdown
from matplotlib import pyplot
from matplotlib.figure import Figure

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.report.manifest import anchor


def save_table(table: pd.DataFrame, name: str, study: str, caption: str = "", digits: int | dict[str, int] = 2) -> HTML:
    """Write ``reports/<study>/tables/<name>.csv`` and return the table for display.

    Columns of an integer dtype (``Int64`` where a count is missing) are shown with thousands separators, other numbers
    with ``digits`` decimals (one for all columns, or by column name), the column ``difference`` with its sign, missing
    values as a dash. The CSV has six significant digits. The index is written and shown only if it has a name.
    """
    if any(level is not None for level in table.index.names):
        table = table.reset_index()
    text = table.to_csv(index=False, float_format=_exact, lineterminator="\n")
    with replacing(paths.REPORTS / study / "tables" / f"{name}.csv") as partial:
        partial.write_text(text, encoding="utf-8")
    places = digits if isinstance(digits, dict) else dict.fromkeys(table.columns, digits)
    columns = [_column(table[column], places.get(column, 2)) for column in table.columns]
    head = "".join(
        f'<th style="{style}">{_title(key)}</th>' for key, (style, _) in zip(table.columns, columns, strict=True)
    )
    rows = "\n".join(
        "<tr>" + "".join(f'<td style="{style}">{cells[i]}</td>' for style, cells in columns) + "</tr>"
        for i in range(len(table))
    )
    files = [f"tables/{name}.csv"]
    shown = (
        f'<table class="report" id="{html.escape(anchor("table", name))}">'
        f"<caption>{html.escape(caption)}{_links(files)}</caption>\n"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )
    return _display(shown, kind="table", name=name, caption=caption, files=files)


def save_figure(figure: Figure, name: str, study: str, caption: str = "", vector: bool = True) -> HTML:
    """Write ``reports/<study>/figures/<name>.png`` (150 dpi), and an SVG if ``vector``; return it for display.

    Closes ``figure``. Photographs are saved with ``vector=False``. The same figure gives the same bytes.
    """
    path = paths.REPORTS / study / "figures" / f"{name}.png"
    files = [f"figures/{name}.png"]
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=150, bbox_inches="tight")
    if vector:
        with replacing(path.with_suffix(".svg")) as partial, matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(partial, format="svg", metadata={"Date": None}, bbox_inches="tight")
        files.append(f"figures/{name}.svg")
    pyplot.close(figure)
    png = path.read_bytes()
    width = round(struct.unpack(">I", png[16:20])[0] * 96 / 150)  # inches at the browser's 96 pixels each
    words = html.escape(caption)
    shown = (
        f'<figure class="report" id="{html.escape(anchor("figure", name))}">'
        f'<img alt="{words}" width="{width}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption>{words}{_links(files)}</figcaption></figure>"
    )
    return _display(shown, kind="figure", name=name, caption=caption, files=files)


def say(text: str) -> Markdown:
    """A sentence (Markdown) with computed numbers, to be shown: names in it make neither HTML nor links."""
    for mark, shown in {"<": "&lt;", "](": "]&#40;", "]:": "]&#58;"}.items():
        text = text.replace(mark, shown)
    return Markdown(text)


def _display(shown: str, **saved) -> HTML:
    return HTML(shown, metadata={"fer_nb": saved})


def _links(files: list[str]) -> str:
    # Relative to the report's page, hence hidden in a notebook; the page's style shows them.
    links = (f'<a href="{html.escape(file)}">{file.rpartition(".")[2].upper()}</a>' for file in files)
    return f'<span class="files" hidden>{" ".join(links)}</span>'


def _exact(value: float) -> str:
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"


def _title(column) -> str:
    words = column if isinstance(column, tuple) else (column,)
    return html.escape(" ".join(str(word) for word in words).replace("_", " "))


def _column(column: pd.Series, digits: int) -> tuple[str, list[str]]:
    """A column's style and its cells as HTML."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        cells = ["–" if pd.isna(value) else html.escape(str(value)) for value in column]
        return "text-align:left" + (";min-width:12em" if max(map(len, cells), default=0) > 40 else ""), cells
    places = 0 if pd.api.types.is_integer_dtype(column) else digits
    spec = ("+" if column.name == "difference" else "") + f",.{places}f"
    return "text-align:right", ["–" if pd.isna(value) else f"{value:{spec}}".replace("-", "−") for value in column]
