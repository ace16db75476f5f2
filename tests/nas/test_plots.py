"""fer_nb.nas.plots: what is drawn is what was given."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_nb.nas import plots
from fer_nb.nets.operations import OPERATIONS


def history(epochs=3, stages=1):
    own = pd.DataFrame({"epoch": np.arange(epochs) + 1, "accuracy": 60.0, "alpha_accuracy": 50.0, "skips": 1})
    return pd.concat([own] * stages, ignore_index=True)


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def drawn(figure):
    """A figure that matplotlib can draw, which errors in it show only then."""
    assert isinstance(figure, Figure)
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def test_curves_of_each_search():
    figure = drawn(plots.curves({"EmoNAS": history(), "PDARTS": history(2, stages=3)}))
    left, right = figure.axes
    assert labels(left) == ["EmoNAS", "PDARTS"]
    assert left.get_xlabel() == right.get_xlabel() == "epoch" and left.get_ylabel() == "accuracy, percent"
    assert right.get_ylabel() == "skips"
    weights, alphas, *of_stages = left.get_lines()
    assert weights.get_linestyle() == "--" and set(weights.get_ydata()) == {60} and set(alphas.get_ydata()) == {50}
    assert of_stages[1].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]  # the stages follow one another
    assert set(right.get_lines()[0].get_ydata()) == {1}


@pytest.mark.parametrize("epochs", [1, 2, 3, 50])
def test_epochs_and_skips_are_whole_numbers(epochs):
    alphas = {kind: np.full((epochs, 5, 7), 1 / 7) for kind in ("normal", "reduce")}
    (left, right), panels = plots.curves({"EmoNAS": history(epochs)}).axes, plots.drift(alphas).axes[:7]
    ticks = np.concatenate([ax.get_xticks() for ax in (left, right, *panels)] + [right.get_yticks()])
    assert (ticks == ticks.round()).all()


def test_a_single_epoch_is_seen():
    figure = drawn(plots.curves({"EmoNAS": history(1)}))
    assert {line.get_marker() for ax in figure.axes for line in ax.get_lines()} == {"."}
    figure = drawn(plots.drift({kind: np.full((1, 5, 7), 1 / 7) for kind in ("normal", "reduce")}))
    assert {line.get_marker() for ax in figure.axes for line in ax.get_lines()[:2]} == {"."}


def test_drift_has_a_panel_an_operation_a_line_a_cell_and_the_band_of_the_edges():
    rng = np.random.default_rng(0)
    alphas = {kind: rng.dirichlet(np.ones(7), (4, 5)) for kind in ("normal", "reduce")}
    figure = drawn(plots.drift(alphas))
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() for ax in panels] == list(OPERATIONS)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["normal cell", "reduction cell"]
    for place, ax in enumerate(panels):
        normal, reduction, start = ax.get_lines()
        assert set(start.get_ydata()) == {1 / 7} and ax.get_ylim() == panels[0].get_ylim()
        for line, band, values in zip((normal, reduction), ax.collections, alphas.values(), strict=True):
            np.testing.assert_allclose(line.get_ydata(), values[:, :, place].mean(1))
            heights = band.get_paths()[0].vertices[:, 1]
            ends = values[:, :, place].min(), values[:, :, place].max()
            assert (heights.min(), heights.max()) == pytest.approx(ends)


def test_accuracy_over_parameters_of_nets_that_name_all_right():
    # Wilson's interval at 100% ends at 99.99999999999999 for some numbers of pictures
    rows = [("lightResNetl", 3e6, 100.0, 70.0, 99.99999999999999), ("EmoNAS", 5e5, 80.0, 60.0, 90.0)]
    table = pd.DataFrame(rows, columns=["model", "parameters", "accuracy", "low", "high"])
    (ax,) = drawn(plots.accuracy_over_parameters(table)).axes
    assert labels(ax) == ["lightResNetl", "EmoNAS"] and ax.get_xscale() == "log" and ax.get_xlabel() == "parameters"
    assert [line.get_ydata()[0] for line in ax.get_lines()] == [100, 80]
    assert [line.get_xdata()[0] for line in ax.get_lines()] == [3e6, 5e5]
    assert [[y for _, y in of.get_segments()[0]] for of in ax.collections][1] == [60, 90]


def test_micro_scores_draws_uf1_alone():
    rows = [
        (data, model, measure, 40.0 + 10 * (measure == "UF1") + (data == "micro_apex"), low, high, 12, 108)
        for data in ("micro_dynamic", "micro_apex")
        for model, low, high in (("EmoNAS", 45.0, 48.0), ("VGG19", np.nan, np.nan))  # below the value; none
        for measure in ("accuracy", "UAR", "UF1")
    ]
    columns = ["data", "model", "measure", "value", "low", "high", "subjects", "clips"]
    (ax,) = drawn(plots.micro_scores(pd.DataFrame(rows, columns=columns))).axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["micro_dynamic", "micro_apex"]
    assert labels(ax) == ["EmoNAS", "VGG19"] and ax.get_xlabel().startswith("UF1, percent")
    assert [line.get_xdata()[0] for line in ax.get_lines()] == [50, 50, 51, 51]
    heights = [line.get_ydata()[0] for line in ax.get_lines()]
    assert len(set(heights)) == 4 and np.round(heights).tolist() == [0, 0, 1, 1]
    assert ax.yaxis_inverted()


def test_found_nets_among_random_ones():
    rows = [("ferm", "EmoNAS", 0, False, 90.0), ("ferm", "Random1", 0, True, 80.0), ("ferm", "DARTS", 0, False, 70.0)]
    rows += [("ckplus", "EmoNAS", 0, False, 60.0)]
    table = pd.DataFrame(rows, columns=["data", "model", "seed", "random", "accuracy"])
    (ax,) = drawn(plots.among_random(table)).axes
    assert labels(ax) == ["EmoNAS", "DARTS", "random"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["ferm", "ckplus"]
    dots = [line.get_xdata()[0] for line in ax.get_lines() if len(line.get_xdata())]
    assert dots == [90, 70, 60] and len(ax.collections) == 1


def test_scores_over_what_makes_clips_hard():
    rows = [(of, level, kind, measure) for of, levels in (("motion", (0.5, 1, 2)), ("noise", (1.5, 4)))
            for level in levels for kind in ("apex", "tvl1") for measure in ("UF1", "UAR", "accuracy")]  # fmt: skip
    table = pd.DataFrame(rows, columns=["varied", "level", "kind", "measure"])
    table["value"] = 50.0 + table["level"] + 10 * (table["measure"] == "UAR")
    figure = drawn(plots.micro_curves(table.assign(model="EmoNAS", low=40.0, high=70.0)))
    first, _, third, _ = figure.axes
    assert first.get_ylabel() == "UF1, percent" and third.get_ylabel() == "UAR, percent"
    assert third.get_xlabel() == "pixels of motion"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["apex", "tvl1"]
    assert first.get_lines()[1].get_xdata().tolist() == [0.5, 1, 2]
    assert third.get_lines()[0].get_ydata().tolist() == [60.5, 61, 62] and len(first.collections) == 2
