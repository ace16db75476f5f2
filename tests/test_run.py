"""fer_nb.run: what it refuses, what it records, and its exit status."""

import nbformat
import pytest

from fer_nb import machine, parameters, paths, run
from fer_nb.report import page

CELL = """\
study = "quick"  # which study
model = "VGG19"
lr = 0.01
epochs = 3
flip = True
seeds = [0, 1]
names = []
limit = None
"""


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """``write(*code cells)`` makes a notebook with CELL as its parameters cell; pages go to tmp_path."""
    monkeypatch.setattr(paths, "REPORTS", tmp_path / "reports")
    monkeypatch.setattr(page, "render", lambda out, study: tmp_path / "reports" / study / f"{out.stem}.html")

    def write(*sources, cell=CELL, tags=("parameters",)):
        cells = [nbformat.v4.new_code_cell(cell, metadata={"tags": list(tags)})]
        cells += [nbformat.v4.new_code_cell(source) for source in sources]
        path = tmp_path / "04_training.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def refused(capsys, notebook, tmp_path, yaml="", *overrides):
    """The one line that fer_nb.run prints where it refuses; nothing is written."""
    given = tmp_path / "given.yaml"
    if yaml is not None:
        given.write_text(yaml)
    out = tmp_path / "runs" / "out.ipynb"
    assert run.main([str(notebook), str(given), str(out), *overrides]) == 2
    message = capsys.readouterr().err
    assert message.startswith("fer_nb.run: ") and message.count("\n") == 1
    assert not out.parent.exists()
    return message


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("modle: VGG19", "unknown parameter modle: did you mean model?"),
        ("zzz: 1", "unknown parameter zzz: known are study, model"),
        ("epochs: 2.5", "epochs: expected a whole number, found 2.5"),
        ("epochs: true", "epochs: expected a whole number, found True"),
        ("epochs: 1e2", "epochs: expected a whole number, found '1e2': write 100"),
        ("epochs:", "epochs: expected a whole number, found None"),
        ("lr: 1e-3", "lr: expected a number, found '1e-3': write 1.0e-3"),
        ("lr: 1.5e3", "lr: expected a number, found '1.5e3': write 1.5e+3"),
        ("lr: fast", "lr: expected a number, found 'fast'"),
        ("lr: false", "lr: expected a number, found False"),
        ("flip: 1", "flip: expected true or false, found 1"),
        ("model: off", "model: expected text, found False: quote it"),
        ("model: 19", "model: expected text, found 19: quote it"),
        ("seeds: 1", "seeds: expected a list, found 1: write [1]"),
        ("seeds: [0, one]", "seeds: expected a whole number, found 'one', in the list"),
        ("lr: 0.1\nlr: 0.2", "line 2: lr stands twice"),
        ("lr: [", "line 1"),
        ("just words", "expected lines of the form `name: value`"),
        ("lr: {a: 1}", "lr: expected a number, found {'a': 1}"),
    ],
)
def test_refuses_parameters(notebook, tmp_path, capsys, yaml, expected):
    message = refused(capsys, notebook(), tmp_path, yaml)
    assert expected in message and "given.yaml" in message


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("seed", "'seed': expected name=value"),
        ("epoch=1", "unknown parameter epoch: did you mean epochs?"),
        ("lr=1e-3", "write 1.0e-3"),
        ("model=no", "quote it"),
        ("names=[", "names=[: the value is not readable as YAML"),
    ],
)
def test_refuses_pairs(notebook, tmp_path, capsys, pair, expected):
    assert expected in refused(capsys, notebook(), tmp_path, "", pair)


def test_refuses_missing_files(notebook, tmp_path, capsys):
    assert "given.yaml: no such file" in refused(capsys, notebook(), tmp_path, None)
    missing = tmp_path / "04_trainin.ipynb"
    assert "did you mean 04_training.ipynb?" in refused(capsys, missing, tmp_path)


