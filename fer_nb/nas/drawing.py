"""Both cells of a genotype drawn as graphs, left to right: as graphviz text and by matplotlib.

The figures 5 and 6 of Verma et al. 2023 are such graphs. As there, nodes are numbered from 0 without the two inputs,
which are called c_{k-2} and c_{k-1}; the output is c_{k}. Nothing here saves or shows.
"""

from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from fer_nb.nets.diagrams import rounded

INPUTS = ("c_{k-2}", "c_{k-1}")
FILL = {"max": "#ece3f1", "avg": "#ece3f1", "skip": "#f3efe4", "sep": "#d8e6f3", "dil": "#f6d9c6"}
INPUT_FILL, NODE_FILL, OUTPUT_FILL = "#dfeadb", "#ffffff", "#f7e9a8"
LINES = ("#3f6f9f", "#a8622f", "#777777")  # from c_{k-2}, from c_{k-1}, from a node
# Widths in inches: of a place for an operation, a node, an input or output, the gap behind, where lines turn.
OPERATION, NODE, END, GAP, NECK = 1.12, 0.3, 0.62, 0.42, 0.25
ROW = 0.42  # inches from one operation to the next below it


def name_of(node):
    return INPUTS[node] if node < 2 else str(node - 2)


def dot(edges, concat):
    """A cell as graphviz text (.gv), which ``dot -Tsvg cell.gv`` draws.

    Args:
        edges: (operation, input) pairs, two a node: ``genotype.normal`` or ``genotype.reduce``.
        concat: the nodes that make up the output, counted with the inputs.
    """
    style = "style=filled, fillcolor"
    lines = ["digraph cell {", "  rankdir=LR;", '  node [shape=box, fontname="Helvetica"];']
    lines += [f'  "{name}" [{style}="{INPUT_FILL}"];' for name in INPUTS]
    lines += [f'  "{name_of(node)}" [{style}="{NODE_FILL}"];' for node in range(2, len(edges) // 2 + 2)]
    lines += [f'  "c_{{k}}" [{style}="{OUTPUT_FILL}"];']
    for position, (operation, source) in enumerate(edges):
        lines.append(f'  "{name_of(source)}" -> "{position // 2}" [label="{operation}"];')
    lines += [f'  "{name_of(node)}" -> "c_{{k}}";' for node in concat]
    return "\n".join([*lines, "}"]) + "\n"


def figure(genotype) -> Figure:
    """Both cells of ``genotype`` side by side; every operation has a row of its own, so that nothing overlaps."""
    widths = [width(edges) for edges in (genotype.normal, genotype.reduce)]
    rows = max(len(genotype.normal), len(genotype.reduce))
    drawn = Figure(figsize=(sum(widths) + 0.6, rows * ROW + 0.6), layout="constrained")
    axes = drawn.subplots(1, 2, gridspec_kw={"width_ratios": widths})
    draw_cell(axes[0], genotype.normal, genotype.normal_concat, "normal cell")
    draw_cell(axes[1], genotype.reduce, genotype.reduce_concat, "reduction cell")
    return drawn


def depths(edges):
    """Depth of each node: 0 for the inputs, then one more than its deepest input."""
    found = [0, 0]
    for first, second in zip(edges[::2], edges[1::2], strict=True):
        found.append(1 + max(found[first[1]], found[second[1]]))
    return found


def left_of_level(depth):
    """Where the operations of the nodes of that depth (from 1) begin, in inches."""
    return END + GAP + (depth - 1) * (OPERATION + NECK + NODE + GAP)


def width(edges):
    return left_of_level(max(depths(edges)) + 1) + END


def draw_cell(ax, edges, concat, title):
    """One cell: the two operations of node i in the rows 2i and 2i + 1, the node between them and to their right.

    A line turns in the gap behind its source and then keeps to the row of its operation, or to the node's own row
    on its way to the output: it crosses other lines, never a box.
    """
    levels, bottom = depths(edges), (len(edges) - 1) * ROW
    places = {node: (0, END, (0.25 + 0.5 * node) * bottom) for node in (0, 1)}  # left, width, middle
    for node in range(2, len(levels)):
        left = left_of_level(levels[node]) + OPERATION + NECK
        places[node] = (left, NODE, (2 * (node - 2) + 0.5) * ROW)
    end = left_of_level(max(levels) + 1)
    for position, (operation, source) in enumerate(edges):
        node, y = position // 2 + 2, position * ROW
        left = left_of_level(levels[node])
        line(ax, places[source][0] + places[source][1], places[source][2], left, y, min(source, 2), turn_first=True)
        line(ax, left + OPERATION, y, places[node][0], places[node][2])
        box(ax, left, OPERATION, y, operation, FILL[operation.split("_")[0]])
    for node in concat:
        left, wide, y = places[node]
        line(ax, left + wide, y, end, bottom / 2)
    for node, (left, wide, y) in places.items():
        box(ax, left, wide, y, name_of(node), INPUT_FILL if node < 2 else NODE_FILL)
    box(ax, end, END, bottom / 2, "c_{k}", OUTPUT_FILL)
    ax.set(title=title, xlim=(-0.05, end + END + 0.05), ylim=(bottom + 0.6 * ROW, -0.6 * ROW))
    ax.set_aspect("equal")
    ax.set_axis_off()


def box(ax, left, wide, y, text, fill):
    rounded(ax, left + wide / 2, y, wide, 0.72 * ROW, 0.06, fill, lw=0.8, zorder=3)
    shown = f"${text}$" if text.startswith("c_") else text
    ax.text(left + wide / 2, y, shown, ha="center", va="center", fontsize=8.5, zorder=4)


def line(ax, left, top, right, bottom, colour=2, turn_first=False):
    """From (left, top) to (right, bottom): along one row, with an S in the gap at its start or its end.

    ``colour``: position in ``LINES``.
    """
    first, last = (left, left + GAP) if turn_first else (max(left, right - GAP), right)
    middle = (first + last) / 2
    points = [(left, top), (first, top), (middle, top), (middle, bottom), (last, bottom), (right, bottom)]
    codes = [Path.MOVETO, Path.LINETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO]
    ax.add_patch(PathPatch(Path(points, codes), fc="none", ec=LINES[colour], lw=1, zorder=1))
    size = {"arrowstyle": "-|>", "color": LINES[colour], "lw": 1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (right, bottom), (right - 0.06, bottom), arrowprops=size, zorder=2)
