import numpy as np
import pytest

from fer_nb.data.clips import check, unpack
from fer_nb.drawing import micro_expressions
from fer_nb.drawing.micro_expressions import CLASSES


def draw(*args, **given):
    """What is drawn, as it is read."""
    return unpack(micro_expressions.draw(*args, **given))


@pytest.fixture(scope="module")
def clips():
    return draw(2, 6)


def test_a_drawn_set(clips):
    assert check(clips) is clips and len(clips) == 12
    assert clips.classes == CLASSES == ("negative", "positive", "surprise")
    assert all(frames.dtype == np.uint8 and frames.shape[1:] == (48, 48) for frames in clips.frames)
    lengths = [len(frames) for frames in clips.frames]
    assert min(lengths) >= 9 and max(lengths) <= 15 and len(set(lengths)) > 2
    assert len(set(clips.names)) == 12 and set(clips.sources) == {""}
    for subject in ("s01", "s02"):
        assert np.bincount(clips.labels[clips.subjects == subject]).tolist() == [2, 2, 2]


def test_the_face_moves_most_at_the_apex(monkeypatch):
    monkeypatch.setattr(micro_expressions, "FRAMES", (12, 12))
    monkeypatch.setattr(micro_expressions, "STRENGTH", (0.3, 0.3))
    clips = draw(2, 6)
    assert all(3 <= apex <= 8 for apex in clips.apexes)
    # The mean over the clips of the distance from onset, which noise and drift alone would not bring back down.
    frames = np.stack(clips.frames).astype(float)
    moved = np.abs(frames - frames[:, :1])[:, :, 10:, 10:38].mean(axis=(2, 3))
    at_apex = moved[np.arange(12), clips.apexes].mean()
    assert at_apex > moved[:, 1].mean() + 0.5 and at_apex > moved[:, -1].mean() + 0.3


def test_another_seed_gives_other_clips(clips):
    other = draw(1, 6, seed=1)
    assert not any(np.array_equal(a, b) for a, b in zip(clips.frames[:6], other.frames, strict=True))


def test_the_same_arguments_give_the_same_clips_of_a_person(clips):
    """However many people there are."""
    again = draw(1, 6)
    assert all(np.array_equal(a, b) for a, b in zip(again.frames, clips.frames[:6], strict=True))
    assert np.array_equal(again.labels, clips.labels[:6]) and np.array_equal(again.apexes, clips.apexes[:6])


def test_the_command_writes_the_same_bytes_twice(tmp_path):
    paths = tmp_path / "a/clips.npz", tmp_path / "b/clips.npz"
    for path in paths:
        assert micro_expressions.main([str(path), "--subjects", "1", "--per-subject", "3"]) == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert [path.name for path in paths[0].parent.iterdir()] == ["clips.npz"]
    with np.load(paths[0], allow_pickle=False) as arrays:
        assert len(check(unpack(arrays))) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"subjects": 0}, "subjects is 0: it must be at least 1"),
        ({"per_subject": 2}, "per_subject is 2: it must be at least 3"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        draw(**given)


def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path, capsys):
    assert micro_expressions.main([str(tmp_path / "clips.npz"), "--subjects", "0"]) == 1
    assert "error: subjects is 0" in capsys.readouterr().err and not list(tmp_path.iterdir())
