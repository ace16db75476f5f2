"""What a study found, a sentence for each kind of result, from the tables that its notebooks saved.

The index shows them first, each with a link to its table; the README says the same of what is kept.
"""

import pandas as pd

from fer_nb import paths
from fer_nb.intervals import beyond_chance, in_words
from fer_nb.names import counted, decimal
from fer_nb.report.manifest import anchor
from fer_nb.report.save import joint_verdict

DRAWN = "drawn faces"  # the verdict of an accuracy that says nothing of the thesis's

# How one accuracy stands to the thesis's, and how several do.
PLACES = {
    "within": ("agrees with the thesis's within a 95% interval", "agree with the thesis's within a 95% interval"),
    "below": ("lies below", "lie below"),
    "above": ("lies above", "lie above"),
}

# A clip as one picture.
PICTURES = {
    "dynamic": "dynamic image",
    "apex": "apex frame",
    "mean": "mean frame",
    "farneback": "Farneback's flow",
    "tvl1": "TV-L1 flow",
}

# What is said of one sentence with a verdict, and of several.
VERDICTS = {
    "holds": ("holds", "hold"),
    "does not hold": ("does not", "do not"),
    "in part": ("holds in part", "hold in part"),
    "cannot say": ("cannot be decided", "cannot be decided"),
    "fewer epochs": ("needs more epochs", "need more epochs"),
    "several recipes": ("needs nets of one recipe", "need nets of one recipe"),
    "not run": ("has not run", "have not run"),
    "no data": ("needs data that are not here", "need data that are not here"),
    "not kept": ("needs predictions that are not kept", "need predictions that are not kept"),
    "not measured": ("is not measured", "are not measured"),
    DRAWN: ("was tried on drawn faces only", "were tried on drawn faces only"),
}


TRIED = ("holds", "does not hold", "in part", DRAWN)  # the other verdicts leave a sentence open


def tally(verdicts: pd.Series) -> str:
    """``"2 hold, 1 does not"``."""
    found = verdicts.value_counts()
    return ", ".join(
        f"{found[name]} {words[int(found[name] > 1)]}" for name, words in VERDICTS.items() if name in found
    )


def accuracies_words(table: pd.DataFrame) -> str:
    """How many of the thesis's accuracies were measured, and how they stand to its values.

    ``table`` has a row for each that the study could measure, with its ``verdict`` (evaluation.measures.verdict).
    """
    ran = table[table["verdict"] != "not run"]
    verdict = ran["verdict"]
    if len(ran) and (verdict == DRAWN).all():
        return f"{counted(len(ran), 'net')} learned drawn faces: their accuracies say nothing of the thesis's."
    short = verdict.str.contains("epochs")
    parts = []
    for place, words in PLACES.items():
        which = verdict.str.startswith(place)
        few = int((which & short).sum())
        after = f" ({few} in fewer epochs)" if few else ""
        parts += [f"{which.sum()} {words[int(which.sum() > 1)]}{after}"] if which.any() else []
    where = f": {', '.join(parts)}" if parts else ""
    return f"{len(ran)} of the thesis's {len(table)} accuracies have been measured{where}."


def cells_words(table: pd.DataFrame) -> str:
    """How many counted cells are as the thesis prints them: ``table`` of evaluation.summary.agreement."""
    equal, cells = table["equal"].sum(), table["cells"].sum()
    misprints = table["differing"].str.count("a misprint").sum()
    rest = f"; {misprints} others are misprints (rows that do not sum)" if misprints else ""
    return f"{equal} of {cells} counted cells of tables 3-1 to 3-4 are as the thesis prints them{rest}."


def sentences_words(table: pd.DataFrame) -> str:
    """How many sentences of section 4.2 hold: ``table`` of saliency.chapter4.section_table."""
    verdicts = table.groupby("sentence")[["measured", "holds"]].apply(joint_verdict)
    of_maps = table["method"].fillna("") != ""  # read from a CSV, "" is missing
    maps, predicted = (table.loc[rows, "pictures"].max() for rows in (of_maps, ~of_maps))
    return (
        f"Section 4.2 reads single pictures. By maps of {maps:,.0f} and predictions of {predicted:,.0f} of its"
        f" {len(verdicts)} sentences {tally(verdicts)}."
    )


