import numpy as np
import pytest

from fer_nb.background import activations, plots


def test_the_values_of_pooled_maps_are_written_in_their_windows():
    figure = plots.pooled({"map": np.arange(16.0).reshape(4, 4), "maximum": np.array([[5.0, 7], [13, 15]])})
    first, second = figure.axes
    assert [text.get_text() for text in first.texts] == [str(i) for i in range(16)]
    assert [text.get_text() for text in second.texts] == ["5", "7", "13", "15"]
    windows = np.asarray(first.images[0].get_array())
    assert np.array_equal(windows[::2, ::2], second.images[0].get_array())
    assert np.array_equal(windows[::2, ::2], windows[1::2, 1::2])


def test_each_activation_has_its_derivative_beside_the_formula():
    figure = plots.activations({name: activations.curves(name) for name in ("logistic", "tanh")})
    assert [ax.get_title() for ax in figure.axes] == ["logistic", "tanh"]
    for ax in figure.axes:
        function, formula, autograd, derivative = (line.get_ydata() for line in ax.lines)
        np.testing.assert_allclose(function, formula, atol=1e-12)
        np.testing.assert_allclose(autograd, derivative, atol=1e-12)


@pytest.mark.parametrize(("turn", "axis"), [(False, 1), (True, 0)])
def test_hog_s_strokes_run_along_the_edges(turn, axis):
    picture = np.repeat([40, 200], 24).astype(np.uint8)[None].repeat(48, axis=0)
    (strokes,) = plots.hog_figure(picture.T if turn else picture).axes[-1].collections
    ends = np.array([path.vertices for path in strokes.get_paths()])
    x, y = np.abs(ends[:, 1] - ends[:, 0]).T
    longest = np.hypot(x, y).argmax()
    assert (x[longest], y[longest])[axis] > 0.9 * np.hypot(x, y)[longest] > 4
