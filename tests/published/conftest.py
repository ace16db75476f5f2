import json

import pytest
import torch
from finished_study import NET, PARAMETERS, finish
from matplotlib.figure import Figure
from safetensors.torch import save_file

from fer_nb import paths
from fer_nb.data.faceset import FER_CLASSES
from fer_nb.nets import models
from fer_nb.published import readme, report


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch, tensors):
    """A checkout's folders with study ``tiny``, finished on real data: CK+ in full, FERm for two epochs."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    for name in ("PARAMS", "RUNS", "REPORTS"):
        monkeypatch.setattr(paths, name, tmp_path / name.lower())
    (paths.PARAMS / "tiny").mkdir(parents=True)
    for name, text in PARAMETERS.items():
        (paths.PARAMS / "tiny" / f"{name}.yaml").write_text(text)
    (tmp_path / "README.md").write_text(f"# Title\n\n{readme.START}\nold\n{readme.END}\n\nThe end.\n")
    monkeypatch.setattr(report, "looked_at", lambda net, classes: Figure())  # its maps take minutes
    finish(tensors)
    return tmp_path


@pytest.fixture(scope="session")
def tensors(tmp_path_factory):
    """A file with weights of lightResNetl."""
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    torch.manual_seed(0)
    described = {"net": NET, "classes": list(FER_CLASSES)}
    save_file(models.build("lightResNetl").state_dict(), path, {"fer_nb": json.dumps(described)})
    return path
