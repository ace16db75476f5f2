"""Tables, figures and sentences of a notebook: shown in the notebook and written for the report.

Every table goes through ``save_table`` and every figure through ``save_figure``, as the last expression of a cell:
the cell shows it, and ``reports/<study>/`` keeps it as a file.
"""

import base64
import html
import struct

import pandas as pd
from IPython.display import HTML, Markdown

from fer_nb import paths
from fer_nb.files import replacing


def save_table(table: pd.DataFrame, name: str, study: str, caption: str = "", digits: int | dict[str, int] = 2) -> HTML:
    """Write ``reports/<study>/tables/<name>.csv`` and return the table for display.

    Shown: counts with thousands separators, others with ``digits`` decimals (one number for all columns or
    one per column name), the column ``difference`` with its sign, missing values as a dash. The CSV has the columns
    under their own names and six significant digits. The index is written and shown only if it has a name.
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
    files = _files({"CSV": f"tables/{name}.csv"})
    return HTML(
        f'<table class="report" id="{html.escape(name)}"><caption>{html.escape(caption)}{files}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )


def save_figure(figure, name: str, study: str, caption: str = "", vector: bool = True) -> HTML:
    """Write ``reports/<study>/figures/<name>.png`` (150 dpi), the SVG too if ``vector``; return it for display.

    ``figure`` is a matplotlib Figure and is closed. Photographs are saved with ``vector=False``. The same figure
    gives the same bytes.
    """
    import matplotlib
    from matplotlib import pyplot

    path = paths.REPORTS / study / "figures" / f"{name}.png"
    links = {"PNG": f"figures/{name}.png"}
    with replacing(path) as partial:
        figure.savefig(partial, format="png", dpi=150, bbox_inches="tight")
    if vector:
        with replacing(path.with_suffix(".svg")) as partial, matplotlib.rc_context({"svg.hashsalt": name}):
            figure.savefig(partial, format="svg", metadata={"Date": None}, bbox_inches="tight")
        links["SVG"] = f"figures/{name}.svg"
    pyplot.close(figure)
    png = path.read_bytes()
    width = round(struct.unpack(">I", png[16:20])[0] * 96 / 150)  # inches at the browser's 96 pixels each
    caption = html.escape(caption)
    return HTML(
        f'<figure class="report" id="{html.escape(name)}">'
        f'<img alt="{caption}" width="{width}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'
        f"<figcaption>{caption}{_files(links)}</figcaption></figure>"
    )


def say(text: str) -> Markdown:
    """A sentence (Markdown) with computed numbers, for display."""
    return Markdown(text)


def _files(links: dict[str, str]) -> str:
    # Relative to the report's page, hence hidden in a notebook; the page's style shows it.
    inner = " ".join(f'<a href="{html.escape(link)}">{kind}</a>' for kind, link in links.items())
    return f'<span class="files" hidden>{inner}</span>'


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
    # Counts with a missing one among them are floats to pandas.
    counts = pd.api.types.is_integer_dtype(column) or (column.isna().any() and (column.dropna() % 1 == 0).all())
    spec = ("+" if column.name == "difference" else "") + (",.0f" if counts else f",.{digits}f")
    return "text-align:right", ["–" if pd.isna(value) else f"{value:{spec}}".replace("-", "−") for value in column]
