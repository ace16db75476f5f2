"""Is a search worth anything? Found nets among random ones as large, trained by the same protocol (Yu et al. 2020).

Yu, Sciuto, Jaggi, Musat and Salzmann, "Evaluating the search phase of neural architecture search", ICLR 2020: a search
has to beat random genotypes, and its shared weights or alphas have to rank genotypes as training does.
"""

import re
from itertools import groupby

import numpy as np
import pandas as pd
from scipy.stats import PermutationMethod, kendalltau, mannwhitneyu
from statsmodels.stats.multitest import multipletests

from fer_nb.evaluation.measures import accuracy
from fer_nb.finished import read_predictions
from fer_nb.intervals import LEVEL, beyond_chance
from fer_nb.names import counted, decimal, fold_rule
from fer_nb.nas.discretise import on_every_edge, score
from fer_nb.nas.settings import SEARCHES
from fer_nb.nets import genotypes
from fer_nb.study import Run, searched_genotype, sized

LEAST = 4  # random nets: the tau of fewer takes a handful of values


def is_random(model: str) -> bool:
    """Whether a net is one of ``study.random_names``."""
    return re.fullmatch(r"Random[0-9]+", model) is not None


def is_found(model: str) -> bool:
    """Whether a net comes from a search that learns: not from one that draws at random."""
    name, _ = sized(model)
    return name in SEARCHES and not name.startswith("Random")


def about_search(study: str, model: str, seed: int) -> dict:
    """What the file of a found net's genotype says of its search (dataset, data, options); {} for any other net."""
    file = searched_genotype(study, model, seed) if is_found(model) else None
    return genotypes.load(file)[1] if file else {}


def groups(datasets: list[str]) -> dict[str, list[str]]:
    """The data sets whose test pictures are taken together, by a title: each alone, but folds of one set all in one.

    ["ckplus-subject1", "ckplus-subject2", "ferm"] gives {"ckplus-subject (2 folds)": the first two, "ferm": ["ferm"]}.
    """
    parts = [(of, list(names)) for of, names in groupby(sorted(datasets, key=fold_rule), key=fold_rule)]
    return {f"{of} ({len(names)} folds)" if len(names) > 1 else names[0]: names for of, names in parts}


def accuracies(runs: list[Run], datasets: list[str]) -> pd.DataFrame:
    """Each found and each random net's test accuracy in percent, over the ``groups`` of data sets.

    Returns:
        DataFrame: data (the group's title), model, seed, random (bool), accuracy, pictures. A net that has not run on
        all data sets of a group has no row there.
    """
    rows = []
    for title, names in groups(datasets).items():
        chosen = [run for run in runs if run.dataset in names and not run.change]
        for model, seed in dict.fromkeys((run.model, run.seed) for run in chosen):
            own = [run for run in chosen if (run.model, run.seed) == (model, seed)]
            if len(own) < len(names) or not (is_found(model) or is_random(model)):
                continue
            table = pd.concat(map(read_predictions, own))
            row = {"data": title, "model": model, "seed": seed, "random": is_random(model)}
            rows.append(row | {"accuracy": accuracy(table), "pictures": len(table)})
    columns = {"data": str, "model": str, "seed": int, "random": bool, "accuracy": float, "pictures": int}
    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def rank_table(found: pd.DataFrame) -> pd.DataFrame:
    """Where the nets of each search stand among the random ones, by the rank test of Mann and Whitney.

    Args:
        found: from ``accuracies``.

    Returns:
        DataFrame, a row for each group and search: data, model, genotypes (one a seed), accuracy (mean), beaten
        (percent of the pairs with a random net that the found one wins, a tie half), random_nets, random_mean,
        random_deviation, random_lowest, random_highest, p (one-sided: the search is no better than chance; exact, by
        permutation), p_holm (Holm's correction over all rows), least_p (the smallest p that so few nets can give). No
        row where there are not two random nets.
    """
    rows = []
    for title, table in found.groupby("data", sort=False):
        random = table.loc[table["random"], "accuracy"].to_numpy()
        for model, own in table[~table["random"]].groupby("model", sort=False) if len(random) > 1 else ():
            values = own["accuracy"].to_numpy()
            row = {"data": title, "model": model, "genotypes": len(values), "accuracy": values.mean()}
            wins = mannwhitneyu(values, random).statistic / (len(values) * len(random))
            row |= {"beaten": 100 * wins, "random_nets": len(random)}
            row |= {"random_mean": random.mean(), "random_deviation": pd.Series(random).std()}
            row |= {"random_lowest": random.min(), "random_highest": random.max(), "p": rank_test(values, random)}
            rows.append(row | {"least_p": rank_test(np.ones(len(values)), np.zeros(len(random)))})
    columns = ["data", "model", "genotypes", "accuracy", "beaten", "random_nets", "random_mean", "random_deviation"]
    table = pd.DataFrame(rows, columns=[*columns, "random_lowest", "random_highest", "p", "least_p"])
    table.insert(len(table.columns) - 1, "p_holm", multipletests(table["p"], method="holm")[1] if len(table) else [])
    return table


