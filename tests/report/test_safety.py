"""What a page runs: its own script, and nothing that a name or a sentence brings."""

import re

import pytest
from nbconvert.filters import markdown2html

from fer_nb.report import page, save

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "`<script>`alert(1)",
    "\\`<svg onload=alert(1)>`",
    "[click](javascript:alert(1))",
    "![x](http://example.org/x.png)",
    "[click][a]\n\n[a]: javascript:alert(1)",
    "<javascript:alert(1)>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sentence_brings_nothing_that_runs_or_loads(text):
    shown = markdown2html(save.say(f"The net {text} wins.").data)
    assert not re.search(r"<(script|img|svg)\b|href=\"(?!http)", shown)


def test_a_sentence_keeps_its_numbers_and_signs():
    assert markdown2html(save.say("`a_b`: 93.9 [80.4, 98.3], p < 0.05").data) == (
        "<p><code>a_b</code>: 93.9 [80.4, 98.3], p &lt; 0.05</p>\n"
    )


def test_only_the_pages_own_scripts_run(tmp_path):
    """A browser runs a script with the nonce of the policy, and no other."""
    shown = {"title": "", "study": "", "pages": [], "contents": [], "body": "", "facts": {}}
    first, second = (
        page.fill_template(tmp_path / f"{name}.html", "notebook.html.j2", details={}, **shown).read_text()
        for name in ("first", "second")
    )
    (nonce,) = re.findall(r'http-equiv="Content-Security-Policy".* script-src \'nonce-([0-9]{10})\';', first)
    assert nonce not in second
    scripts = re.findall(r"<script[^>]*>", first)
    assert scripts and set(scripts) == {f'<script nonce="{nonce}">'}
    policy = re.findall(r'Content-Security-Policy" content="([^"]+)"', first)[0]
    assert "default-src 'none'" in policy and "http" not in policy
    templates = "".join(path.read_text() for path in page.TEMPLATE.glob("*.html.j2"))
    assert not re.search(r"\son[a-z]+=", templates)  # a handler in an attribute would not run
