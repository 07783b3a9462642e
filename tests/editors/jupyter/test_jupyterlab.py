"""JupyterLab: its popup in a file, with the real server and a scripted model.

JupyterLab sends whole texts and negotiates no position encoding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("jupyterlab_lsp", reason="needs PyPI's jupyterlab-lsp (make test-editors installs it)")
pytest.importorskip("playwright", reason="needs PyPI's playwright (make test-editors installs it)")

from tests.editors.jupyter.lab import CHROMIUM, CONFIG, Lab, lab
from tests.editors.user_environment import replies, with_a_scripted_model

README = Path(__file__).parents[3] / "editors" / "README.md"
SAYS = {
    "def add(left, right):": ["\n    total = left + right\n    return total\n"],
    "total = ": ["largest(names)"],
}

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("jupyter")
    with with_a_scripted_model(folder, replies(SAYS)) as environment, lab(folder, environment) as found:
        yield found


def complete(view: Any, text: str) -> None:
    """Press Tab until the editor holds ``text``: there are no entries before the server has found the engine."""
    view.wait_for_function("() => document.querySelector('.jp-FileEditor .cm-content')")
    popup = view.locator(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item")
    content = view.locator(".jp-FileEditor .cm-content")
    for _ in range(20):
        view.keyboard.press("Tab")
        # A single entry goes in without a menu.
        view.wait_for_function(
            """text => document.querySelector('.jp-Completer:not(.lm-mod-hidden) .jp-Completer-item')
                || document.querySelector('.jp-FileEditor .cm-content').innerText.includes(text)
                || performance.now() > (window.infillPatience ??= performance.now() + 4000)""",
            arg=text,
        )
        view.evaluate("() => { delete window.infillPatience }")
        if popup.first.is_visible():
            view.keyboard.press("Enter")
        if text in content.inner_text():
            return
    raise AssertionError(f"{text!r} did not come; the editor holds {content.inner_text()!r}")


def typed(jupyter: Lab, name: str, content: str, keys: str, wanted: str) -> str:
    """Open a file, type at its end, take the suggestion and return what was saved."""
    file = jupyter.documents / name
    file.write_text(content, encoding="utf-8")
    # A separate workspace; a shared one would reopen the files of other tests.
    with jupyter.page(f"/lab/workspaces/{file.stem}/tree/{name}") as view:
        view.locator(".jp-FileEditor .cm-content").click()
        view.keyboard.press("Control+End")
        jupyter.until_started(view)
        view.keyboard.type(keys)
        complete(view, wanted)
        view.keyboard.press("Control+s")
        view.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
    return file.read_text(encoding="utf-8")


def test_tab_accepts_the_suggestion(jupyter: Lab) -> None:
    saved = typed(jupyter, "names.py", "名 = '値'\n", "total = ", "largest(names)")
    assert saved.rstrip("\n") == "名 = '値'\ntotal = largest(names)"


def test_a_suggestion_of_several_lines_is_inserted_whole(jupyter: Lab) -> None:
    saved = typed(jupyter, "add.py", "", "def add(left, right):", "return total")
    assert saved.rstrip("\n") == "def add(left, right):\n    total = left + right\n    return total"


def test_the_documented_configuration_is_the_one_that_ran() -> None:
    documented = README.read_text(encoding="utf-8")
    assert CONFIG.read_text(encoding="utf-8") in documented
    assert json.loads(CONFIG.read_text(encoding="utf-8"))
