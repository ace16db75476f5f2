import itertools
import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch, PathPatch

from fer_nb.nas import drawing
from fer_nb.nets import genotypes
from fer_nb.nets.genotypes import KNOWN

GENOTYPES = [*KNOWN.values(), *(genotypes.random(np.random.default_rng(seed)) for seed in range(4))]


def chain():
    """Each node takes the one before it: as deep as a cell gets. Its output is of the last node alone."""
    edges = [("skip_connect", 0), ("dil_conv_5x5", 1), ("max_pool_3x3", 0), ("sep_conv_5x5", 2)]
    edges += [("avg_pool_3x3", 0), ("sep_conv_3x3", 3), ("skip_connect", 1), ("sep_conv_3x3", 4)]
    return genotypes.Genotype(edges, [5], edges, [4, 5])


def test_the_text_holds_every_edge():
    edges, concat = KNOWN["PDARTS"][:2]
    text = drawing.dot(edges, concat)
    drawn = re.findall(r'"(.+)" -> "(.+)" \[label="(.+)"\];', text)
    names = ["c_{k-2}", "c_{k-1}", "0", "1", "2", "3"]
    assert drawn == [(names[source], str(i // 2), operation) for i, (operation, source) in enumerate(edges)]
    assert re.findall(r'"(.+)" -> "c_\{k\}";', text) == ["0", "1", "2", "3"]
    assert "rankdir=LR" in text and text.count("{\n") == 1 and text.endswith("}\n")
    assert re.findall(r'"(.+)" -> "c_\{k\}";', drawing.dot(edges, [3, 5])) == ["1", "3"]


def test_depths():
    assert drawing.depths(KNOWN["PDARTS"].normal) == [0, 0, 1, 1, 2, 3]
    assert drawing.depths(chain().normal) == [0, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("genotype", [*GENOTYPES, chain()])
def test_the_figure_names_every_operation_and_nothing_overlaps(genotype):
    figure = drawing.figure(genotype)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for ax, edges, concat in zip(figure.axes, genotype[::2], genotype[1::2], strict=True):
        texts = [text.get_text() for text in ax.texts if text.get_text()]
        ends = ["$c_{k-2}$", "$c_{k-1}$", "$c_{k}$"]
        numbers = [str(node) for node in range(len(edges) // 2)]
        assert sorted(texts) == sorted([operation for operation, _ in edges] + numbers + ends)
        boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
        places = [patch.get_window_extent(canvas.renderer) for patch in boxes]
        assert len(places) == len(texts)
        assert not any(a.overlaps(b) for a, b in itertools.combinations(places, 2))
        for text in (text for text in ax.texts if text.get_text()):
            extent = text.get_window_extent(canvas.renderer)
            middle = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
            (around,) = [place for place in places if place.contains(*middle)]
            assert around.width > extent.width and around.height > extent.height  # readable: it fits into its box
        lines = [patch for patch in ax.patches if isinstance(patch, PathPatch)]
        assert len(lines) == 2 * len(edges) + len(concat)


@pytest.mark.parametrize("genotype", [*GENOTYPES, chain()])
def test_no_line_runs_through_a_box(genotype):
    figure = drawing.figure(genotype)
    for ax in figure.axes:
        boxes = [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]
        for drawn in (patch for patch in ax.patches if isinstance(patch, PathPatch)):
            corners = drawn.get_path().interpolated(1).to_polygons(closed_only=False)[0]
            points = np.concatenate([np.linspace(a, b, 40) for a, b in itertools.pairwise(corners)])
            for box in boxes:
                x, y, wide, high = box.get_x(), box.get_y(), box.get_width(), box.get_height()
                inside = (points[:, 0] > x + 0.01) & (points[:, 0] < x + wide - 0.01)
                inside &= (points[:, 1] > y + 0.01) & (points[:, 1] < y + high - 0.01)
                assert not inside.any()
