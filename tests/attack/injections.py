"""Names and texts that hold shell commands, paths and HTML: none may run, write elsewhere, or be live in a page."""

import html.parser
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import nbformat
import pandas as pd
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from fer_nb import parameters, paths, run, study
from fer_nb.report import index, page, save

SCRIPT = "<script>document.title=1</script>"
IMAGE = "<img src=x onerror=document.title=1>"
LINK = "[net](javascript:document.title=1)"
SHELL = "a$(touch canary)"
AWAY = "../../canary"


class Live(html.parser.HTMLParser):
    """What would run or load in a page: scripts without the page's nonce, handlers, other addresses."""

    def __init__(self, text: str):
        super().__init__()
        self.found = []
        self.nonce = "".join(re.findall(r"^<meta http-equiv=.*'nonce-(\d{10})'", text, re.MULTILINE)[:1])
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = tag == "script" and self.nonce and dict(attributes).get("nonce") == self.nonce
        if tag in ("script", "iframe", "object", "embed", "base", "form") and not known:
            self.found.append(tag)
        for name, value in attributes:
            address = (value or "").strip().lower()
            if name.startswith("on") or address.startswith("javascript:"):
                self.found.append(f"{tag} {name}={value}")
            if name == "src" and not address.startswith(("data:", "figures/")):
                self.found.append(f"{tag} {name}={value}")


def refused(call: Callable, *given) -> str:
    """ "" where ``call`` raises a ValueError or FileNotFoundError of one line, else what it did."""
    try:
        return f"accepted: {call(*given)}"
    except (ValueError, FileNotFoundError) as error:
        return "" if "\n" not in str(error) else f"several lines: {error}"


def quiet_page(*cells, **recorded) -> str:
    """ "" where nothing in the page of a notebook with these cells is live, else what is."""
    (folder := paths.RUNS / "quick/notebooks").mkdir(parents=True, exist_ok=True)
    node = new_notebook(cells=list(cells), metadata={"fer_nb": {"status": "ok"} | recorded})
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
    nbformat.write(node, folder / "03_models.ipynb")
    page.render(folder / "03_models.ipynb", "quick")
    shown = (paths.REPORTS / "quick/03_models.html").read_text()
    listed = index.write_index("quick").read_text()
    return "; ".join(Live(shown).found + Live(listed).found)


def showing(result) -> nbformat.NotebookNode:
    """A cell that shows what ``save_table`` or ``say`` returns."""
    data = {"text/markdown" if hasattr(result, "_repr_markdown_") else "text/html": result.data}
    return new_code_cell(outputs=[new_output("display_data", data=data, metadata={"text/html": result.metadata or {}})])


def error(name: str, text: str) -> nbformat.NotebookNode:
    return new_code_cell(outputs=[new_output("error", ename=name, evalue=text, traceback=[text])])


def printed(text: str, stream: str = "stdout") -> nbformat.NotebookNode:
    return new_code_cell(outputs=[new_output("stream", name=stream, text=text)])


def table(**columns) -> nbformat.NotebookNode:
    return showing(save.save_table(pd.DataFrame(columns), "table", "quick", columns.pop("caption", "")))


def given(words: list[str], text: str = "") -> dict:
    """What fer_nb.run takes from words and from a parameter file."""
    file = paths.RUNS / "given.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return run.given_parameters(paths.NOTEBOOKS / "04_training.ipynb", file, words)[1]


def ablation(name: str) -> dict:
    """The changes of a study whose ablation.yaml names one so."""
    with mock.patch.object(paths, "PARAMS", Path("params").absolute()):
        (paths.PARAMS / "mine").mkdir(parents=True, exist_ok=True)
        (paths.PARAMS / "mine/ablation.yaml").write_text(f"{json.dumps(name)}: {{lr: 0.5}}")
        return study.changes("mine")


