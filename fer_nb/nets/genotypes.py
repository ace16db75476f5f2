"""Genotypes: which operation joins which nodes of a cell. Checked, kept as JSON, drawn at random, and published ones.

A cell has the inputs 0 = c_{k-2} and 1 = c_{k-1}, then the nodes 2, 3, ... ; two edges lead to each node, in order.

Published, both found on CIFAR-10:

- DARTS_V2: Liu, Simonyan and Yang, "DARTS: Differentiable architecture search", ICLR 2019, second order; DARTS_V2 of
  cnn/genotypes.py in github.com/quark0/darts, compared with its copy in genotypes.py of the next.
- PDARTS: Chen, Xie, Wu and Tian, "Progressive differentiable architecture search", ICCV 2019; PDARTS of genotypes.py
  in github.com/chenxin061/pdarts.
"""

import json
from pathlib import Path
from typing import NamedTuple

from fer_nb.files import replacing
from fer_nb.names import suggestion
from fer_nb.nets.operations import OPERATIONS

Edge = tuple[str, int]  # operation, input


class Genotype(NamedTuple):
    """The normal and the reduction cell: edges, two a node, and the nodes that make up the output."""

    normal: list[Edge]
    normal_concat: list[int]
    reduce: list[Edge]
    reduce_concat: list[int]


def check(genotype):
    """Raise ValueError where ``genotype`` is no net: it names the cell, the node and what is wrong there."""
    for kind, edges, concat in (("normal", *genotype[:2]), ("reduction", *genotype[2:])):
        if not edges or len(edges) % 2:
            raise ValueError(f"{kind} cell: {len(edges)} edges; give two for each node, and one node at least")
        for position, (operation, source) in enumerate(edges):
            node = position // 2 + 2
            if operation not in OPERATIONS:
                hint = suggestion(operation, OPERATIONS)
                raise ValueError(f"{kind} cell, node {node}: unknown operation {operation!r}: {hint}")
            if source not in range(node):
                known = f"its inputs are nodes 0 to {node - 1}"
                raise ValueError(f"{kind} cell, node {node}: input {source!r} does not exist or comes later; {known}")
        last = len(edges) // 2 + 1
        wrong = [node for node in concat if node not in range(2, last + 1)]
        if wrong or not concat or len(set(concat)) < len(concat):
            what = f"node {wrong[0]!r} in the output does not exist" if wrong else f"the output is of nodes {concat}"
            raise ValueError(f"{kind} cell: {what}; choose from nodes 2 to {last}, each once")


def save(path, genotype, about):
    """Write a genotype as JSON and return the path.

    Args:
        path: of the file, which is written under a temporary name and renamed.
        genotype: Genotype.
        about: dict for the reader, as JSON can hold it: data, method, seed, parameters of the search.

    Raises:
        ValueError: as ``check``; nothing is written.
        TypeError: JSON cannot hold ``about``; nothing is written.
    """
    check(genotype)
    text = json.dumps({"genotype": genotype._asdict(), "about": about}, indent=1)
    with replacing(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")
    return Path(path)


def load(path):
    """(Genotype, about) of a file of ``save``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no genotype, or one that ``check`` refuses; the file is named.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; search for a genotype first, or take one of genotypes.KNOWN")
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        cells, about = saved["genotype"], saved["about"]
        edges = {kind: [(operation, source) for operation, source in cells[kind]] for kind in ("normal", "reduce")}
        genotype = Genotype(edges["normal"], cells["normal_concat"], edges["reduce"], cells["reduce_concat"])
        check(genotype)
        if not isinstance(about, dict):
            raise ValueError("about is no list of names and values")
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # JSON's errors and UTF-8's are ValueErrors
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(f"{path}: no genotype as genotypes.save writes it: {reason}") from error
    return genotype, about


def random(rng, nodes=4, max_skips=2):
    """A genotype drawn with equal chances from all that have at most ``max_skips`` skips in the normal cell.

    Args:
        rng: numpy.random.Generator.
        nodes: of each cell; each gets two different inputs, all nodes make up the output.
        max_skips: None for no limit.

    Raises:
        ValueError: fewer than 1 node, or a negative ``max_skips``.
    """
    if nodes < 1 or (max_skips is not None and max_skips < 0):
        raise ValueError(f"nodes = {nodes}, max_skips = {max_skips}: choose at least 1 node and 0 skips")
    normal = random_edges(rng, nodes)
    while max_skips is not None and skips(normal) > max_skips:
        normal = random_edges(rng, nodes)
    concat = list(range(2, nodes + 2))
    return Genotype(normal, concat, random_edges(rng, nodes), list(concat))


def random_edges(rng, nodes):
    """Two edges a node, from different inputs, each with any operation."""
    edges = []
    for node in range(2, nodes + 2):
        sources = sorted(rng.choice(node, 2, replace=False).tolist())
        edges += [(OPERATIONS[rng.integers(len(OPERATIONS))], source) for source in sources]
    return edges


def skips(edges):
    """How many of the edges of a cell are skips."""
    return sum(operation == "skip_connect" for operation, _ in edges)


KNOWN = {
    "DARTS_V2": Genotype(
        normal=[
            ("sep_conv_3x3", 0),
            ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 0),
            ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1),
            ("skip_connect", 0),
            ("skip_connect", 0),
            ("dil_conv_3x3", 2),
        ],
        normal_concat=[2, 3, 4, 5],
        reduce=[
            ("max_pool_3x3", 0),
            ("max_pool_3x3", 1),
            ("skip_connect", 2),
            ("max_pool_3x3", 1),
            ("max_pool_3x3", 0),
            ("skip_connect", 2),
            ("skip_connect", 2),
            ("max_pool_3x3", 1),
        ],
        reduce_concat=[2, 3, 4, 5],
    ),
    "PDARTS": Genotype(
        normal=[
            ("skip_connect", 0),
            ("dil_conv_3x3", 1),
            ("skip_connect", 0),
            ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 1),
            ("sep_conv_3x3", 3),
            ("sep_conv_3x3", 0),
            ("dil_conv_5x5", 4),
        ],
        normal_concat=[2, 3, 4, 5],
        reduce=[
            ("avg_pool_3x3", 0),
            ("sep_conv_5x5", 1),
            ("sep_conv_3x3", 0),
            ("dil_conv_5x5", 2),
            ("max_pool_3x3", 0),
            ("dil_conv_3x3", 1),
            ("dil_conv_3x3", 1),
            ("dil_conv_5x5", 3),
        ],
        reduce_concat=[2, 3, 4, 5],
    ),
}
