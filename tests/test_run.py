"""fer_nb.run: what it refuses, what it records, and its exit status."""

import os
import tempfile

import nbformat
import pytest
from conftest import ROOT

from fer_nb import machine, paths, run
from fer_nb.data import datasets
from fer_nb.files import sha256
from fer_nb.report import kept, manifest, page

CELL = """\
study = "quick"  # which study
model = "VGG19"
lr = 0.01
epochs = 3
flip = True
seeds = [0, 1]
names = []
pairs = [[0.1, 0.2]]
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
        ("zzz: 1", "unknown parameter zzz: choose one of study, model"),
        ("epochs: 2.5", "epochs: expected a whole number, found 2.5"),
        ("epochs: true", "epochs: expected a whole number, found True"),
        ("epochs:", "epochs: expected a whole number, found None"),
        ("lr: fast", "lr: expected a number, found 'fast'"),
        ("lr: false", "lr: expected a number, found False"),
        ("lr: {a: 1}", "lr: expected a number, found {'a': 1}"),
        ("flip: 1", "flip: expected true or false, found 1"),
        ("flip: on", "flip: expected true or false, found 'on'"),
        ("model: true", "model: expected text, found True: quote it"),
        ("model: 19", "model: expected text, found 19: quote it"),
        ("model: 2024-05-01", "model: expected text, found datetime.date(2024, 5, 1): quote it"),
        ("model: 2024-99-01", "given.yaml: month must be in 1..12"),
        ("seeds: 0", "seeds: expected a list, found 0: write [0]"),
        ("seeds:", "seeds: expected a list, found None: write [] for none"),
        ("seeds: [0, one]", "seeds: expected a whole number, found 'one', in the list"),
        ("seeds: [0, 1, 0]", "seeds: 0 stands twice in the list"),
        ("names: [1]", "names: expected text, found 1: quote it"),
        ("pairs: [[0.1, a]]", "pairs: expected a number, found 'a', in the list"),
        ("lr: 0.1\nlr: 0.2", 'line 2: found duplicate key "lr"'),
        ("lr: 0.1\n\tepochs: 1", "line 2: found character '\\t' that cannot start any token"),
        ("lr: [", "line 1"),
        ("lr: *rate", "line 1: found undefined alias 'rate'"),
        ("just words", "expected lines of the form `name: value`"),
        (": 1", "expected lines of the form `name: value`"),
        ("[]", "expected lines of the form `name: value`"),
        ("a: 1\n---\nb: 1", "line 2: but found another document"),
        ("\x00", "not readable as YAML"),
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
        ("model=1", "quote it"),
        ("names=[", "names=[: the value is not readable as YAML"),
        ("model=../../x", "model '../../x': name it with letters"),
        ("model=<script>alert(1)</script>", "name it with letters"),
        ("study=../params/y", "study '../params/y': name it with letters"),
        ("study=a$(touch x)", "name it with letters"),
    ],
)
def test_refuses_pairs(notebook, tmp_path, capsys, pair, expected):
    assert expected in refused(capsys, notebook(), tmp_path, "", pair)


def test_refuses_data_that_are_neither_real_nor_drawn(notebook, tmp_path, capsys):
    cell = CELL + 'data = "synthetic"\n'
    assert "unknown data 'reel': did you mean real?" in refused(capsys, notebook(cell=cell), tmp_path, "data: reel")


def test_refuses_a_pair_given_twice(notebook, tmp_path, capsys):
    assert "seeds=[2]: seeds is given twice" in refused(capsys, notebook(), tmp_path, "", "seeds=[1]", "seeds=[2]")


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
    (tmp_path / "link.ipynb").hardlink_to(path)
    for out in (tmp_path / "link.ipynb", paths.NOTEBOOKS / "no-such.ipynb", tmp_path / "out.html"):
        assert run.main([str(path), str(tmp_path / "given.yaml"), str(out)]) == 2
    assert path.read_bytes() == before and not (paths.NOTEBOOKS / "no-such.ipynb").exists()


def test_merges_yaml_and_pairs(notebook, tmp_path):
    given = tmp_path / "given.yaml"
    given.write_text("lr: 1e-3\nseeds: [2]\nnames: [off, x]\npairs: []\nepochs: 7\n")
    words = ["seeds=[3, 4]", "model=no", "flip=false"]
    known, merged = run.given_parameters(notebook(), given, words)
    read = {"lr": 0.001, "seeds": [3, 4], "names": ["off", "x"], "pairs": [], "epochs": 7, "model": "no", "flip": False}
    assert merged == read and known["seeds"] == [0, 1]


def test_the_folder_of_a_parameter_file_says_the_study(notebook, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(paths, "PARAMS", tmp_path / "params")
    for name, text in {"long": "epochs: 9\nlr: 0.5\n", "short": ""}.items():
        (tmp_path / "params" / name).mkdir(parents=True)
        (tmp_path / "params" / name / "04_training.yaml").write_text(text)
    long, short = (tmp_path / "params" / name / "04_training.yaml" for name in ("long", "short"))
    assert run.given_parameters(notebook(), long, [])[1] == {"study": "long", "epochs": 9, "lr": 0.5}
    assert run.given_parameters(notebook(), long, ["study=other"])[1]["study"] == "other"

    (short.parent / "study.yaml").write_text("extends: long\n")
    short.write_text("epochs: 2\n")
    assert run.given_parameters(notebook(), short, [])[1] == {"study": "short", "epochs": 2, "lr": 0.5}
    short.unlink()  # all that the extended study says
    assert run.given_parameters(notebook(), short, [])[1] == {"study": "short", "epochs": 9, "lr": 0.5}

    long.write_text("study: long\n")
    assert run.main([str(notebook()), str(long), str(tmp_path / "out.ipynb")]) == 2
    assert "params/long/04_training.yaml: study: the folder says it: delete this line" in capsys.readouterr().err


def test_refuses_a_notebook_of_another_checkout(notebook, tmp_path, capsys):
    other = tmp_path / "clone"
    for name in ("fer_nb/run.py", "notebooks/04_training.ipynb"):
        (other / name).parent.mkdir(parents=True)
        (other / name).write_bytes(notebook().read_bytes())
    expected = f"is of another checkout than the fer_nb in use: set PYTHONPATH={other}"
    assert expected in refused(capsys, other / "notebooks/04_training.ipynb", tmp_path)
    (other / "params/ckplus").mkdir(parents=True)
    theirs = other / "params/ckplus/04_training.yaml"
    theirs.write_text("")
    assert run.main([str(notebook()), str(theirs), str(tmp_path / "out.ipynb")]) == 2
    assert expected in capsys.readouterr().err
    (tmp_path / "given.yaml").write_text("")
    assert run.main([str(notebook()), str(tmp_path / "given.yaml"), str(other / "runs/out.ipynb")]) == 2
    assert expected in capsys.readouterr().err and not (other / "runs").exists()


@pytest.mark.parametrize(
    "named",
    [
        {"micro": ["micro_dynamic"]},
        {"ckplus_subjects": ["VGG19"]},
        {"ckplus_folds": ["VGG19"]},
        {"datasets": ["ckplus-fold1", "ferm"]},
        {"dataset": "fer2013"},
    ],
)
def test_checksums_of_every_data_set_that_is_named(named, monkeypatch):
    monkeypatch.setattr(datasets, "checksums", lambda name, data: {name: data})
    nothing = {"study": "quick", "ckplus": [], "ckplus_folds": [], "ckplus_subjects": [], "fer2013": [], "ferm": []}
    (value,) = named.values()
    names = [value] if isinstance(value, str) else [name.partition("-")[0] for name in value]
    names = ["ckplus"] if names == ["VGG19"] else names
    assert run.checksums(nothing | {"data": "real"} | named) == dict.fromkeys(names, "real")
    assert run.checksums(nothing | named) == {}


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
    assert record["checksums"] == {} and record["edited"] == []
    assert record["files"] == {str(file): sha256(file) for file in (path, tmp_path / "given.yaml")}
    assert not list(tmp_path.glob("runs/.*"))


def test_a_failed_cell(notebook, tmp_path, capfd):
    status, node = start(notebook("1 / 0", "print('never')"), tmp_path)
    assert status == 1 and node.metadata["fer_nb"]["status"] == "failed"
    assert "04_training failed: ZeroDivisionError" in capfd.readouterr().err


@pytest.mark.parametrize("end", ["sys.exit(0)", "sys.exit()", "raise SystemExit"])
def test_leaving_a_cell_is_a_failure(notebook, tmp_path, capfd, end):
    status, node = start(notebook(f"import sys\n{end}", "print('never')"), tmp_path)
    assert status == 1 and node.metadata["fer_nb"]["status"] == "failed"
    assert "04_training failed: SystemExit" in capfd.readouterr().err


def test_the_kernel_takes_this_checkout_one_data_folder_and_no_home(notebook, tmp_path, monkeypatch, capfd):
    """Whatever is installed, whatever folder the kernel works in, and where the home cannot be written."""
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "/dev/null")
    before = dict(os.environ)
    shown = "print(paths.__file__, os.environ['PYTHONPATH'], paths.DATA, get_ipython().ipython_dir)"
    status, _ = start(notebook(f"import os\nfrom fer_nb import paths\n{shown}"), tmp_path)
    told = capfd.readouterr().out
    assert status == 0 and f"{paths.ROOT}/fer_nb/paths.py {paths.ROOT}:elsewhere {tmp_path}/data " in told
    assert f"{tempfile.gettempdir()}/tmp" in told
    assert dict(os.environ) == before


def test_an_edit_while_the_notebook_runs_is_told(notebook, tmp_path, capfd):
    status, node = start(notebook("open('given.yaml', 'a').write('lr: 0.5')"), tmp_path)
    assert status == 0 and node.metadata["fer_nb"]["edited"] == [str(tmp_path / "given.yaml")]
    assert f"edited while 04_training ran: {tmp_path}/given.yaml: run it again" in capfd.readouterr().err


def test_a_failure_puts_the_last_good_tables_back(notebook, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(run, "own_tables", lambda notebook, given: ["table"])
    table = tmp_path / "reports/quick/tables/table.csv"
    write = f"import pathlib\npath = pathlib.Path('{table}')\npath.parent.mkdir(parents=True, exist_ok=True)\n"
    assert start(notebook(f"{write}path.write_text('good')"), tmp_path)[0] == 0
    status, node = start(notebook(f"{write}path.write_text('half')", "1 / 0"), tmp_path)
    assert status == 1 and table.read_text() == "good" and table.stat().st_mtime == 1
    assert list(node.metadata["fer_nb"]["kept"]) == ["table"]
    assert "division by zero. Kept from the last run that ended well, older" in manifest.failure(node)["message"]
    table.unlink()  # as Snakemake does before a stage
    status, node = start(notebook("1"), tmp_path)
    assert status == 1 and manifest.failure(node)["message"].startswith("The notebook did not write what it promises")
    assert table.read_text() == "good" and kept.missing("quick", ["table", "other"]) == ["other"]


def test_folders_of_the_machine_are_shortened(notebook, tmp_path):
    _, node = start(
        notebook("import sys\nfrom fer_nb import paths\nprint(paths.ROOT / 'fer_nb/x.py', sys.prefix)"), tmp_path
    )
    assert node.cells[-1].outputs[0].text == "fer_nb/x.py <python>\n"


def test_a_kernel_that_dies_is_marked(notebook, tmp_path, capfd):
    status, node = start(notebook("first = 1", "import os\nos._exit(9)", "print('never')"), tmp_path)
    assert status == 1 and node.metadata["fer_nb"]["status"] == "kernel died"
    marked = [cell.source for cell in node.cells for out in cell.get("outputs", []) if out.output_type == "error"]
    assert marked == ["import os\nos._exit(9)"]
    assert "the kernel died" in capfd.readouterr().err


def test_provenance(tmp_path, monkeypatch):
    assert machine.versions()["python"]
    assert "cores" in machine.device()
    monkeypatch.setattr(paths, "ROOT", tmp_path)  # outside git
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert machine.commit() == ""
    monkeypatch.setattr(paths, "ROOT", ROOT / "fer_nb")  # inside another repository
    assert machine.commit() == ""
