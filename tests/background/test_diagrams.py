from matplotlib.patches import Circle

from fer_nb.background import diagrams


def test_each_weight_is_a_line():
    connected, convolution = diagrams.layers().axes
    assert "24 weights + 4 biases" in connected.get_title() and len(connected.lines) == 24
    assert "3 weights + 1 bias" in convolution.get_title() and len(convolution.lines) == 12
    assert len({line.get_color() for line in convolution.lines}) == 3
    assert all(sum(isinstance(patch, Circle) for patch in ax.patches) == 10 for ax in (connected, convolution))


def test_the_system_goes_from_a_picture_to_an_expression():
    (ax,) = diagrams.system().axes
    words = [text.get_text() for text in ax.texts if text.get_text()]
    assert words[0] == "Picture" and words[-2] == "Expression" and len(ax.patches) == len(diagrams.SYSTEM)


def test_the_detector_ends_in_four_maps():
    (ax,) = diagrams.detector().axes
    words = [text.get_text() for text in ax.texts if text.get_text()]
    assert len(ax.patches) == len(diagrams.DETECTOR) + 4 and {"heat map", "size", "offset", "points"} <= set(words)