def searches_words(table: pd.DataFrame) -> str:
    """How searched nets do against random ones: ``table`` of nas.searched's table-9-against; "" without any."""
    rows = table[table["reference"].str.startswith("mean of")]
    gaps = [
        f"{in_words(row.difference, row.low, row.high, signed=True)} points on {row.data}" for row in rows.itertuples()
    ]
    return f"EmoNAS: a searched net against random ones of the same kind: {'; '.join(gaps)}." if gaps else ""


def luck_words(table: pd.DataFrame) -> str:
    """Whether a search finds better nets than chance: ``table`` of nas.luck's table-9-random."""
    words = [
        f"the search {row.model} {beyond_chance(row.p_holm)} on {row.data}: on average {decimal(row.accuracy)}% for"
        f" {counted(row.genotypes, 'found net')}, {decimal(row.random_mean)}% for {row.random_nets} random ones (Holm's"
        f" p {row.p_holm:.3f})"
        for row in table.itertuples()
    ]
    return f"Search or luck: {'; '.join(words)}." if words else ""


def micro_words(table: pd.DataFrame) -> str:
    """UF1 by kind of picture, of the first set of clips and the first net: ``table`` of nas.searched.micro_table."""
    rows = table[(table["measure"] == "UF1") & (table["model"] == table["model"].iloc[0])]
    clips = rows["data"].iloc[0].partition("_")[0]
    rows = rows[rows["data"].str.startswith(f"{clips}_")]
    words = []
    for row in rows.itertuples():
        kind = row.data.partition("_")[2]
        words.append(f"{PICTURES.get(kind, kind)} {in_words(row.value, row.low, row.high)}")
    return (
        f"Drawn micro-expressions ({rows['subjects'].iloc[0]} drawn subjects, each held out), mean F1 of"
        f" {table['model'].iloc[0]} by picture of a clip: {', '.join(words)}%."
    )


def claims_words(table: pd.DataFrame) -> str:
    """How many sentences of results of both sources hold: ``table`` of report.claims.claims_table."""
    parts = []
    for source, rows in table.groupby("source", sort=False):
        tried = rows["verdict"].isin(TRIED)
        rest = [f"{(~tried).sum()} open"] if not tried.all() else []
        parts.append(f"{source} {len(rows)} ({', '.join([*filter(None, [tally(rows['verdict'][tried])]), *rest])})")
    return f"Sentences of results: {'; '.join(parts)}."


WORDS = {
    "summary": accuracies_words,
    "summary-counts": cells_words,
    "section-4-2": sentences_words,
    "table-9-against": searches_words,
    "table-9-random": luck_words,
    "micro": micro_words,
    "summary-claims": claims_words,
}


def answers(study: str, pages: list[dict]) -> list[dict]:
    """The sentences of a study: words and href (of the table), in the order of ``WORDS``.

    ``pages``: href and tables (each with its name) of each page, as the index has them.
    """
    found = []
    for name, words in WORDS.items():
        file = paths.REPORTS / study / "tables" / f"{name}.csv"
        pages_of = [page["href"] for page in pages if any(table["name"] == name for table in page["tables"])]
        table = pd.read_csv(file) if pages_of and file.exists() else pd.DataFrame()
        if len(table) and (said := words(table)):
            found.append({"words": said, "href": f"{pages_of[0]}#{anchor('table', name)}"})
    return found


def facts(study: str, pages: list[dict], runs: list[dict]) -> str:
    """On what data, for how many epochs and seeds, when and by which commit: a line; what is not known is left out.

    ``runs``: epochs (where finished) and seed of each training run.
    """
    made = [page for page in pages if page.get("started")]
    data = {page["parameters"].get("data") for page in made} - {None}
    finished = [run for run in runs if "epochs" in run]
    epochs = sorted({run["epochs"] for run in finished})
    parts = [{"real": "photographs", "synthetic": DRAWN}.get(one, one) for one in sorted(data)]
    if finished:
        span = f"{epochs[0]}" if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}"
        seeds = counted(len({run["seed"] for run in finished}), "seed")
        parts += [f"{counted(len(finished), 'training run')} of {span} epochs, {seeds}"]
    left = sum(not page["done"] for page in pages)
    parts += [f"{counted(left, 'page')} not run yet"] if left else []
    if made:
        last = max(made, key=lambda page: page["started"])
        parts.append(f"{last['started'][:10]}, commit {last['commit'][:10] or 'unknown'}")
    return "; ".join(parts)
