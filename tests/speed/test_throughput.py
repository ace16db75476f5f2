import numpy as np
import pytest
import torch

from fer_nb.nets import device
from fer_nb.speed import plots, throughput, timing


def test_usual_and_device_batches_hold_the_same_kind_of_input():
    images, labels = np.random.default_rng(0).integers(0, 256, (4, 48, 48), dtype=np.uint8), np.arange(4)
    usual = throughput.usual_batches(images, labels, 4)
    ours = throughput.device_batches(images, labels, 4, torch.channels_last)
    for batches in (usual, ours):
        for _ in range(2):  # they do not end with the pictures
            views, wanted = next(batches)
            assert views.shape == (4, 3, 44, 44) and views.dtype == torch.float32
            assert views.min() >= 0 and views.max() <= 1 and wanted.dtype == torch.int64
            assert torch.equal(views[:, 0], views[:, 1])


def test_each_variant_is_compared_with_the_first(monkeypatch):
    monkeypatch.setattr(timing, "in_fresh_processes", lambda measure, cases, what: [measure(*case) for case in cases])
    monkeypatch.setattr(device, "bfloat16_is_faster", lambda: False)
    variants = ["usual loop", "+ bfloat16"]
    table = throughput.compare(["lightResNetl"], variants, batch_size=2, seconds=0, repeats=2)
    assert list(table["variant"]) == ["usual loop", "+ batched augmentation + channels last + bfloat16"]
    assert list(table["number_format"]) == ["float32"] * 2
    assert table["ratio"][0] == 1 and (table["pictures_per_second"] > 0).all() and (table["peak_memory_mb"] > 50).all()
    assert (table["lowest"] <= table["pictures_per_second"]).all() and (table["lowest"] <= table["highest"]).all()
    assert len(plots.speeds(table).axes) == 1


def test_a_row_names_all_that_it_adds_to_the_row_above(monkeypatch):
    """ "+ kept heap" alone stood for channels last and bfloat16 too, which a study had left out."""
    row = {"number_format": "float32", "pictures_per_second": 1.0, "peak_memory_mb": 1.0}

    def measured(measure, cases, what):
        return [row | {"model": name, "variant": variant} for name, variant, *_ in cases]

    monkeypatch.setattr(timing, "in_fresh_processes", measured)
    table = throughput.compare(["ResNet18"], ["+ kept heap", "usual loop", "+ fused blocks"], 2, 0, repeats=2)
    assert list(table["variant"]) == [
        "usual loop",
        "+ batched augmentation + channels last + bfloat16 + kept heap",
        "+ float32 depthwise backward + fused blocks",
    ]
    with pytest.raises(ValueError, match="unknown variant 'faster'"):
        throughput.compare(["ResNet18"], ["faster"], 2, 0, repeats=1)


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match="unknown variant 'faster': choose one of usual loop"):
        throughput.measure("lightResNetl", "faster", 2, 0)
