import numpy as np
from owners import clips, write_ckplus

from fer_nb.data import clip_pictures, datasets, emonas_sets
from fer_nb.data.dynamic_image import dynamic_image
from fer_nb.data.faceset import CK_CLASSES


def test_pictures_of_each_kind():
    given = clips()
    images = {kind: clip_pictures.pictures(given, kind).images for kind in clip_pictures.KINDS}
    assert all(found.shape == (6, 48, 48) and found.dtype == np.uint8 for found in images.values())
    assert np.array_equal(images["dynamic"][3], dynamic_image(given.frames[3]))
    wanted = [1, 2, 0, 3, 2, 2]  # clip 1 of four frames and clip 5 have no known apex: their middle frame
    assert all(np.array_equal(images["apex"][n], given.frames[n][apex]) for n, apex in enumerate(wanted))
    assert np.abs(images["mean"][0] - given.frames[0].mean(axis=0)).max() <= 0.5
    faces = clip_pictures.pictures(given, "dynamic")
    assert faces.groups.tolist() == list("aabbcc") and faces.sequences.tolist() == given.names.tolist()
    assert set(faces.split) == {"train"} and faces.rows.tolist() == list(range(6))


def test_sequences_of_ckplus_are_clips(elsewhere):
    write_ckplus(elsewhere / "data/ck+/CK+48", subjects=2)
    found, whole = emonas_sets.load_clips("ckplusclips", "real"), datasets.load("ckplus", "real")
    assert len(found) == 14 and set(found.apexes) == {2} and found.classes == CK_CLASSES
    assert np.array_equal(np.concatenate(found.frames), whole.images)
    assert found.subjects.tolist() == ["S000", "S001"] * 7 and found.names[4] == "S000_002"
    faces = datasets.load("ckplusclips_dynamic", "real")
    assert np.array_equal(faces.images[2], dynamic_image(whole.images[6:9]))