def rank_test(found: np.ndarray, random: np.ndarray) -> float:
    """One-sided p of Mann and Whitney's test that ``found`` are no higher than ``random``, exact with ties too."""
    if len(found) == 1:  # its place among all of them; scipy permutes samples of two or more
        return float((np.append(random, found) >= found[0]).mean())
    exact = PermutationMethod(n_resamples=20_000, rng=np.random.default_rng(0))
    return float(mannwhitneyu(found, random, alternative="greater", method=exact).pvalue)


def supernet_table(found: pd.DataFrame, runs: list[Run]) -> pd.DataFrame:
    """Whether a search's supernet ranks the random genotypes as their trained accuracies do: Kendall's tau-b.

    The supernet's score of a genotype is ``discretise.score``, by the strengths in the file that the search left.

    Args:
        found: from ``accuracies``; runs: those that it is of.

    Returns:
        DataFrame, a row for each group and search with such a file: data, model, seed, genotypes, tau (NaN where all
        scores or accuracies are equal), p (two-sided). No row for fewer than ``LEAST`` random genotypes.

    Raises ValueError for genotypes of another number of nodes than the search's.
    """
    studies = {run.model: run.study for run in runs}
    rows = []
    for title, table in found.groupby("data", sort=False):
        random = table[table["random"]]
        if len(random) < LEAST:
            continue
        files = [searched_genotype(studies[row.model], row.model, row.seed) for row in random.itertuples()]
        drawn = [genotypes.load(file)[0] for file in files]
        for model, seed in table.loc[~table["random"], ["model", "seed"]].itertuples(index=False):
            file = searched_genotype(studies[model], model, seed)
            about = genotypes.load(file)[1] if file else {}
            if "strengths" not in about:
                continue
            nodes = about["options"]["nodes"]
            operations = on_every_edge(about["options"]["operations"], nodes)
            scores = [score(genotype, about["strengths"], operations, nodes) for genotype in drawn]
            tau = kendalltau(scores, random["accuracy"])
            row = {"data": title, "model": model, "seed": seed, "genotypes": len(drawn)}
            rows.append(row | {"tau": tau.statistic, "p": tau.pvalue})
    return pd.DataFrame(rows, columns=["data", "model", "seed", "genotypes", "tau", "p"])


def sentence(ranks: pd.DataFrame, taus: pd.DataFrame) -> str:
    """What ``rank_table`` and ``supernet_table`` say: one paragraph."""
    if ranks.empty:
        return "This study trains no random genotypes beside found nets, so nothing here tells a search from luck."
    words = []
    for row in ranks.to_dict("records"):
        nets = counted(row["genotypes"], "found net")
        few = f", which so few nets could not show (least p {row['least_p']:.2f})" if row["least_p"] >= LEVEL else ""
        words.append(
            f"On {row['data']} {row['model']} {beyond_chance(row['p_holm'])}{few}: {nets} at {row['accuracy']:.2f}%, "
            f"{row['random_nets']} random ones at {row['random_mean']:.2f}% ({row['random_lowest']:.2f} to "
            f"{row['random_highest']:.2f}); a found net wins {row['beaten']:.0f}% of the pairs (Holm's p "
            f"{row['p_holm']:.3f})"
        )
    for data, table in taus.dropna(subset="tau").groupby("data", sort=False):
        clear = int((table["p"] < LEVEL).sum())
        ends = dict.fromkeys(decimal(tau, signed=True) for tau in (table["tau"].min(), table["tau"].max()))
        words.append(
            f"On {data} the supernets' ranking of the random genotypes agrees with their training by Kendall's tau "
            f"{' to '.join(ends)}; {clear} of {len(table)} differ from 0 at {LEVEL:g}"
        )
    return f"{'. '.join(words)}."
