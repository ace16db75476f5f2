"""Where data sets are: the data folder, and a set's files in it."""

from pathlib import Path

from fer_nb import paths


def root(data: str) -> Path:
    """The data folder: ``"real"`` (FER_NB_DATA, or data/) or ``"synthetic"`` (drawn on first use)."""
    folder = _folder(data)
    if data == "synthetic" and not folder.is_dir():
        from fer_nb.drawing import synthetic

        synthetic.write(folder)
    return folder


def _folder(data: str) -> Path:
    if data not in ("real", "synthetic"):
        raise ValueError(f'unknown data {data!r}: choose "real" or "synthetic"')
    return paths.DATA if data == "real" else paths.RUNS / "synthetic"


def within(data: str, path: Path) -> str:
    """``path`` relative to the data folder, or to the folder above: the drawn clips are beside the drawn faces."""
    home = _folder(data)
    return path.relative_to(home if path.is_relative_to(home) else home.parent).as_posix()


def find(folder: Path, patterns: list[str], name: str, expected: str) -> Path:
    """The first path under ``folder`` that fits one of ``patterns`` (glob), tried in turn.

    Raises FileNotFoundError, which says that ``name`` is missing and what is ``expected``.
    """
    for pattern in patterns:
        if found := sorted(Path(folder).glob(pattern)):
            return found[0]
    raise FileNotFoundError(
        f"{folder}: no {name} here; expected {expected} (docs/data.md; the variable FER_NB_DATA names the data folder)"
    )
