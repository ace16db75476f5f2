"""From strengths of the operations on all edges to a genotype (Liu, Simonyan and Yang 2019, section 2.4)."""

import numpy as np

from fer_nb.nets.genotypes import Genotype, skips

KINDS = ("normal", "reduce")
SKIP = "skip_connect"


def edge_count(nodes):
    """Edges of a cell: each node has one from both inputs and from every node before it."""
    return sum(node + 2 for node in range(nodes))


def on_every_edge(operations, nodes):
    """{"normal", "reduce"} -> for each edge its operations, tuples; ``operations`` as in ``Supernet``.

    Raises ValueError where the lists are not one an edge, not equally long, or shorter than 2.
    """
    count = edge_count(nodes)
    if not isinstance(operations, dict):
        operations = {kind: [operations] * count for kind in KINDS}
    found = {kind: tuple(tuple(names) for names in operations[kind]) for kind in KINDS}
    for kind, lists in found.items():
        if len(lists) != count:
            raise ValueError(f"{kind} cell: operations of {len(lists)} edges; {nodes} nodes have {count}")
        lengths = {len(names) for names in lists}
        if len(lengths) > 1 or min(lengths) < 2:
            raise ValueError(f"{kind} cell: {sorted(lengths)} operations an edge: give the same number, at least 2")
    return found


def discretise(strengths, operations, nodes, max_skips=2):
    """The Genotype that ``strengths`` stand for.

    Each node keeps the two inputs whose strongest operation is the strongest, with that operation; the first of
    equals. Where the normal cell has more than ``max_skips`` skips, the weakest is given up for the next best and the
    cell chosen anew, until it has not (Chen et al. 2019, section 3.3).

    Args:
        strengths: {"normal", "reduce"} -> (edges, operations), tensor or array.
        operations: {"normal", "reduce"} -> for each edge the names of its operations.
        nodes: of a cell.
        max_skips: in the normal cell; None for no limit.
    """
    table = {kind: np.array([row.tolist() for row in strengths[kind]], float) for kind in KINDS}
    normal = strongest(table["normal"], operations["normal"], nodes)
    while max_skips is not None and skips([edge[:2] for edge in normal]) > max_skips:
        weakest = min((value, edge, position) for name, _, value, edge, position in normal if name == SKIP)
        table["normal"][weakest[1:]] = -np.inf
        normal = strongest(table["normal"], operations["normal"], nodes)
    reduce, concat = strongest(table["reduce"], operations["reduce"], nodes), list(range(2, nodes + 2))
    return Genotype([edge[:2] for edge in normal], concat, [edge[:2] for edge in reduce], list(concat))


def strongest(table, names, nodes):
    """(operation, input, strength, edge, position) of the edges that are kept, two a node in the order of inputs."""
    found, start = [], 0
    best, values = table.argmax(1), table.max(1)
    for node in range(nodes):
        ranked = sorted(range(node + 2), key=lambda source, start=start: -values[start + source])
        for source in sorted(ranked[:2]):
            edge = start + source
            found.append((names[edge][best[edge]], source, values[edge], edge, int(best[edge])))
        start += node + 2
    return found


def score(genotype, strengths, operations, nodes):
    """The supernet's score of a genotype: the sum over its edges of the log of the strength of the edge's operation.

    Without a limit on skips, no genotype scores higher than ``discretise``'s, given its inputs. Arguments as there.
    """
    total = 0.0
    for kind, edges in (("normal", genotype.normal), ("reduce", genotype.reduce)):
        if len(edges) != 2 * nodes:
            raise ValueError(f"{kind} cell: {len(edges) // 2} nodes, the search had {nodes}: take a genotype as large")
        for position, (operation, source) in enumerate(edges):
            edge = edge_count(position // 2) + source
            total += float(np.log(strengths[kind][edge][operations[kind][edge].index(operation)]))
    return total
