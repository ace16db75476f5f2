import numpy as np
import pandas as pd

from fer_nb.evaluation import plots

CLASSES = ("Angry", "Happy")


def test_figures_have_a_panel_per_net():
    matrix = pd.DataFrame(np.eye(2) * 100, index=CLASSES, columns=CLASSES)
    assert len(plots.confusion_matrices({"VGG19": matrix, "ResNet18": matrix, "lightResNetl": matrix}).axes) == 5
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "valid_loss": np.nan, "test_loss": [2.0, 1.5]})
    axes = plots.learning_curves({"VGG19": history}, "loss").axes
    assert len(axes[0].lines) == 2  # the empty validation split is left out
    ticks = plots.learning_curves({"VGG19": history[:1]}, "loss").axes[0].get_xticks()
    assert (ticks == ticks.round()).all()  # of one epoch too
