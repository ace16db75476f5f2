"""Tables, figures and sentences of a notebook: shown in the notebook and written for the report.

A cell ends with ``save_table`` or ``save_figure``: the notebook shows what it returns, ``reports/<study>/`` has the
files. The metadata of the cell's output say what was saved; ``manifest.make_manifest`` collects them.
"""

import base64
import html
import re
import struct

import matplotlib
import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown
from matplotlib import pyplot
from matplotlib.figure import Figure

from fer_nb import paths
from fer_nb.files import replacing
from fer_nb.intervals import in_words
from fer_nb.names import decimal
from fer_nb.report.manifest import anchor

LONG = 30  # rows
FIRST = 10  # rows that stay
WIDE = 8  # columns: a table with more is printed smaller


def save_table(
    table: pd.DataFrame,
    name: str,
    study: str,
    caption: str = "",
    digits: int | dict[str, int] = 2,
    fold: bool = True,
) -> HTML:
    """Write ``reports/<study>/tables/<name>.csv`` and return the table for display.

    Columns of an integer dtype (``Int64`` where a count is missing) are shown with thousands separators, other numbers
    with ``digits`` decimals (one for all columns, or by column name), the column ``difference`` with its sign, missing
    values as a dash. A value followed by its ``low`` and ``high`` (or ``..._low``, ``..._high``) is one cell with its
    interval. The CSV has all columns, with six significant digits. The index is written and shown only if it has a
    name. A table of more than ``LONG`` rows can be sorted on its page. Unless ``fold`` is False it is folded there: its
    rows "all", or its first ones, stay.
    """
    table = _write(table, name, study)
    places = digits if isinstance(digits, dict) else dict.fromkeys(table.columns, digits)
    columns = _columns(table, places)
    head = "".join(f'<th scope="col" style="{style}">{title}</th>' for title, style, _ in columns)
    long = len(table) > LONG
    above = (table == "all").any(axis=1).to_numpy() & long  # they stay above the others, however these are sorted
    stays = above if above.any() else np.arange(len(table)) < FIRST
    groups: dict[bool, list[str]] = {True: [], False: []}
    for i in range(len(table)):
        row = "".join(f'<td style="{style}">{cells[i]}</td>' for _, style, cells in columns)
        groups[above[i]].append(f'<tr class="rest">{row}</tr>' if long and fold and not stays[i] else f"<tr>{row}</tr>")
    bodies = "".join(f"<tbody>\n{_lines(rows)}\n</tbody>" for rows in groups.values() if rows)
    unfold = f'<label class="unfold" hidden><input type="checkbox"> all {len(table)} rows</label>' * (long and fold)
    looks = " ".join(["wide"] * (len(columns) > WIDE) + ["sortable"] * long)
    shown = (
        f'<table class="{looks}" aria-label="{html.escape(caption)}"><thead><tr>{head}</tr></thead>\n{bodies}</table>'
    )
    return _display_table(f'{unfold}<div class="scroll">{shown}</div>', name, caption)


def save_sentences(table: pd.DataFrame, name: str, study: str, caption: str = "", digits: int = 2) -> HTML:
    """Write a table of sentences and what answers them, like ``save_table``; shown is a block for each sentence.

    Args:
        table: where, sentence, quantity, method, measured, low, high, pictures, bound and holds ("yes", "no" or
            "cannot say"), a row per quantity and method (chapter4.section_table).
    """
    table = _write(table, name, study)
    methods = [method for method in table["method"].unique() if method and "," not in method]
    blocks = []
    for sentence, rows in table.groupby("sentence", sort=False):
        verdict = joint_verdict(rows)
        head = "".join(f'<th scope="col">{html.escape(method)}</th>' for method in methods)
        body = []
        for quantity, of_quantity in rows.groupby("quantity", sort=False):
            found = {row["method"]: _answer(row, digits) for row in of_quantity.to_dict("records")}
            if set(found) <= set(methods):
                cells = "".join(f"<td>{found.get(method, '–')}</td>" for method in methods)
            else:  # it is not about the maps of one method
                cells = f'<td colspan="{len(methods)}">{"; ".join(found.values())}</td>'
            needed = html.escape(of_quantity["bound"].iloc[0]).replace(" -", " −") or "–"
            body.append(f'<tr><th scope="row">{html.escape(quantity)}</th>{cells}<td>{needed}</td></tr>')
        blocks.append(
            f'<section class="sentence"><p><b class="verdict {verdict.replace(" ", "-")}">{verdict}</b> '
            f"{html.escape(sentence)} <small>{html.escape(', '.join(rows['where'].unique()))}</small></p>"
            f'<div class="scroll"><table><thead><tr><th scope="col">measured</th>{head}<th scope="col">needed</th></tr>'
            f"</thead><tbody>{_lines(body)}</tbody></table></div></section>"
        )
    return _display_table(_lines(blocks), name, caption)


