"""The file on disk, byte for byte."""

from __future__ import annotations

import pytest

from tests.editors.nvim.stage import StageMaker

pytestmark = pytest.mark.editor


def test_crlf_files_stay_crlf(stage: StageMaker) -> None:
    nvim = stage({"behind": "def add(", "text": "a, b):\n    return a + b\n\n"}).editor
    path = nvim.open("sum.py", b"# sums\r\n# end\r\n")
    assert nvim.api.current.buffer.options["fileformat"] == "dos"
    nvim.type("ggodef add(")
    nvim.until_ghost("a, b):\n    return a + b\n\n")
    nvim.type("<Tab>")
    nvim.until_lines("# sums", "def add(a, b):", "    return a + b", "", "", "# end")
    assert nvim.save(path) == b"# sums\r\ndef add(a, b):\r\n    return a + b\r\n\r\n\r\n# end\r\n"


def test_typing_through_a_crlf_suggestion(stage: StageMaker) -> None:
    nvim = stage({"behind": "def add(", "text": "a, b):\n    return a + b"}).editor
    path = nvim.open("sum.py", b"# sums\r\n")
    nvim.type("odef add(")
    nvim.until_ghost("a, b):\n    return a + b")
    nvim.type("a, b):<CR>ret")
    nvim.until_ghost("urn a + b")
    nvim.type("<Tab>")
    assert nvim.save(path) == b"# sums\r\ndef add(a, b):\r\n    return a + b\r\n"


def test_a_unix_file_with_stray_carriage_returns_keeps_them(stage: StageMaker) -> None:
    nvim = stage({"behind": "def add(", "text": "a, b):\n    return a + b"}).editor
    path = nvim.open("sum.py", b"# sums\r\n# end\n")
    assert nvim.api.current.buffer.options["fileformat"] == "unix"
    nvim.type("ggodef add(")
    nvim.until(lambda: "return" in nvim.ghost(), "ghost text")
    nvim.type("<Tab>")
    nvim.until(lambda: len(nvim.lines()) == 4, "the suggestion is in")
    assert nvim.save(path) == b"# sums\r\ndef add(a, b):\r\n    return a + b\n# end\n"


def test_tabs_are_tabs_in_the_file(stage: StageMaker) -> None:
    nvim = stage({"behind": "if ok {", "text": "\n\t\treturn\n\t}"}).editor
    path = nvim.open("main.go", b"func f() {\n\tg()\n}\n")
    nvim.api.command("setlocal noexpandtab")
    nvim.type("joif ok {")
    nvim.until(lambda: "return" in nvim.ghost(), "ghost text")
    nvim.type("<Tab>")
    nvim.until(lambda: len(nvim.lines()) == 6, "the suggestion is in")
    assert nvim.save(path) == b"func f() {\n\tg()\n\tif ok {\n\t\treturn\n\t}\n}\n"


@pytest.mark.parametrize("before", ["😀 = ", "名前 = ", "👩‍👩‍👧 é ñ 한글 = ", 'print("🙂🙂", 値, '])
def test_emoji_and_cjk_before_the_cursor(stage: StageMaker, before: str) -> None:
    nvim = stage({"behind": before, "text": "[「左」, '🚀',\n 右]"}).editor
    path = nvim.open("words.txt", "第一行 🎉\n".encode())
    nvim.type(f"o{before}")
    nvim.until_ghost("[「左」, '🚀',\n 右]")
    nvim.type("[「左")
    nvim.until_ghost("」, '🚀',\n 右]")
    nvim.type("<Tab>")
    assert nvim.save(path) == f"第一行 🎉\n{before}[「左」, '🚀',\n 右]\n".encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_every_position_encoding_means_the_same_position(stage: StageMaker, encoding: str) -> None:
    init = (
        "vim.lsp.config('infill_ls', { capabilities = { general = { positionEncodings = { '" + encoding + "' } } } })\n"
        "require('infill').map('<Tab>', 'accept')"
    )
    shown = stage({"behind": "🙂 値(", "text": "左, 🚀)", "replaces": ")"}, init=init)
    nvim = shown.editor
    path = nvim.open("words.txt", "🙂 値()  # 🙂\n".encode())
    nvim.type("f(a")
    nvim.until_ghost("左, 🚀")
    assert shown.until_heard("initialized")[0]["encoding"] == encoding
    nvim.type("<Tab>")
    assert nvim.save(path) == "🙂 値(左, 🚀)  # 🙂\n".encode()


def test_unused_indentation_is_not_left_in_the_file(stage: StageMaker) -> None:
    nvim = stage({"behind": "    pass", "text": " # nothing"}).editor
    path = nvim.open("sum.txt", b"def f():\n    pass\n")
    nvim.type("jA")
    nvim.until_ghost(" # nothing")
    nvim.type("<Tab><CR>")
    nvim.until_lines("def f():", "    pass # nothing", "    ")
    assert nvim.save(path) == b"def f():\n    pass # nothing\n\n"


def test_a_file_without_a_last_newline_keeps_that(stage: StageMaker) -> None:
    nvim = stage({"behind": "x = ", "text": "1"}).editor
    path = nvim.open("sum.py", b"x =")
    nvim.api.command("setlocal nofixendofline")
    nvim.type("A ")
    nvim.until_ghost("1")
    nvim.type("<Tab>")
    assert nvim.save(path) == b"x = 1"
