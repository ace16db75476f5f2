"""The settings of a training run: what is refused before anything is loaded or trained."""

import json

import pytest

from fer_nb import parameters, paths
from fer_nb.training.protocol import Protocol, uses_votes
from fer_nb.training.words import recipe_in_words

GIVEN = {"epochs": 4, "batch_size": 16}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs is 0: choose a whole number from 1"),
        ({"epochs": 2.5}, "epochs is 2.5: choose a whole number"),
        ({"batch_size": 0}, "batch_size is 0: choose a whole number from 2"),
        ({"batch_size": 1}, "batch_size is 1"),
        ({"lr": 0.0}, "lr is 0.0: choose a number above 0"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"momentum": 2}, "momentum is 2: choose a number from 0, below 1"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1"),
        ({"decay_start": -1}, "decay_start is -1"),
        ({"decay_every": 0}, "decay_every is 0: choose a whole number from 1"),
        ({"decay_factor": 0.0}, "decay_factor is 0.0: choose a number above 0, at most 1"),
        ({"clip_value": -1.0}, "clip_value is -1.0"),
        ({"rotation": -5.0}, "rotation is -5.0: choose a number from 0, at most 180"),
        ({"rotation": 1000.0}, "rotation is 1000.0"),
        ({"brightness": 1.5}, "brightness is 1.5"),
        ({"crops": 5}, "unknown crops 5: choose one of 1, 10"),
        ({"precision": "half"}, "unknown precision 'half'"),
        ({"heap": 1}, "heap is 1: choose true or false"),
        ({"seed": -1}, "seed is -1: choose a whole number from 0"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
        ({"schedule": "cosin"}, "unknown schedule 'cosin': did you mean cosine"),
        ({"mixup": -0.2}, "mixup is -0.2: choose a number from 0"),
        ({"cutmix": float("nan")}, "cutmix is nan"),
        ({"mixup": 0.2, "cutmix": 1.0}, "choose one of them"),
        ({"smoothing": 1.0}, "smoothing is 1.0: .* below 1"),
        ({"ema": 1.0}, "ema is 1.0: .* below 1"),
        ({"erasing": 1.5}, "erasing is 1.5: .* at most 1"),
        ({"teacher_weight": 2.0}, "teacher_weight is 2.0: .* at most 1"),
        ({"temperature": 0.0}, "temperature is 0.0: choose a number above 0"),
        ({"warmup": 2.0}, "warmup is 2.0 with schedule step"),
        ({"schedule": "cosine", "warmup": 4.0}, "warmup is 4.0 of 4 epochs"),
        ({"minutes": -1.0}, "minutes is -1.0: choose a number from 0"),
        ({"sizes": [[24, 2], [44, 3]]}, "5 epochs in all, with epochs 4: make the two agree"),
        ({"sizes": [[16, 2], [44, 2]]}, "choose sides from 24 to 48 pixels, not 16"),
        ({"sizes": [[24, 4], [44, 0]]}, "0 epochs at 44 pixels: give it at least 1"),
        ({"sizes": [[24.5, 4]]}, r"write pairs of side and epochs, as \[\[24, 5\]"),
        ({"sizes": [[24, 2, 2]]}, "write pairs"),
        ({"sizes": [24, 4]}, "write pairs"),
    ],
)
def test_what_means_nothing_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Protocol(**GIVEN | wrong)


def test_notebook_4_sets_every_setting():
    known = parameters.defaults(paths.NOTEBOOKS / "04_training.ipynb") | {"votes": False}
    built = parameters.settings(Protocol, known)
    assert set(Protocol.__dataclass_fields__) <= set(known)
    assert built.clip_value == known["clip_value"] and built.epochs == known["epochs"]


def test_notebook_4_deletes_the_checkpoint_in_its_last_cell():
    """What fails in a cell before it, a plot for example, costs no training."""
    cells = json.loads((paths.NOTEBOOKS / "04_training.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert [text for text in code if "clear" in text] == [code[-1]] == ["checkpoint.clear(run.folder)"]


def test_learned_leaves_out_what_changes_the_speed_alone():
    left_out = set(Protocol.__dataclass_fields__) - set(Protocol(**GIVEN).learned())
    assert left_out == {"precision", "heap", "minutes"}


def test_sides_of_the_epochs():
    growing = Protocol(**GIVEN, sizes=[[24, 1], [32, 2], [44, 1]])
    assert [growing.side(epoch) for epoch in range(4)] == [24, 32, 32, 44]
    assert [Protocol(**GIVEN).side(epoch) for epoch in range(4)] == [44] * 4


def test_votes_are_for_ferm_alone():
    assert uses_votes(["ferm"], "ferm")
    assert not uses_votes(["ferm"], "fer2013") and not uses_votes([], "ferm")
    with pytest.raises(ValueError, match="votes: 'ckplus-fold1' has none, only ferm does"):
        uses_votes(["ckplus-fold1"], "ckplus-fold1")


def test_recipe_in_words():
    text = recipe_in_words(Protocol(**GIVEN, lr=0.02))
    assert text == "4 epochs, batches of 16, rate 0.02. Added to the thesis's protocol: nothing."
    added = {"schedule": "cosine", "warmup": 3.0, "ema": 0.99, "decay_all": False, "sizes": [[24, 3], [44, 1]]}
    text = recipe_in_words(Protocol(**GIVEN | added), "ResNet18", True)
    parts = ["24 px for 3 epochs, then 44 px for 1", "cosine, 3 epochs", "no weight decay on", "decay 0.99"]
    for part in [*parts, "ResNet18 as the teacher", "held-out"]:
        assert part in text
    assert "mixup" not in text and "Left out" not in text
    text = recipe_in_words(Protocol(**GIVEN, flip=False, rotation=0.0))
    assert text.endswith("nothing. Left out of it: flip, rotation.")
