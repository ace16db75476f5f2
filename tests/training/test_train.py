import errno
import io
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fer_nb import paths
from fer_nb.data import augment
from fer_nb.data.faceset import FaceSet
from fer_nb.nets import by_name, models
from fer_nb.study import Run
from fer_nb.training import checkpoint, finish, predict, train, weights, words
from fer_nb.training.protocol import Protocol

SETTINGS = {"batch_size": 16, "lr": 0.05, "decay_start": 2, "decay_every": 1, "crops": 1, "precision": "float32"}

# Every part that a batch can have at once.
FULL = {"schedule": "cosine", "warmup": 1.0, "decay_all": False, "smoothing": 0.1, "mixup": 0.2, "erasing": 0.25}
FULL |= {"ema": 0.8, "votes": True, "teacher_weight": 0.3, "temperature": 2.0}


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


def voted():
    """``faces`` with targets: most votes for the label, one for the next class."""
    found = faces()
    hot = np.eye(3, dtype=np.float32)
    return replace(found, targets=0.8 * hot[found.labels] + 0.2 * hot[(found.labels + 1) % 3])


def net(seed=0):
    torch.manual_seed(seed)
    body = [nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten()]
    return nn.Sequential(*body, nn.Dropout(0.2), nn.Linear(128, 3))


def fit(folder, model=None, data=None, teacher=None, **changes):
    protocol = Protocol(**{**SETTINGS, "epochs": 4, **changes})
    return train.fit(model or net(), data or faces(), folder, protocol, teacher)


def flat(model):
    return torch.cat([value.flatten().float() for value in model.state_dict().values()])


