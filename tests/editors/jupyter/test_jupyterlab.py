"""JupyterLab: its popup in a file, with the real server and the embedded model.

JupyterLab sends whole texts and negotiates no position encoding.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("jupyterlab_lsp", reason="needs jupyterlab-lsp (make test-editors installs it)")
pytest.importorskip("playwright", reason="needs playwright (make test-editors installs it)")

from playwright.sync_api import TimeoutError

from tests.editors.jupyter.lab import CHROMIUM, CONFIG, lab, page, served
from tests.editors.nvim.real import CODE, home, infill

README = Path(__file__).parents[3] / "editors" / "README.md"
TYPED = "\n\ndef read_lines(path):\nwith open("

pytestmark = [
    pytest.mark.editor,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt)"),
]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("jupyter")
    with home(folder) as environment:
        sample = folder / "sample.py"
        sample.write_bytes(CODE)
        infill(environment, "complete", f"{sample}:6:9")
        with lab(folder, environment) as (url, documents):
            yield url, documents


def test_tab_takes_the_suggestion_into_a_file(jupyter: tuple[str, Path]) -> None:
    url, documents = jupyter
    file = documents / "names.py"
    file.write_bytes(CODE + "名 = '値'\n".encode())
    with page(f"{url}/lab/tree/names.py") as view:
        editor = view.locator(".jp-FileEditor .cm-content")
        editor.click()
        view.keyboard.press("Control+End")
        view.wait_for_function(
            "async url => (await (await fetch(url + '/lsp/status')).json()).sessions['infill-ls'].status === 'started'",
            arg=url,
        )
        view.keyboard.type(TYPED)
        typed = editor.inner_text()
        popup = view.locator(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item").first
        # While the server finds the engine there is nothing yet; a user presses the key again.
        for _ in range(10):
            view.keyboard.press("Tab")
            with contextlib.suppress(TimeoutError):
                popup.wait_for(timeout=5_000)
            # A single entry goes in without a menu.
            if popup.is_visible() or editor.inner_text() != typed:
                break
        if popup.is_visible():
            view.keyboard.press("Enter")
        assert editor.inner_text() != typed
        view.keyboard.press("Control+s")
        view.wait_for_function("() => !document.querySelector('.jp-mod-dirty')")
        assert "infill-ls started" in served(url)
    saved = file.read_bytes().decode()
    assert saved.startswith(CODE.decode() + "名 = '値'\n\n\ndef read_lines(path):\n    with open(")
    assert len(saved.split("def read_lines(path):\n    with open(")[1].strip()) > 0


def test_the_documented_configuration_is_the_one_that_ran() -> None:
    documented = README.read_text(encoding="utf-8")
    assert CONFIG.read_text(encoding="utf-8") in documented
    assert json.loads(CONFIG.read_text(encoding="utf-8"))
