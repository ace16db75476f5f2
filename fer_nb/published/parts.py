"""A figure or a table of the page of all kept results, as HTML."""

import html
from collections.abc import Callable, Iterable

import pandas as pd
from matplotlib.figure import Figure

from fer_nb.published.origins import kept_folder
from fer_nb.published.picture import draw
from fer_nb.report.manifest import anchor
from fer_nb.report.save import save_table

PLACE = "reference"  # the folder under reports/


def figure(name: str, caption: str, numbers: Iterable[pd.DataFrame], make: Callable[[], Figure]) -> str:
    """A figure of the page, drawn where it is out of date."""
    draw(kept_folder() / "figures" / f"{name}.svg", numbers, make)
    return shown(name, caption, f"figures/{name}.svg")


def shown(name: str, caption: str, file: str) -> str:
    """A picture that is there; ``file``: relative to the page."""
    words = html.escape(caption)
    picture = f'<img alt="{words}" src="{html.escape(file)}">'
    key = html.escape(anchor("figure", name))
    return f'<figure class="report" id="{key}">{picture}<figcaption>{words}</figcaption></figure>'


def table(values: pd.DataFrame, name: str, caption: str, **options) -> str:
    """A table of the page, written to its tables/; ``options`` of ``save_table``."""
    return str(save_table(values, name, PLACE, caption, **options).data)
