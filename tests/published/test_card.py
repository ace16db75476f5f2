import ast
import re
import shutil

import cv2
import numpy as np
import pytest

from fer_nb.data.faceset import FER_CLASSES
from fer_nb.nets import device
from fer_nb.published import __main__, keep, origins
from fer_nb.published.card import model_card


def test_the_model_card_says_what_was_measured(tree):
    __main__.main(["tiny"])
    text = (origins.kept_folder() / "MODEL_CARD.md").read_text()
    assert text.startswith("# Model card: lightResNetl, trained on FERm\n")
    sections = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert sections[:3] == ["Model details", "Intended use", "Factors"] and len(sections) == 9
    assert "2,678,087 parameters" in text and "(tiny/weights/lightResNetl-ferm.safetensors), 5.4 MB" in text
    assert (
        "seed 0, commit 0123456789, in 1 min 30 s\n  on a board in bfloat16" in text and "- `ck+/CK+48`: ab12\n" in text
    )
    assert "| lightResNetl | 78.57 [60.46, 89.79] | 78.57 | 28 | 90.00 | 2 | 88.11 |" in text
    assert (
        "on which it was trained; without them the accuracy over the study's seeds is\n  88.50% instead of 90.00%."
        in text
    )
    assert "The test split of FERm (3,153 pictures)" in text and "| valid | 287 | 37 |" in text
    assert (
        "trained for 2 epochs, the thesis's for 200, and by another recipe: the difference may come from that" in text
    )
    assert "weakest class is Angry (lightResNetl: 50.0% of" in text
    assert "| lr | 0.01 |\n" in text and "| epochs | 2 |" in text and "\n| seed |" not in text
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \[.*\] \| 4 \| (.*) \|$", text, re.MULTILINE)
    assert rows[0][:2] == ("Angry", "50.00") and {row[0] for row in rows} == set(FER_CLASSES)
    assert [float(row[1]) for row in rows] == sorted(float(row[1]) for row in rows)
    assert ("Disgust", "75.00", "Happy (25.0%)") in rows and ("Happy", "100.00", "–") in rows
    assert "[MODEL_CARD.md](MODEL_CARD.md)" in (origins.kept_folder() / "README.md").read_text()
    for link in re.findall(r"\]\((?!http|\.\./)([^)]+)\)", text):
        assert (origins.kept_folder() / link).exists(), link


def test_the_code_in_the_model_card_runs(tree, monkeypatch, capsys):
    keep.keep_study("tiny")
    monkeypatch.chdir(tree)
    monkeypatch.setattr(device, "bfloat16_is_faster", lambda: False)  # measuring takes a minute on some processors
    cv2.imwrite("face.png", np.random.default_rng(0).integers(0, 256, (90, 70), dtype=np.uint8))
    exec("".join(re.findall(r"```python\n(.*?)```", model_card(), re.DOTALL)), {})
    torch_scores, onnx_scores = (ast.literal_eval(line) for line in capsys.readouterr().out.splitlines()[-2:])
    assert tuple(torch_scores) == tuple(onnx_scores) == FER_CLASSES
    assert sum(onnx_scores.values()) == pytest.approx(1, abs=1e-5)
    assert list(torch_scores.values()) == pytest.approx(list(onnx_scores.values()), abs=1e-4)


def test_without_weights_there_is_no_card(tree):
    __main__.main(["tiny"])
    shutil.rmtree(origins.kept_folder() / "tiny/weights")
    __main__.main([])
    assert not (origins.kept_folder() / "MODEL_CARD.md").exists()
    assert "MODEL_CARD" not in (origins.kept_folder() / "README.md").read_text()
