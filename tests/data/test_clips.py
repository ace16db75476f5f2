from dataclasses import replace

import numpy as np
import pytest
from owners import clips

from fer_nb.data.clips import check, pack, unpack


def test_check_names_the_clip():
    good = clips()
    assert check(good) is good
    frames = list(good.frames)
    for bad, message in (
        (frames[1][:1], "clip 'EP1' of subject 'a' has 1 frame"),
        ([frames[1][0], frames[1][1, 1:]], "clip 'EP1' of subject 'a' has frames of different sizes"),
        (frames[1][:, :40], "must be \\(48, 48\\) uint8"),
        (frames[1] / 255, "must be \\(48, 48\\) uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            check(replace(good, frames=(frames[0], bad, *frames[2:])))
    with pytest.raises(ValueError, match=r"clip 'EP0'.*apex 5 is outside its 3 frames"):
        check(replace(good, apexes=np.array([5, 0, 0, 0, 0, 0])))
    with pytest.raises(ValueError, match="label 2 is none of the 2 classes"):
        check(replace(good, labels=good.labels + 1))
    with pytest.raises(ValueError, match="names: 5 for 6 clips"):
        check(replace(good, names=good.names[1:]))


def test_subset_takes_a_mask_or_positions():
    for index in (np.array([False, False, True, False, True, False]), [2, 4]):
        part = clips().subset(index)
        assert part.names.tolist() == ["EP2", "EP4"] and len(part) == len(part.frames) == 2
        assert np.array_equal(part.frames[1], clips().frames[4])


def test_packed_and_back():
    given = clips()
    back = unpack(pack(given))
    assert all(np.array_equal(a, b) for a, b in zip(back.frames, given.frames, strict=True))
    assert back.classes == given.classes
    for name in ("apexes", "labels", "subjects", "names", "sources"):
        assert np.array_equal(getattr(back, name), getattr(given, name))


@pytest.mark.parametrize("name", ["pixels", "counts", "labels", "classes"])
def test_arrays_that_do_not_make_clips_are_refused(name):
    arrays = pack(clips())
    with pytest.raises(ValueError, match=f"no array '{name}'"):
        unpack({key: values for key, values in arrays.items() if key != name})
    with pytest.raises(ValueError, match="counts of 21 frames for 20 pictures"):
        unpack(arrays | {"pixels": arrays["pixels"][:-1]})