def test_it_learns_and_reports(tmp_path, capsys):
    history = fit(tmp_path, epochs=6)
    assert list(history["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0] / 2
    assert history["test_accuracy"].iloc[-1] > 80
    assert capsys.readouterr().out.count("epoch ") == 6


def test_the_protocol_of_the_thesis_is_this_plain_loop(tmp_path):
    data, model = faces(valid=False), net()
    plain = train.devices.prepare(net(), torch.device("cpu"))
    fit(tmp_path, model, data, epochs=2, lr=0.1, decay_start=0, clip_value=0.01)
    train_side = data.of_split("train")
    images, labels = torch.as_tensor(train_side.images), torch.as_tensor(train_side.labels)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(plain.parameters(), momentum=0.9, weight_decay=5e-4)
    for rate in (0.1, 0.09):
        optimizer.param_groups[0]["lr"] = rate
        for batch in torch.randperm(len(labels), generator=generator).split(16):
            views = augment.augment(images[batch], generator).contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            nn.functional.cross_entropy(plain(views), labels[batch]).backward()
            nn.utils.clip_grad_value_(plain.parameters(), 0.01)
            optimizer.step()
    assert torch.equal(flat(plain), flat(model))


DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here"))]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("recipe", [{}, FULL], ids=["thesis", "full"])
def test_unbroken_and_resumed_runs_end_alike(tmp_path, monkeypatch, recipe, device):
    monkeypatch.setattr(train.devices, "select", lambda: torch.device(device))
    unbroken, resumed = net(), net()
    given = {"data": voted(), **recipe}
    teachers = [net(seed=3) if recipe is FULL else None for _ in range(3)]
    wanted = fit(tmp_path / "a", unbroken, teacher=teachers[0], **given)
    with pytest.raises(KeyboardInterrupt):
        interrupt(tmp_path / "b", resumed, after=2, teacher=teachers[1], **given)
    again = net(seed=9)  # the checkpoint decides, not the weights it starts from
    found = fit(tmp_path / "b", again, teacher=teachers[2], **given)
    columns = [c for c in wanted if "seconds" not in c]
    pd.testing.assert_frame_equal(wanted[columns], found[columns], check_exact=True)
    assert torch.equal(flat(unbroken), flat(again))


def interrupt(folder, model, after, **given):
    original = train.epoch_line

    def stop(row, epochs):
        if row["epoch"] == after:
            raise KeyboardInterrupt
        return original(row, epochs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "epoch_line", stop)
        fit(folder, model, **given)


def test_the_best_epoch_on_the_valid_split_is_kept(tmp_path):
    model, data = net(), faces()
    history = fit(tmp_path, model, data)
    valid = data.of_split("valid")
    logits = predict.predict(model, valid.images, crops=1, precision="float32")
    accuracy = 100 * (logits.argmax(1).numpy() == valid.labels).mean()
    assert accuracy == pytest.approx(history["valid_accuracy"].max())


def test_without_a_valid_split_the_last_epoch_is_kept(tmp_path):
    model = net()
    history = fit(tmp_path, model, faces(valid=False))
    assert history["valid_accuracy"].isna().all()
    last = checkpoint.read(checkpoint.path(tmp_path))["model"]
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


def test_a_setting_that_came_after_a_checkpoint_had_its_default(tmp_path):
    fit(tmp_path, epochs=2)
    path = checkpoint.path(tmp_path)
    saved = checkpoint.read(path)
    for name in ("random_crop", "flip", "sizes"):
        del saved["settings"][name]
    checkpoint.write(path, saved)
    for sizes in ((), []):
        assert len(fit(tmp_path, epochs=2, sizes=sizes)) == 2
    with pytest.raises(ValueError, match="made with flip = True, this run has False"):
        fit(tmp_path, epochs=2, flip=False)


def test_code_that_changed_while_a_run_was_interrupted_is_said_and_kept(tmp_path, monkeypatch, capsys):
    codes = [{"commit": name * 40, "digest": name} for name in "abb"]
    for number, code in enumerate(codes):
        monkeypatch.setattr(checkpoint, "code", lambda code=code: code)
        with pytest.raises(KeyboardInterrupt):
            interrupt(tmp_path, net(), after=number + 1)
        said = f"other code (commit {'b' * 40}) than training began with ({'a' * 40})"
        assert (said in capsys.readouterr().out) == (number > 0)
    wanted = [{"epoch": 1, **codes[0]}, {"epoch": 2, **codes[1]}]
    history = fit(tmp_path)
    assert history.attrs["code"] == wanted and len(history) == 4
    assert fit(tmp_path).attrs["code"] == wanted  # all epochs were done
    saved = checkpoint.read(checkpoint.path(tmp_path))
    del saved["code"]  # as in a checkpoint from before it was kept
    checkpoint.write(checkpoint.path(tmp_path), saved | {"history": saved["history"][:3]})
    assert fit(tmp_path).attrs["code"] == [{"epoch": 4, **codes[2]}]


def test_the_code_of_a_run_is_that_which_decides_what_it_learns(monkeypatch, tmp_path):
    shutil.copytree(paths.ROOT / "fer_nb", tmp_path / "fer_nb", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    digests = [checkpoint.code.__wrapped__()["digest"]]
    for name in ("evaluation/plots.py", "data/readers/ckplus.py", "training/recipe.py", "nets/models.py"):
        with (tmp_path / "fer_nb" / name).open("a") as file:
            file.write("# another\n")
        digests.append(checkpoint.code.__wrapped__()["digest"])
    assert [digest == digests[0] for digest in digests] == [True, True, True, False, False]
    assert digests[3] != digests[4]


@pytest.mark.parametrize("made_on", ["cpu", "cuda"])
def test_a_checkpoint_of_another_kind_of_device_is_refused(tmp_path, made_on):
    fit(tmp_path, epochs=1)
    saved = checkpoint.read(checkpoint.path(tmp_path))
    saved["generators"] = [torch.Generator().get_state()] * (3 if made_on == "cuda" else 2)
    checkpoint.write(checkpoint.path(tmp_path), saved)
    here = "cpu" if made_on == "cuda" else "cuda"
    generator = SimpleNamespace(device=torch.device(here))
    with pytest.raises(ValueError, match=rf"made on {made_on}, this is {here}, .* go on on {made_on}, or delete"):
        checkpoint.load(tmp_path, saved["settings"], {}, generator)


@pytest.mark.parametrize("damage", ["empty", "short", "a bit", "foreign"])
def test_a_damaged_checkpoint_is_named_and_kept(tmp_path, damage):
    fit(tmp_path, epochs=1)
    path = checkpoint.path(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    foreign = io.BytesIO()
    torch.save({"model": {}}, foreign)
    damaged = {"empty": b"", "short": content[:500], "a bit": content, "foreign": foreign.getvalue()}[damage]
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=r"checkpoint\.pt: a damaged checkpoint, .* delete it to start anew"):
        fit(tmp_path, epochs=1)
    assert path.read_bytes() == damaged


def test_a_checkpoint_of_another_net_is_refused(tmp_path):
    fit(tmp_path)
    with pytest.raises(ValueError, match="made with net"):
        fit(tmp_path, nn.Sequential(nn.Flatten(), nn.Linear(3 * 44 * 44, 3)))


def test_what_the_run_lacks_is_refused(tmp_path):
    with pytest.raises(ValueError, match="only FERm's do"):
        fit(tmp_path, votes=True)
    with pytest.raises(ValueError, match="teacher_weight is 0"):
        fit(tmp_path, teacher=net())
    with pytest.raises(ValueError, match="the train split has fewer than two pictures"):
        fit(tmp_path, data=faces().of_split("test"))
    with pytest.raises(ValueError, match="views of 24 pixels do not suit this net: take 32 or more"):
        fit(tmp_path, models.build("VGG19", 3), sizes=[[24, 2], [44, 2]])
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="views of 24 pixels do not suit its teacher: take 32 or more"):
        fit(tmp_path, teacher=models.build("VGG19", 3), teacher_weight=0.5, sizes=[[24, 2], [44, 2]])


def test_views_grow_by_the_schedule_and_scoring_keeps_its_size(tmp_path):
    model, sides = net(), []
    model.register_forward_pre_hook(lambda model, given: sides.append((model.training, given[0].shape[-1])))
    sizes = [[24, 1], [32, 2], [44, 1]]
    history = fit(tmp_path, model, sizes=sizes)
    assert history["side"].tolist() == [24, 32, 32, 44]
    assert [side for training, side in sides if training] == [24] * 4 + [32] * 8 + [44] * 4  # 54 pictures by 16
    with pytest.raises(ValueError, match="made with sizes = "):
        fit(tmp_path, sizes=sizes[::-1])


def test_a_limit_of_time_stops_at_the_end_of_an_epoch_and_the_run_goes_on(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(train.limits.time, "monotonic", lambda: now[0])
    line = train.epoch_line

    def minute_later(row, epochs):
        now[0] += 60
        return line(row, epochs)

    monkeypatch.setattr(train, "epoch_line", minute_later)
    with pytest.raises(TimeoutError, match=r"stopped after epoch 2 of 4: .* limit of 2 minutes\. Run the same again"):
        fit(tmp_path, minutes=2.0)
    model, unbroken = net(), net()
    fit(tmp_path, model)
    fit(tmp_path / "whole", unbroken)
    assert torch.equal(flat(model), flat(unbroken))


def test_a_limit_shorter_than_an_epoch_stops_in_it(tmp_path, monkeypatch):
    ticks = iter(range(100))
    monkeypatch.setattr(train.limits.time, "monotonic", lambda: next(ticks))
    with pytest.raises(TimeoutError, match=r"minutes is 0.01, and one epoch takes about 0.017: give it more"):
        fit(tmp_path, minutes=0.01)
    assert not checkpoint.path(tmp_path).exists()


def test_a_run_that_another_process_trains_is_refused(tmp_path):
    program = (
        "import sys, time; from pathlib import Path; from fer_nb.training import limits\n"
        "with limits.alone(Path(sys.argv[1])):\n"
        "    print('holds', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"holds\n"
        with pytest.raises(BlockingIOError, match=rf"lock: process {other.pid} on .* trains this run: wait for it"):
            fit(tmp_path)
        other.kill()
    fit(tmp_path, epochs=1)  # a lock ends with its process


@pytest.mark.parametrize("missing", ["train", "test"])
def test_a_data_set_without_train_or_test_split_is_refused_before_training(missing):
    data = faces()
    train.refuse_without_test_split(data, "ckplus-fold1")
    with pytest.raises(ValueError, match=f"ckplus has no {missing} split: .* ckplus-fold1, .*dynamic-subject1"):
        train.refuse_without_test_split(data.subset(data.split != missing), "ckplus")


def test_a_checkpoint_of_a_net_that_computes_something_else_is_refused(tmp_path):
    """Nets of equal state dicts, which differ by pool, block_relu or the edges of their cells."""
    edges = [["skip_connect", 0], ["skip_connect", 1]]
    cell = {"normal": edges, "normal_concat": [2], "reduce": edges, "reduce_concat": [2]}
    shape = {"channels": 4, "cells": 3, "stem_stride": 2}
    other = {"normal": [["skip_connect", 0], ["skip_connect", 0]]}
    cases = {
        "pool = global, this run has 4x4": ({"pool": "global"}, {"pool": "4x4"}),
        "block_relu = False, this run has True": ({"block_relu": False}, {"block_relu": True}),
        "genotype = ": ({"genotype": cell, **shape}, {"genotype": cell | other, **shape}),
    }
    for number, (message, (before, now)) in enumerate(cases.items()):
        nets = []
        for given in (before, now):
            model = {"model": "EmoNAS" if "genotype" in given else "lightResNetl", "classes": 3}
            nets.append(by_name.build_described(model | {"pool": "global", "block_relu": False} | given))
        shapes = [[(name, value.shape) for name, value in one.state_dict().items()] for one in nets]
        assert shapes[0] == shapes[1]
        described = [checkpoint.describe({"epochs": 4}, one, faces(), torch.float32) for one in nets]
        folder = tmp_path / str(number)
        checkpoint.save(folder, described[0], {"history": [], "selected": None}, {}, torch.Generator())
        with pytest.raises(ValueError, match=f"made with {message}"):
            checkpoint.load(folder, described[1], {}, torch.Generator())
        checkpoint.load(folder, described[0], {}, torch.Generator())


def test_without_heap_no_scoring_keeps_large_buffers(tmp_path, monkeypatch):
    called, model, data = [], net(), faces()
    monkeypatch.setattr(train.devices, "keep_heap", lambda: called.append(1))
    fit(tmp_path, model, data, epochs=1, heap=False)
    predict.table(model, data, heap=False)
    assert not called
    fit(tmp_path / "kept", epochs=1)
    assert called


def test_what_changes_nothing_that_is_learned_may_change_before_a_run_goes_on(tmp_path):
    fit(tmp_path, epochs=2)
    assert len(fit(tmp_path, epochs=2, heap=False, precision="float32")) == 2


def test_another_teacher_is_refused(tmp_path):
    given = {"data": voted(), **FULL}
    fit(tmp_path, teacher=net(seed=3), **given)
    with pytest.raises(ValueError, match="made with teacher"):
        fit(tmp_path, teacher=net(seed=4), **given)


def test_the_averaged_weights_are_what_counts(tmp_path):
    model, data = net(), faces(valid=False)
    history = fit(tmp_path, model, data, ema=0.8)
    saved = checkpoint.read(checkpoint.path(tmp_path))
    for name, value in model.state_dict().items():
        assert torch.equal(value, saved["average"][name])
    assert not torch.equal(model[0].weight, saved["model"]["0.weight"])
    test = data.of_split("test")
    logits = predict.predict(model, test.images, crops=1, precision="float32")
    assert history["test_loss"].iloc[-1] == nn.functional.cross_entropy(logits, torch.as_tensor(test.labels)).item()


def test_a_student_learns_from_its_teacher_alone(tmp_path):
    """The targets are one class for all, and count nothing: what is learned is the teacher's."""
    data = faces(valid=False)
    teacher = net()
    fit(tmp_path / "teacher", teacher, data, epochs=6)
    blind = replace(data, labels=np.where(data.split == "train", 0, data.labels))
    student = net(seed=1)
    taught = {"teacher_weight": 1.0, "temperature": 2.0, "teacher": teacher}
    history = fit(tmp_path / "student", student, blind, epochs=10, **taught)
    assert history["test_accuracy"].iloc[-1] > 80
    assert not teacher.training


class Planted(nn.Module):
    """``net`` whose forward calls ``trouble(number of the call, logits)`` while it trains."""

    def __init__(self, trouble):
        super().__init__()
        self.net, self.trouble, self.calls = net(), trouble, 0

    def forward(self, x):
        logits = self.net(x)
        if not self.training:
            return logits
        self.calls += 1
        return self.trouble(self.calls, logits)


def test_a_loss_that_is_not_finite_stops_the_run_within_the_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "CHECK_EVERY", 2)
    sound = fit(tmp_path / "sound", Planted(lambda call, logits: logits), faces(200), epochs=1)
    assert len(sound) == 1
    model = Planted(lambda call, logits: logits * float("nan") if call == 11 else logits)  # 8 steps an epoch
    with pytest.raises(FloatingPointError, match=r"nan in epoch 2, step 3: .*checkpoint of epoch 1 is kept: .*\.pt"):
        fit(tmp_path / "b", model, faces(200))
    assert model.calls == 12
    assert len(checkpoint.read(checkpoint.path(tmp_path / "b"))["history"]) == 1
    model = Planted(lambda call, logits: logits * float("inf"))
    with pytest.raises(FloatingPointError, match=r"epoch 1, step 1: .*no checkpoint before it"):
        fit(tmp_path / "c", model, faces(200))
    assert not checkpoint.path(tmp_path / "c").exists()


def test_broken_weights_never_reach_a_checkpoint(tmp_path):
    def trouble(call, logits):
        if call == 14:  # the last step of epoch 2, whose loss is finite
            logits.register_hook(lambda gradient: gradient * float("nan"))
        return logits

    with pytest.raises(FloatingPointError, match=r"after the last step of epoch 2: .*checkpoint of epoch 1 is kept"):
        fit(tmp_path, Planted(trouble), faces(200, valid=False), batch_size=24)
    saved = checkpoint.read(checkpoint.path(tmp_path))
    assert all(value.isfinite().all() for value in saved["model"].values())


@pytest.mark.parametrize(
    ("most", "text"), [(9, r"batch_size 32 does not fit .* 8, found by halving"), (1, "not even 2")]
)
def test_a_batch_that_memory_does_not_hold_names_one_that_fits(tmp_path, most, text):
    sizes = []

    def trouble(call, logits):
        sizes.append(len(logits))
        if len(logits) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return logits

    with pytest.raises(MemoryError, match=text):
        fit(tmp_path, Planted(trouble), batch_size=32)
    assert sizes == ([32, 16, 8] if most == 9 else [32, 16, 8, 4, 2])


def test_a_full_disk_costs_no_checkpoint(tmp_path, monkeypatch):
    fit(tmp_path, epochs=4)
    before = checkpoint.path(tmp_path).read_bytes()
    saved = checkpoint.read(checkpoint.path(tmp_path))

    class Full(io.FileIO):
        def write(self, content):
            super().write(content[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

    state = {"history": [*saved["history"], {}], "selected": None}
    message = r"disk is full: no room for .*checkpoint\.pt after epoch 5; that of epoch 4 is kept"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda path, mode: Full(path, "w"))
        with pytest.raises(OSError, match=message):
            checkpoint.save(tmp_path, {}, state, {}, torch.Generator())
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.pt", "lock"}
    assert checkpoint.path(tmp_path).read_bytes() == before


def test_a_last_batch_of_one_picture_is_left_out():
    batches = train.shuffle(33, 16, torch.Generator().manual_seed(0))
    assert [len(batch) for batch in batches] == [16, 16]


def test_what_a_finished_run_leaves(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    run, model, data = Run("test", "ferm", "tiny", 0), net(), faces()
    model.description = {"model": "tiny", "classes": 3}
    history = fit(run.folder, model, data)
    predictions = predict.table(model, data, precision="float32")
    made = {"commit": "0123", "parameters": {"precision": "float32"}}
    metrics = finish.finish(run, model, history, predictions, made)
    names = {path.name for path in run.folder.iterdir()}
    assert names == {"weights.safetensors", "history.csv", "predictions.csv", "metrics.json", "checkpoint.pt", "lock"}
    checkpoint.clear(run.folder)  # the notebook's last cell: what fails before it costs no training
    assert {path.name for path in run.folder.iterdir()} == names - {"checkpoint.pt"}
    assert len(predictions) == len(data.of_split("valid")) + len(data.of_split("test"))
    np.testing.assert_allclose(predictions[list(data.classes)].sum(axis=1), 1, atol=1e-5)
    assert metrics["selection"] == "valid" and metrics["commit"] == "0123"
    assert metrics["code"] == [{"epoch": 1, **checkpoint.code()}]
    assert metrics["best_test_accuracy"] == history["test_accuracy"].max()
    assert f"{metrics['test_accuracy']:.2f}%** on the test split" in words.result_in_words(metrics)
    described = {"net": model.description, "classes": list(data.classes)}
    assert weights.about(run.folder / "weights.safetensors") == described and metrics["net"] == model.description
    again = predict.load_weights(net(seed=4), run.folder / "weights.safetensors")
    assert torch.equal(flat(again), flat(model))


def test_the_teacher_is_a_finished_run_of_the_study(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path)
    monkeypatch.setattr(by_name.models, "build", lambda *_: net(seed=5))
    described = {"model": "large", "classes": 3, "pool": "global", "block_relu": False}
    student, finished = Run("test", "ferm", "small", 0, "with-more"), Run("test", "ferm", "large", 0)
    assert weights.teacher_of(student, "") is None
    with pytest.raises(ValueError, match="teacher small is the net that it would teach"):
        weights.teacher_of(student, "small")
    with pytest.raises(FileNotFoundError, match=r"ferm-large-seed0, the teacher of .*, has not finished"):
        weights.teacher_of(student, "large")
    model, data = net(), faces()
    model.description, made = described, {"parameters": {"precision": "float32"}}
    finish.finish(finished, model, fit(finished.folder, model, data), predict.table(model, data), made)
    assert torch.equal(flat(weights.teacher_of(student, "large", data.classes)), flat(model))
    with pytest.raises(
        ValueError, match=r"teacher ferm-large-seed0 knows the classes .*, .* has A, B: train the teacher"
    ):
        weights.teacher_of(student, "large", ("A", "B"))


def test_weights_of_another_net_or_no_weights_are_refused(tmp_path):
    other = tmp_path / "weights.safetensors"
    train_file = tmp_path / "notes.txt"
    train_file.write_text("no weights")
    save_file({"a": torch.zeros(1)}, other)
    for path, message in {other: "not the weights of this net", train_file: "no safetensors file"}.items():
        with pytest.raises(ValueError, match=f"{path.name}: {message}"):
            predict.load_weights(net(), path)


def test_weights_that_no_training_leaves_are_refused(tmp_path):
    file = tmp_path / "weights.safetensors"
    for value, message in {math.nan: "not finite", math.inf: "not finite", 1: "no numbers with a fraction"}.items():
        state = net().state_dict()
        state["6.weight"] = torch.full((3, 128), value)
        save_file(state, file)
        with pytest.raises(ValueError, match=rf"weights.safetensors: damaged, the values of 6.weight are {message}"):
            predict.load_weights(net(), file)


def test_predict_is_the_same_in_any_batch_and_restores_the_mode(monkeypatch):
    model, data = net().train(), faces()
    wanted = predict.predict(model, data.images, precision="float32")
    assert model.training and wanted.shape == (90, 3)
    monkeypatch.setitem(predict.VIEWS, "cpu", 30)
    torch.testing.assert_close(predict.predict(model, data.images, precision="float32"), wanted, atol=1e-5, rtol=1e-5)
    for wrong in (data.images / 255, data.images > 99, data.images[:, 2:46, 2:46], data.images[0], data.images[:0]):
        with pytest.raises(ValueError, match=r"pictures are \w+ \(.*\): give grey ones of 0 to 255, uint8 \(N, 48, 48"):
            predict.predict(model, wrong)
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
    arguments = [sys.executable, "-c", program, str(tmp_path / "killed"), str(Path(__file__).parent)]
    assert subprocess.run(arguments, capture_output=True).returncode == -9
    model, unbroken = net(), net()
    fit(tmp_path / "killed", model)
    fit(tmp_path / "whole", unbroken)
    assert torch.equal(flat(model), flat(unbroken))
