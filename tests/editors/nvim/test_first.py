from __future__ import annotations

import pytest

from tests.editors.nvim.conftest import StageMaker

pytestmark = pytest.mark.editor

TAB = "require('infill').map('<Tab>', 'accept')"


def test_ghost_text_appears_while_typing_and_tab_accepts_it(stage: StageMaker) -> None:
    shown = stage({"behind": "def add(", "text": "left, right):\n    return left + right"}, init=TAB)
    nvim = shown.editor
    path = nvim.open("sum.py", b"# sums\n")
    nvim.type("Godef add(")
    nvim.until_ghost("left, right):\n    return left + right")
    print("\n".join(nvim.screen()[:6]))
    nvim.type("<Tab>")
    nvim.until_lines("# sums", "def add(left, right):", "    return left + right")
    assert nvim.save(path) == b"# sums\ndef add(left, right):\n    return left + right\n"
