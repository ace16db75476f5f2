"""What a page runs: its own script, and nothing that a name or a sentence brings."""

import base64
import hashlib
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


def test_only_the_pages_own_scripts_run():
    """A browser runs a script whose hash stands in the policy, and no other."""
    templates = [path.read_text() for path in page.TEMPLATE.glob("*.html.j2")]
    scripts = [script for text in templates for script in re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', "".join(templates))
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    assert rules["script-src"].split() == [f"'sha256-{found}'" for found in hashes]
    assert rules["default-src"] == "'none'" and "http" not in policy.replace("http-equiv", "")
    assert not re.search(r"\son[a-z]+=", "".join(templates))  # a handler in an attribute would not run
