"""fer_nb.parameters: what files and words say. What is refused, and how, is tested through fer_nb.run (test_run.py)."""

import subprocess
import sys
from dataclasses import dataclass

import pytest

from fer_nb import parameters, paths

NOTEBOOK = paths.NOTEBOOKS / "04_training.ipynb"


@pytest.mark.parametrize(
    "value",
    [
        *("VGG19", "", "off", "1", "1e-3", "null", "two words", "it's", "a: b", "[a", "#no", "é", " x"),
        *(3, 0.001, 1e-05, 1e20, True, [], ["a", "1"], [[0.1, 0.2]]),
    ],
)
def test_a_word_is_read_as_the_value_that_it_was_written_from(value):
    read = parameters.read_overrides([parameters.as_word("name", value)])["name"]
    assert read == value and type(read) is type(value)


def test_words_are_plain_where_they_can_be():
    assert parameters.as_word("model", "VGG19") == "model=VGG19"
    assert parameters.as_word("model", "19") == 'model="19"'


def test_a_file_is_yaml_1_2(tmp_path):
    path = tmp_path / "given.yaml"
    path.write_text("lr: 1e-3\nschedule: off\nteacher: no\nvotes: &v [ferm]\nother: *v\n")
    read = {"lr": 0.001, "schedule": "off", "teacher": "no", "votes": ["ferm"], "other": ["ferm"]}
    assert parameters.read_yaml(path) == read


def test_a_small_text_of_a_large_value_is_refused_at_once(tmp_path):
    path = tmp_path / "given.yaml"
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join(9 * [f'*a{i - 1}'])}]" for i in range(1, 10)]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"given\.yaml: more than 10,000 values"):
        parameters.read_yaml(path)
    path.write_text("votes: " + 2000 * "[")
    with pytest.raises(ValueError, match=r"given\.yaml: .* correct it"):
        parameters.read_yaml(path)
    path.write_text(f"epochs: {'x' * 9000}")
    with pytest.raises(ValueError) as caught:
        parameters.read_checked(path, parameters.defaults(NOTEBOOK))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("value", ["!!int ''", "!!bool x", '"\\UFFFFFFFF"', "2024-99-01", "!!python/name:os.system"])
def test_what_yaml_itself_stumbles_over_is_refused(tmp_path, value):
    path = tmp_path / "given.yaml"
    path.write_text(f"epochs: {value}")
    with pytest.raises(ValueError, match=r"given\.yaml: .*: correct it"):
        parameters.read_yaml(path)


def test_nobody_changes_what_the_next_one_reads(tmp_path):
    path = tmp_path / "given.yaml"
    path.write_text("votes: []")
    for read in (parameters.read_yaml, lambda _: parameters.defaults(NOTEBOOK)):
        read(path)["votes"].append("ferm")
        assert read(path)["votes"] == []
    path.write_text("votes: [ferm]")  # as long ago as the clock of the file system tells
    assert parameters.read_yaml(path)["votes"] == ["ferm"]


def test_what_does_not_fit_is_named_with_file_and_key(tmp_path):
    path = tmp_path / "given.yaml"
    path.write_text("epochs: many")
    with pytest.raises(ValueError, match=r"given.yaml: epochs: expected a whole number, found 'many'"):
        parameters.read_checked(path, parameters.defaults(NOTEBOOK))
    path.write_text("epochs: 3\nlr: 1\n")
    assert parameters.read_checked(path, parameters.defaults(NOTEBOOK)) == {"epochs": 3, "lr": 1}


def test_settings_take_their_fields_from_a_notebooks_parameters():
    @dataclass
    class Settings:
        lr: float
        epochs: int = 7

    given = parameters.defaults(NOTEBOOK)
    assert parameters.settings(Settings, given) == Settings(given["lr"], given["epochs"])
    assert parameters.settings(Settings, {"lr": 0.5, "other": 1}) == Settings(0.5, 7)


def test_snakemake_reads_parameters_without_what_takes_seconds_to_import():
    code = "import sys, fer_nb.study; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True, check=True)
    assert not {"nbformat", "papermill", "torch", "pandas"} & set(done.stdout.split())