@pytest.mark.parametrize(
    ("cell", "tags", "expected"),
    [
        (CELL, (), "0 cells are tagged `parameters`"),
        ("import os", ("parameters",), "write `import os` as `name = literal`"),
        ("a, b = 1, 2", ("parameters",), "write `a, b = (1, 2)` as `name = literal`"),
        ("a = range(3)", ("parameters",), "write `a = range(3)` as `name = literal`"),
        ("a =", ("parameters",), "line 1"),
        ("a = 1", ("parameters",), "no study"),
    ],
)
def test_refuses_parameter_cells(notebook, tmp_path, capsys, cell, tags, expected):
    assert expected in refused(capsys, notebook(cell=cell, tags=tags), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", "no json", '{"nbformat": 4, "nbformat_minor": 5}'])
def test_refuses_what_is_no_notebook(tmp_path, capsys, text):
    path = tmp_path / "broken.ipynb"
    path.write_text(text)
    assert "broken.ipynb: not a readable notebook" in refused(capsys, path, tmp_path)


def test_refuses_to_write_over_the_notebook(notebook, tmp_path, capsys):
    path = notebook()
    before = path.read_bytes()
    (tmp_path / "given.yaml").write_text("")
    assert run.main([str(path), str(tmp_path / "given.yaml"), str(path)]) == 2
    assert path.read_bytes() == before


def test_merges_yaml_and_pairs(notebook, tmp_path):
    given = tmp_path / "given.yaml"
    given.write_text("lr: 1\nseeds: [2]\nnames: [x, 1]\nlimit: anything\n")
    known = parameters.defaults(notebook())
    merged = parameters.merge(known, given, ["seeds=[3, 4]", "model=ResNet18", "flip=false"])
    assert merged == {
        "lr": 1,
        "seeds": [3, 4],
        "names": ["x", 1],
        "limit": "anything",
        "model": "ResNet18",
        "flip": False,
    }
    assert known["limit"] is None and known["seeds"] == [0, 1]


def start(notebook, tmp_path, *overrides):
    given, out = tmp_path / "given.yaml", tmp_path / "runs" / "out.ipynb"
    given.write_text("epochs: 5\n")
    status = run.main([str(notebook), str(given), str(out), *overrides])
    return status, nbformat.read(out, as_version=4)


def test_runs_in_the_notebooks_folder_and_records(notebook, tmp_path, capfd):
    path = notebook("import os\nprint(os.getcwd(), epochs, model)")
    status, node = start(path, tmp_path, "model=ResNet18")
    assert status == 0
    assert f"{tmp_path} 5 ResNet18" in capfd.readouterr().out  # streamed
    record = node.metadata["fer_nb"]
    assert record["status"] == "ok" and record["notebook"] == "04_training" and record["study"] == "quick"
    assert record["parameters"]["epochs"] == 5 and record["parameters"]["lr"] == 0.01
    assert record["seconds"] > 0 and record["versions"]["torch"] and "cores" in record["device"]
    assert record["checksums"] == {}
    assert not list(tmp_path.glob("runs/.*"))


def test_a_failed_cell(notebook, tmp_path, capfd):
    status, node = start(notebook("1 / 0", "print('never')"), tmp_path)
    assert status == 1 and node.metadata["fer_nb"]["status"] == "failed"
    assert "04_training failed: ZeroDivisionError" in capfd.readouterr().err


def test_a_kernel_that_dies_is_marked(notebook, tmp_path, capfd):
    status, node = start(notebook("first = 1", "import os\nos._exit(9)", "print('never')"), tmp_path)
    assert status == 1 and node.metadata["fer_nb"]["status"] == "kernel died"
    marked = [cell.source for cell in node.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert marked == ["import os\nos._exit(9)"]
    assert "the kernel died" in capfd.readouterr().err


def test_provenance(tmp_path, monkeypatch):
    assert machine.versions()["python"]
    assert "cores" in machine.device()
    assert machine.checksums({"study": "quick"}) == {}
    monkeypatch.setattr(paths, "ROOT", tmp_path)  # outside git
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.commit() == ""
