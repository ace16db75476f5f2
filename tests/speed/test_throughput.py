import pytest
import torch

from fer_nb.evaluation import plots
from fer_nb.speed import throughput


def test_usual_and_device_batches_hold_the_same_kind_of_input():
    images, labels = throughput.faces(4)
    usual = next(iter(throughput.usual_batches(images, labels, 4)))
    ours = next(throughput.device_batches(images, labels, 4, torch.channels_last))
    for views, wanted in (usual, ours):
        assert views.shape == (4, 3, 44, 44) and views.dtype == torch.float32
        assert views.min() >= 0 and views.max() <= 1 and wanted.dtype == torch.int64
        assert torch.equal(views[:, 0], views[:, 1])


def test_compare_measures_each_variant_in_a_process_of_its_own():
    table = throughput.compare(["lightResNetl"], ["+ bfloat16", "+ kept heap"], batch_size=2, seconds=0, repeats=1)
    assert list(table["variant"]) == ["+ bfloat16", "+ kept heap"]
    assert table["ratio"][0] == 1 and (table["pictures_per_second"] > 0).all() and (table["peak_memory_mb"] > 50).all()
    assert len(plots.speeds(table).axes) == 1


def test_what_is_unknown_is_named():
    with pytest.raises(ValueError, match="unknown variant 'faster': choose one of usual loop"):
        throughput.measure("lightResNetl", "faster", 2, 0)
    with pytest.raises(RuntimeError, match=r"lightResNetx, [+] bfloat16: ValueError: unknown model 'lightResNetx'"):
        throughput.compare(["lightResNetx"], ["+ bfloat16"], 2, 0, 1)
