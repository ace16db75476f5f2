"""The figures of chapter 4: what is drawn is what was given."""

import json

import numpy as np
import pandas as pd
import pytest

from fer_nb import parameters, paths
from fer_nb.evaluation import thesis
from fer_nb.saliency import plots
from fer_nb.saliency.regions import NAMES


def grey(n):
    return np.random.default_rng(0).random((n, 44, 44))


def test_gallery_has_a_column_a_picture_and_a_row_a_kind():
    pictures = grey(3)
    figure = plots.gallery(list("abc"), {"picture": pictures, "map": pictures[:, None]}, pictures)
    axes, bar = np.array(figure.axes[:-1]).reshape(2, 3), figure.axes[-1]
    assert bar.get_ylabel() == "map" and bar.get_ylim() == (0, 1)
    assert [ax.get_title() for ax in axes[0]] == list("abc")
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["picture", "map"]
    assert [len(ax.get_images()) for ax in axes[:, 1]] == [1, 2]  # a map lies over its picture
    np.testing.assert_array_equal(axes[1, 2].get_images()[1].get_array(), pictures[2])
    assert axes[1, 0].get_images()[1].get_cmap().name == "inferno"
    assert len(plots.gallery(["a"], {"picture": pictures[:1]}, pictures[:1]).axes) == 1  # no map, no bar


@pytest.mark.parametrize("colormap", plots.COLORMAPS)
def test_gallery_takes_each_colormap(colormap):
    ax, bar = plots.gallery(["a"], {"map": grey(1)[:, None]}, grey(1), colormap).axes
    picture, heat = ax.get_images()
    assert (picture.get_cmap().name, heat.get_cmap().name) == ("gray", colormap)
    assert bar.get_ylabel() == "map"


def test_every_notebook_with_maps_takes_their_colours_from_its_parameter():
    found = {}
    for path in sorted(paths.NOTEBOOKS.glob("*.ipynb")):
        code = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
        if calls := [line for line in code.splitlines() if "saliency_plots.gallery(" in line]:
            found[path.stem[:2]] = parameters.defaults(path)["colormap"]
            assert [line for line in calls if not line.endswith(", colormap)")] == []
            checked = code.index('refuse_unknown("colormap", [colormap], saliency_plots.COLORMAPS)')
            assert checked < code.index("sample.subject(")  # before anything is read or computed
    assert found == dict.fromkeys(("06", "07", "08"), "inferno")


def test_gallery_refuses_a_row_of_another_number():
    with pytest.raises(ValueError):
        plots.gallery(["a", "b"], {"picture": grey(1)}, grey(2))


def test_region_heat_tells_share_and_chance():
    table = pd.DataFrame({"expression": ["all"] * 5, "region": NAMES, "share": [0.4, 0.1, 0.1, 0.2, 0.2], "area": 0.2})
    figure = plots.region_heat({"MP": table, "Score-CAM": table})
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.texts] == ["40", "10", "10", "20", "20"]
    np.testing.assert_allclose(ax.collections[0].get_array().ravel(), [1, -1, -1, 0, 0], atol=1e-12)


def test_erosion_draws_the_mean():
    curves = {"deletion, blur": {"MP": np.array([[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]])}}
    (line,) = plots.erosion(curves).axes[0].get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[0, 0.5], [50, 0.5], [100, 0.5]])


def test_cascade_draws_one_quantity_by_depth():
    rows = [(depth, stage, q, v, v - 0.1, v + 0.1) for depth, stage, v in ((0, "", 1.0), (1, "fc", 0.4))
            for q in ("spearman", "ssim")]  # fmt: skip
    table = pd.DataFrame(rows, columns=["depth", "stage", "quantity", "mean", "low", "high"])
    (ax,) = plots.cascades({"MP": table}).axes
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), [[0, 1], [1, 0.4]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["trained", "fc"]
    unknown = table.assign(mean=table["mean"].where(table["depth"] == 0))
    (ax,) = plots.cascades({"MP": unknown, "Grad-CAM": table}).axes
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said == ["MP (1 of 2: the other maps are empty)", "Grad-CAM"]


def test_robustness_marks_the_thesis_on_the_probability():
    rows = [
        (name, strength, quantity, method, 0.5, 0.4, 0.6)
        for name, strengths in (("brightness", (-0.2, 0.0, 0.2)), ("vertical flip", (0.0, 1.0)))
        for strength in strengths
        for quantity, method in (("accuracy", ""), ("probability", ""), ("spearman", "MP"), ("spearman", "Score-CAM"))
    ]
    columns = ["transform", "strength", "quantity", "method", "mean", "low", "high"]
    example = thesis.FIGURES_4_2["4-2"] | {"strength": 0.2}
    figure = plots.robustness(pd.DataFrame(rows, columns=columns), {"brightness": example}, {"brightness": 0.2})
    axes = np.array(figure.axes).reshape(3, 2)
    assert [ax.get_title() for ax in axes[0]] == ["brightness", "vertical flip"]
    assert [len(ax.get_lines()) for ax in axes[:, 0]] == [1, 2, 2]
    np.testing.assert_allclose(axes[1, 0].get_lines()[1].get_xydata(), [[0, 0.943], [0.2, 0.908]])
    other = thesis.FIGURES_4_2["4-6"] | {"strength": 1.0}  # its 0.64 is that of another class
    figure = plots.robustness(pd.DataFrame(rows, columns=columns), {"vertical flip": other}, {})
    marked = np.array(figure.axes).reshape(3, 2)[1, 1].get_lines()[1]
    np.testing.assert_allclose(marked.get_xydata(), [[0, 0.99]])


def test_explanation_shows_every_class_and_map():
    figure = plots.explanation(grey(1)[0], {"Happy": 0.9, "Sad": 0.1}, {"MP": grey(1)[0]}, "Happy")
    assert [bar.get_width() for bar in figure.axes[1].patches] == [0.9, 0.1]
    assert figure.axes[2].get_title() == "MP: Happy" and figure.axes[3].get_ylabel() == "map"
