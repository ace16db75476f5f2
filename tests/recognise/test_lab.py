"""The explorer and notebook 14 as a person uses them: JupyterLab in a browser, all cells run, one thing changed."""

import json
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from urllib.request import urlopen

import nbformat
import pytest
from conftest import environment
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from fer_nb.parameters import read_yaml

pytestmark = pytest.mark.skipif(
    find_spec("jupyterlab") is None, reason="JupyterLab is not installed: pip install jupyterlab"
)

PATIENCE = 300  # seconds for a step that takes ten on a quiet core
WIDE, HIGH = 1400, 6000  # pixels: no cell is out of sight

# How many cells have run since the kernel started, once none waits any more; what an error says, once there is one.
RAN = """before => {
  const error = document.querySelector('[data-mime-type="application/vnd.jupyter.error"]');
  if (error) return error.textContent;
  const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
  const counts = prompts.map(prompt => Number(prompt.textContent.match(/\\d+/)));
  return prompts.length > 0 && Math.min(...counts) > before && Math.max(...counts);
}"""

# The address of the explorer's picture, once that has changed and its maps are made; the bytes of a picture.
MADE = """before => {
  const picture = document.querySelector(".widget-image").src;
  return picture !== before && !document.body.textContent.includes("The maps are being made.") && picture;
}"""
BYTES = "async picture => new Uint8Array(await (await fetch(picture)).arrayBuffer()).join()"


@pytest.fixture(scope="module")
def server(checkout, tmp_path_factory):
    """The address of a notebook, `{}` for its name, in a JupyterLab on copies with the parameters of study `test`."""
    notebooks = tmp_path_factory.mktemp("notebooks")
    for name in ("13_explorer", "14_own_pictures"):
        given = read_yaml(checkout / f"params/test/{name}.yaml")
        node = parameterize_notebook(load_notebook_node(str(checkout / f"notebooks/{name}.ipynb")), given)
        nbformat.write(node, notebooks / f"{name}.ipynb")
    state = tmp_path_factory.mktemp("state")
    (state / "labconfig").mkdir()
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}  # asks for updates by network
    (state / "labconfig/page_config.json").write_text(json.dumps(news))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    folders = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    surroundings = environment(checkout, **dict.fromkeys(folders, str(state)), OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--IdentityProvider.token=secret"]
    command += [f"--ServerApp.port={address.rpartition(':')[2]}", f"--ServerApp.root_dir={notebooks}"]
    log = state / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=checkout, env=surroundings, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(f"{address}/api"):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address + "/doc/tree/{}.ipynb?token=secret"
    finally:
        process.terminate()  # and its kernels
        process.wait(PATIENCE)


def answers(address):
    try:
        return urlopen(address).status == 200
    except OSError:
        return False


@pytest.fixture
def opened(browser, server):
    """``opened(name)`` is a notebook's page; an error on its console or a request elsewhere fails the test."""
    context, wrong = browser.new_context(viewport={"width": WIDE, "height": HIGH}), []
    context.set_default_timeout(1000 * PATIENCE)
    here = (server.partition("/doc")[0], "blob:", "data:")
    context.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    context.on("request", lambda request: request.url.startswith(here) or wrong.append(request.url))

    def open_notebook(name):
        page = context.new_page()
        with page.expect_websocket(lambda socket: socket.url.rpartition("?")[0].endswith("/channels")):  # a kernel's
            page.goto(server.format(name))
        page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()  # as it is without a kernel too
        return page

    yield open_notebook
    context.close()
    assert not wrong


def run_all(page, before=0):
    """Run all cells from the menu, to the end; the number that the last one got."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    ran = page.wait_for_function(RAN, arg=before).json_value()
    assert isinstance(ran, int), ran
    return ran


def look(page, before=""):
    """The explorer's picture, once it is another than ``before``: its address and its bytes."""
    address = page.wait_for_function(MADE, arg=before).json_value()
    return address, page.evaluate(BYTES, address)


def test_another_face_in_the_explorer(opened):
    page = opened("13_explorer")
    run_all(page)
    face = page.get_by_label("face", exact=True)
    first, (address, shown) = face.input_value(), look(page)
    face.select_option(next(name for name in face.locator("option").all_inner_texts() if name != first))
    address, other = look(page, address)
    page.get_by_role("button", name="reset").click()
    _, again = look(page, address)
    assert face.input_value() == first and again == shown != other


def test_a_picture_of_ones_own_in_notebook_14(opened, checkout):
    page = opened("14_own_pictures")
    ran = run_all(page)
    files = page.locator("#table-own-pictures tbody tr")
    assert files.count() > 2 and page.locator("#figure-own-timeline-1 img").count() == 1
    own = checkout / "runs/quick/14_own_pictures/happy.png"  # drawn by the first run
    page.locator(".cm-line", has_text="pictures = ").first.click()
    for keys in ("Home", "Shift+End"):
        page.keyboard.press(keys)
    page.keyboard.insert_text(f'pictures = "{own}"')
    run_all(page, ran)
    assert files.count() == 1 and own.name in files.inner_text()
    assert page.locator("#figure-own-faces img").count() == 1 and page.locator("#figure-own-timeline-1").count() == 0
