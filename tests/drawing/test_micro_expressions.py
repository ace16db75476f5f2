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


@pytest.mark.parametrize("motion", [0.5, 1.0, 2.0])
def test_a_condition_moves_the_face_as_far_as_it_says(monkeypatch, motion):
    """The landmark that moves farthest, between the first and the most strongly drawn frame of each clip."""
    rendered: list[list] = []
    own = micro_expressions.render

    def render(person, actions, view):
        found = own(person, actions, view)
        rendered[-1].append(found[1])
        return found

    def begins(*given):
        rendered.append([])
        return clip(*given)

    clip = micro_expressions._clip
    still = micro_expressions.Condition(motion=motion, drift=0.0)
    monkeypatch.setattr(micro_expressions, "CONDITIONS", {"micro": still})
    monkeypatch.setattr(micro_expressions, "render", render)
    monkeypatch.setattr(micro_expressions, "_clip", begins)
    micro_expressions.draw(1, 6)
    for landmarks in rendered:
        frames = np.stack(landmarks[4:])  # after those that the strength is found by: at rest, and three more
        assert np.linalg.norm(frames - frames[0], axis=2).max() == pytest.approx(motion, rel=0.05)


def test_noise_and_drift_of_a_condition():
    hard = {name: draw(1, 3, condition=name) for name in ("micro1", "micro1noise8", "micro1drift1")}
    corner = {name: np.std(np.diff(clips.frames[0][:, :6, :6].astype(float), axis=0)) for name, clips in hard.items()}
    assert corner["micro1noise8"] > 3 * corner["micro1"]
    away = {name: np.abs(clips.frames[0][-1].astype(float) - clips.frames[0][0]).mean() for name, clips in hard.items()}
    assert away["micro1drift1"] > 1.5 * away["micro1"]  # the head is elsewhere at the end


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"subjects": -1}, "subjects is -1: it must be at least 1"),
        ({"condition": "micro3"}, r"unknown condition 'micro3': did you mean micro\w*\?"),
        ({"per_subject": 2}, "per_subject is 2: it must be at least 3"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments(given, message):
    with pytest.raises(ValueError, match=message):
        draw(**given)


def test_the_command_says_what_is_wrong_and_writes_nothing(tmp_path, capsys):
    assert micro_expressions.main([str(tmp_path / "clips.npz"), "--subjects", "-1"]) == 1
    assert "error: subjects is -1" in capsys.readouterr().err and not list(tmp_path.iterdir())