def joint_verdict(rows: pd.DataFrame) -> str:
    """What the rows of a sentence (measured, holds) say together.

    "holds", "does not hold", "in part" (some rows say yes, others no), "cannot say", or "not measured".
    """
    if rows["measured"].isna().all():
        return "not measured"
    found = set(rows["holds"])
    if {"yes", "no"} <= found:
        return "in part"
    if "no" in found:
        return "does not hold"
    return "holds" if found == {"yes"} else "cannot say"


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


def _write(table: pd.DataFrame, name: str, study: str) -> pd.DataFrame:
    """Write the table's CSV; the table with its index, where that has a name, as columns."""
    if any(level is not None for level in table.index.names):
        table = table.reset_index()
    text = table.to_csv(index=False, float_format=_exact, lineterminator="\n")
    with replacing(paths.REPORTS / study / "tables" / f"{name}.csv") as partial:
        partial.write_text(text, encoding="utf-8")
    return table


def _display_table(shown: str, name: str, caption: str) -> HTML:
    files = [f"tables/{name}.csv"]
    head = f'<p class="caption">{html.escape(caption)}{_links(files)}</p>'
    block = f'<div class="report" id="{html.escape(anchor("table", name))}">{head}\n{shown}</div>'
    return _display(block, kind="table", name=name, caption=caption, files=files)


def _display(shown: str, **saved) -> HTML:
    return HTML(shown, metadata={"fer_nb": saved})


def _links(files: list[str]) -> str:
    # Relative to the report's page, hence hidden in a notebook; the page's style shows them.
    links = (f'<a href="{html.escape(file)}">{file.rpartition(".")[2].upper()}</a>' for file in files)
    return f'<span class="files" hidden>{" ".join(links)}</span>'


def _exact(value: float) -> str:
    return f"{value:z.6g}" if abs(value) < 1e6 else f"{value:.0f}"


def _title(column) -> str:
    words = column if isinstance(column, tuple) else (column,)
    return html.escape(" ".join(str(word) for word in words).replace("_", " "))


def _lines(parts: list[str]) -> str:
    return "\n".join(parts)


def _answer(row: dict, digits: int) -> str:
    """One cell of ``save_sentences``: the measured value, its interval, over how many pictures, the verdict."""
    if pd.isna(row["measured"]):
        return f'<span class="{row["holds"].replace(" ", "-")}">not measured</span>'
    value = in_words(row["measured"], row["low"], row["high"], digits)
    number = decimal(row["pictures"], 0)
    return f'<span class="{row["holds"].replace(" ", "-")}">{value}, n = {number}: {row["holds"]}</span>'


def _columns(table: pd.DataFrame, places: dict[str, int]) -> list[tuple[str, str, list[str]]]:
    """Title, style and cells of each column that is shown; a value and the interval after it are one."""
    shown, names = [], [str(name) for name in table.columns]
    taken = set()  # columns that are part of an interval
    for i, name in enumerate(table.columns):
        if i in taken:
            continue
        digits, signed = places.get(name, 2), name == "difference"
        style, cells = _column(table[name], digits, signed)
        title = _title(name)
        low = i if _is_low(names, i) else i + 1  # an interval without a value of its own stands alone
        if _is_low(names, low):
            taken |= {low, low + 1}
            ends = (_column(table.iloc[:, end], digits, signed)[1] for end in (low, low + 1))
            spans = ["" if "–" in pair else f"[{', '.join(pair)}]" for pair in zip(*ends, strict=True)]
            if low == i:
                title, cells = title.removesuffix("low").strip(), [span or "–" for span in spans]
            else:
                cells = [f"{cell} {span}".strip() for cell, span in zip(cells, spans, strict=True)]
            title += " [95%]" if any(spans) else ""
        shown.append((title, style, cells))
    return shown


def _is_low(names: list[str], i: int) -> bool:
    """Whether columns ``i`` and ``i`` + 1 are the ends of an interval: low, high or share_low, share_high."""
    low, high = [*names, "", ""][i : i + 2]
    return re.fullmatch("(.+_)?low", low) is not None and high == low.removesuffix("low") + "high"


def _column(column: pd.Series, digits: int, signed: bool = False) -> tuple[str, list[str]]:
    """A column's style and its cells as HTML."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        cells = ["–" if pd.isna(value) else html.escape(str(value)) for value in column]
        longest = max(map(len, cells), default=0)
        # Longer cells wrap where the page is narrow (style.css), most of them to two lines.
        wraps = f";min-width:{min(max(longest // 4, 7), 18)}em" if longest > 20 else ""
        return "text-align:left" + wraps, cells
    places = 0 if pd.api.types.is_integer_dtype(column) else digits
    return "text-align:right", ["–" if pd.isna(value) else decimal(value, places, signed) for value in column]
