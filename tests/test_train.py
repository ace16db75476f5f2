import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from fer_nb import checkpoint, paths, predict, runs, train
from fer_nb.datasets import FaceSet
from fer_nb.study import Run

SETTINGS = {"batch_size": 16, "lr": 0.05, "decay_start": 2, "decay_every": 1, "crops": 1, "precision": "float32"}


def faces(n=90, valid=True, seed=0):
    """Three classes that a net can tell apart: a bright band at a height of its own, in noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    images = rng.integers(0, 80, (n, 48, 48), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[10 + 10 * label : 18 + 10 * label] += 120
    names = ["train", "train", "train", "valid" if valid else "train", "test"]
    split = np.resize(np.array(names), n)
    empty = np.full(n, "")
    return FaceSet(images, labels, ("Low", "Middle", "High"), split, empty, empty, np.arange(n))


def net(seed=0):
    torch.manual_seed(seed)
    body = [nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*body, nn.Dropout(0.2), nn.Linear(128, 3))


def fit(folder, model=None, data=None, **changes):
    return train.fit(model or net(), data or faces(), folder, **{**SETTINGS, "epochs": 4, **changes})


def weights(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


def test_learning_rate_of_the_thesis():
    ckplus = [train.learning_rate(e, 0.01, 20, 1, 0.8) for e in (0, 19, 20, 21, 22, 59)]
    assert ckplus == pytest.approx([0.01, 0.01, 0.01, 0.008, 0.0064, 0.01 * 0.8**39])
    ferm = [train.learning_rate(e, 0.01, 80, 5, 0.9) for e in (80, 84, 85, 90, 199)]
    assert ferm == pytest.approx([0.01, 0.01, 0.009, 0.0081, 0.01 * 0.9**23])


def test_it_learns_and_reports(tmp_path, capsys):
    history = fit(tmp_path, epochs=6)
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0] / 2
    assert history["test_accuracy"].iloc[-1] > 80
    assert capsys.readouterr().out.count("epoch ") == 6


def test_unbroken_and_resumed_runs_end_alike(tmp_path):
    unbroken, resumed = net(), net()
    wanted = fit(tmp_path / "a", unbroken)
    with pytest.raises(KeyboardInterrupt):
        interrupt(tmp_path / "b", resumed, after=2)
    again = net(seed=9)  # the checkpoint decides, not the weights it starts from
    found = fit(tmp_path / "b", again)
    columns = [c for c in wanted if "seconds" not in c]
    pd.testing.assert_frame_equal(wanted[columns], found[columns], check_exact=True)
    assert torch.equal(weights(unbroken), weights(again))


def interrupt(folder, model, after):
    original = train.epoch_line

    def stop(row, epochs):
        if row["epoch"] == after:
            raise KeyboardInterrupt
        return original(row, epochs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "epoch_line", stop)
        fit(folder, model)


def test_the_best_epoch_on_the_valid_side_is_kept(tmp_path):
    model, data = net(), faces()
    history = fit(tmp_path, model, data)
    valid = data.side("valid")
    logits = predict.predict(model, valid.images, crops=1, precision="float32")
    accuracy = 100 * (logits.argmax(1).numpy() == valid.labels).mean()
    assert accuracy == pytest.approx(history["valid_accuracy"].max())


def test_without_a_valid_side_the_last_epoch_is_kept(tmp_path):
    model = net()
    history = fit(tmp_path, model, faces(valid=False))
    assert history["valid_accuracy"].isna().all()
    last = torch.load(checkpoint.path(tmp_path), weights_only=True)["model"]
    assert all(torch.equal(value, last[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("change", "message"),
    [({"lr": 0.1}, "lr = 0.05, this run has 0.1"), ({"data": faces(seed=5)}, "made with data"), ({"seed": 1}, "seed")],
)
def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path, change, message):
    fit(tmp_path, epochs=4)
    before = checkpoint.path(tmp_path).read_bytes()
    with pytest.raises(ValueError, match=message):
        fit(tmp_path, **change)
    assert checkpoint.path(tmp_path).read_bytes() == before


def test_a_checkpoint_of_another_net_is_refused(tmp_path):
    fit(tmp_path)
    with pytest.raises(ValueError, match="made with net"):
        fit(tmp_path, nn.Sequential(nn.Flatten(), nn.Linear(3 * 44 * 44, 3)))


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path):
    fit(tmp_path, epochs=4)
    with pytest.raises(FloatingPointError, match=r"epoch 1, step 1.*checkpoint of epoch 0"):
        broken = net()
        broken[0].weight.data.fill_(float("nan"))
        fit(tmp_path / "other", broken)


def test_a_last_batch_of_one_picture_is_left_out():
    batches = train.shuffle(33, 16, torch.Generator().manual_seed(0))
    assert [len(batch) for batch in batches] == [16, 16]


def test_what_a_finished_run_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    run, model, data = Run("test", "ferm", "tiny", 0), net(), faces()
    history = fit(run.folder, model, data)
    predictions = predict.table(model, data, precision="float32")
    metrics = runs.finish(run, model, history, predictions, "float32")
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"weights.safetensors", "history.csv", "predictions.csv", "metrics.json"}
    assert len(predictions) == len(data.side("valid")) + len(data.side("test"))
    np.testing.assert_allclose(predictions[list(data.classes)].sum(axis=1), 1, atol=1e-5)
    assert metrics["selection"] == "valid" and metrics["best_test_accuracy"] == history["test_accuracy"].max()
    assert f"{metrics['test_accuracy']:.2f}%" in runs.in_words(metrics)
    again = predict.load_weights(net(seed=4), run.folder / "weights.safetensors")
    assert torch.equal(weights(again), weights(model))


def test_weights_of_another_net_or_no_weights_are_refused(tmp_path):
    other = tmp_path / "weights.safetensors"
    train_file = tmp_path / "notes.txt"
    train_file.write_text("no weights")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, other)
    for path in (other, train_file):
        with pytest.raises(ValueError, match=f"{path.name}: not the weights of this net"):
            predict.load_weights(net(), path)


def test_predict_is_the_same_in_any_batch_and_restores_the_mode(monkeypatch):
    model, data = net().train(), faces()
    wanted = predict.predict(model, data.images, precision="float32")
    assert model.training and wanted.shape == (90, 3)
    monkeypatch.setitem(predict.VIEWS, "cpu", 30)
    torch.testing.assert_close(predict.predict(model, data.images, precision="float32"), wanted, atol=1e-5, rtol=1e-5)
    with pytest.raises(ValueError, match="crops must be 1 or 10"):
        predict.predict(model, data.images, crops=5)


def test_resume_after_kill_9(tmp_path):
    """A process that dies without any chance to clean up, at any moment, leaves a checkpoint that goes on."""
    program = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from test_train import fit, net, train\n"
        "line = train.epoch_line\n"
        "die = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
        "train.epoch_line = lambda row, n: die() if row['epoch'] == 2 else line(row, n)\n"
        "fit(Path(sys.argv[1]))\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "killed"), str(paths.ROOT / "tests")]
    assert subprocess.run(arguments, capture_output=True).returncode == -9
    model, unbroken = net(), net()
    fit(tmp_path / "killed", model)
    fit(tmp_path / "whole", unbroken)
    assert torch.equal(weights(model), weights(unbroken))
