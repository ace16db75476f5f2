"""What of the kept studies is shown together: their results, the one that stands for a cell, and the claims."""

from collections.abc import Iterable

import pandas as pd

from fer_nb.background.compare import kept_files
from fer_nb.drawing.conditions import CONDITIONS
from fer_nb.drawing.micro_expressions import CLASSES
from fer_nb.evaluation import thesis
from fer_nb.evaluation.measures import confusion
from fer_nb.evaluation.paired import shares_right
from fer_nb.nas.luck import is_found
from fer_nb.nets import genotypes
from fer_nb.published.origins import kept_folder, kept_origins, kept_studies
from fer_nb.report import claims
from fer_nb.report.results import SEARCHED, Results
from fer_nb.study import kept_genotype


def by_study(name: str) -> dict[str, pd.DataFrame]:
    """The tables of one name, by the study that keeps it."""
    return {folder.name: pd.read_csv(path) for folder in kept_studies() if (path := folder / f"{name}.csv").exists()}


def with_study(name: str) -> pd.DataFrame:
    """The kept tables of one name below each other, with a column "study"; empty where none is kept."""
    tables = [table.assign(study=study) for study, table in by_study(name).items()]
    return pd.concat(tables) if tables else pd.DataFrame()


def kept_tables(name: str) -> list[pd.DataFrame]:
    """The tables of one name, of the studies that keep it."""
    return list(by_study(name).values())


def most_pictures(tables: dict[str, pd.DataFrame]) -> str:
    """The study whose table of section 4.2 is made from most pictures, of ``tables`` by study."""
    return max(tables, key=lambda study: tables[study]["pictures"].max())


def measured_rows(best: pd.DataFrame, part: thesis.Results) -> list[dict]:
    """The rows of ``best`` of one data set that have a value."""
    return best[(best["dataset"] == part.name) & best["accuracy"].notna()].to_dict("records")


def of_nets(best: pd.DataFrame, part: thesis.Results, kind: str) -> dict[str, list[pd.DataFrame]]:
    """By net, the table of ``kind`` (predictions, histories) that is kept of each of its seeds."""
    found = {}
    for row in measured_rows(best, part):
        if files := kept_files(row["study"], kind, part.dataset, row["model"]):
            found[row["model"]] = [pd.read_csv(file) for file in files]
    return found


def predictions(best: pd.DataFrame, part: thesis.Results) -> dict[str, list[pd.DataFrame]]:
    """By net, what each of its kept seeds predicts of the test split."""
    found = of_nets(best, part, "predictions")
    return {model: [table[table["split"] == "test"] for table in tables] for model, tables in found.items()}


def confusions(predicted: dict[str, list[pd.DataFrame]], part: thesis.Results) -> dict[str, pd.DataFrame]:
    """By net, the confusion matrix over all kept seeds; ``predicted``: ``predictions``."""
    return {model: confusion(pd.concat(of), part.classes) for model, of in predicted.items()}


def histories(best: pd.DataFrame, part: thesis.Results) -> dict[str, pd.DataFrame]:
    """By net, loss and accuracy by epoch of the first seed."""
    return {model: tables[0] for model, tables in of_nets(best, part, "histories").items()}


def searched_nets() -> pd.DataFrame:
    """``claims.searched`` of all studies that keep tables 9 and 10, and a column "study"."""
    costs = by_study("table-10")
    found = [claims.searched(table, costs[study]).assign(study=study) for study, table in by_study("table-9").items()]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=SEARCHED)


def searched_on(study: str, model: str) -> str:
    """The data set on which the cells of a kept study's found net were searched; "" for any other net."""
    own = kept_folder() / study / "genotypes" / f"{model}-seed0.json"
    file = own if own.exists() else kept_genotype(model)
    return genotypes.load(file)[1].get("dataset", "") if is_found(model) and file.exists() else ""


def conditions_in_words(names: Iterable[str]) -> str:
    """How hard the sets of drawn clips with these names (micro1_apex) are."""
    sets = dict.fromkeys(name.partition("_")[0] for name in names)
    known = {name: one for name, one in CONDITIONS.items() if name in sets}
    told = [f"{name} {one.motion or 'varied'}, {one.noise}, {one.drift}" for name, one in known.items()]
    return (
        "The farthest motion in pixels, the noise in grey levels and the drift of the head in pixels:"
        f" {'; '.join(told)}. {len(CLASSES)} classes of as many clips: chance is {100 / len(CLASSES):.0f}%."
    )


def kept_claims(results: pd.DataFrame) -> pd.DataFrame:
    """``claims.claims_table`` of what is kept; ``results``: from ``accuracies.kept_results``."""
    kept = {name: of for name in claims.NAMES if (of := by_study(name))}
    made_by = {name: max(of, key=lambda study: kept_origins(study)["date"].max()) for name, of in kept.items()}
    if "section-4-2" in kept:
        made_by["section-4-2"] = most_pictures(kept["section-4-2"])
    tables = {name: kept[name][study] for name, study in made_by.items()}
    ran = results.dropna(subset="accuracy").drop_duplicates(["dataset", "model", "recipe"])
    found = Results(ran, tables, made_by, searched=searched_nets(), changes=with_study("ablation"))
    by_recipe = dict(list(ran.groupby("recipe")))
    for part in thesis.SECTION_3_3.values():
        predicted = {name: predictions(rows, part) for name, rows in by_recipe.items()}
        found.confusions[part.name] = {name: confusions(of, part) for name, of in predicted.items()}
        found.right[part.name] = {
            name: {model: shares_right(pd.concat(of)) for model, of in by_net.items()}
            for name, by_net in predicted.items()
        }
        found.histories[part.name] = {name: histories(rows, part) for name, rows in by_recipe.items()}
    return claims.claims_table(found)