def through_a_shell(name: str) -> str:
    """ "" where a shell gives the word for a parameter back as it is."""
    word = parameters.as_word("teacher", name)
    told = subprocess.run(["bash", "-c", f"printf %s {shlex.quote(word)}"], capture_output=True, text=True).stdout
    return "" if parameters.read_overrides([told]) == {"teacher": name} else f"became {told}"


def out(path: str) -> None:
    run.check_out(Path(path), paths.NOTEBOOKS / "04_training.ipynb")


ATTACKS: dict[str, Callable[[], str]] = {
    **{
        f"study {name}": lambda name=name: refused(study.study_folder, name) for name in (SHELL, AWAY, SCRIPT, "-n", "")
    },
    **{f"data set {name}": lambda name=name: refused(study.Run, "quick", name, "VGG19", 0) for name in (SHELL, AWAY)},
    **{f"net {name}": lambda name=name: refused(study.Run, "quick", "ferm", name, 0) for name in (AWAY, IMAGE)},
    **{f"change {name}": lambda name=name: refused(given, [f"change={name}"]) for name in ("/../../x", SCRIPT, SHELL)},
    "study as a word": lambda: refused(given, ["study=../params/y"]),
    "net in a parameter file": lambda: refused(given, [], f"model: '{AWAY}'"),
    **{f"ablation {name}": lambda name=name: refused(ablation, name) for name in (SCRIPT, AWAY)},
    "a YAML tag": lambda: refused(given, [], "model: !!python/object/apply:os.system ['touch canary']"),
    "a YAML tag in a word": lambda: refused(given, ["model=!!python/object/apply:os.system ['touch canary']"]),
    "OUT over a notebook": lambda: refused(out, str(paths.NOTEBOOKS / "03_models.ipynb")),
    "OUT over a notebook by ..": lambda: refused(out, str(paths.PARAMS / ".." / "notebooks" / "03_models.ipynb")),
    "a word in a shell": lambda: through_a_shell(f"{SHELL}; touch canary"),
    "quotes in a shell": lambda: through_a_shell("'\"`touch canary`"),
    "say HTML": lambda: quiet_page(showing(save.say(f"The net {SCRIPT} and {IMAGE}"))),
    "say code": lambda: quiet_page(showing(save.say(f"`{IMAGE}` \\`{SCRIPT}`"))),
    "say a link": lambda: quiet_page(showing(save.say(f"{LINK} [a][b]\n\n[b]: javascript:document.title=1"))),
    "say a heading": lambda: quiet_page(new_markdown_cell("# Title"), showing(save.say(f"## {IMAGE}"))),
    "a table's cells and head": lambda: quiet_page(table(**{SCRIPT: [IMAGE]})),
    "an error": lambda: quiet_page(error(SCRIPT, f"no net {IMAGE}")),
    "printed text": lambda: quiet_page(printed(SCRIPT), printed(IMAGE, "stderr"), printed("\x1b[31m" + SCRIPT)),
    "a parameter, a file, a machine": lambda: quiet_page(
        parameters={"study": SCRIPT, "teacher": IMAGE}, checksums={IMAGE: SCRIPT}, device=SCRIPT, commit=IMAGE
    ),
    "a status": lambda: quiet_page(printed("x"), status=SCRIPT, kept={IMAGE: SCRIPT}),
}


def main(seed: int = 0) -> Counter:
    """Try each; print those that are live. Nothing is random: ``seed`` changes nothing."""
    counts = Counter(tried=0, failed=0)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        patched = mock.patch.multiple(paths, RUNS=Path(folder, "runs"), REPORTS=Path(folder, "reports"))
        try:
            with patched:
                for name, attack in ATTACKS.items():
                    live = attack()
                    live = live or ", ".join(str(path) for path in Path(folder).rglob("canary*"))
                    counts.update(tried=1, failed=bool(live))
                    if live:
                        print(f"live: {name}: {live}")
        finally:
            os.chdir(before)
    return counts
