"""Pictures of what is kept: an SVG that says which numbers it was drawn from, and is drawn again only for others."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from fer_nb.files import replacing

# Pictures in a figure keep their own pixels: a face of 44x44 would be stored a hundred pixels wide.
PIXELS = {"image.interpolation": "none", "image.composite_image": False}


def description(numbers: Iterable[pd.DataFrame]) -> str:
    """What the SVG's description says of the tables that it was drawn from: their SHA-256."""
    text = "\n".join(table.to_csv(index=False, float_format="%.6g", lineterminator="\n") for table in numbers)
    return f"SHA-256 of the numbers: {hashlib.sha256(text.encode()).hexdigest()}"


def draw(path: Path, numbers: Iterable[pd.DataFrame], make: Callable[[], Figure]) -> None:
    """Write what ``make`` draws from ``numbers``, unless the picture that is there shows the same numbers.

    Another version of matplotlib would draw them a little differently.
    """
    told = description(numbers)
    if path.exists() and told in path.read_text(encoding="utf-8"):
        return
    with replacing(path) as partial, matplotlib.rc_context({"svg.hashsalt": path.name} | PIXELS):
        make().savefig(partial, format="svg", metadata={"Date": None, "Description": told}, bbox_inches="tight")
