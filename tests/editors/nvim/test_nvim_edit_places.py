"""Edits of an answer are made where the server sees them: its text has a line end after the last line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.editors.nvim.stage import Stage, set_stage

pytestmark = pytest.mark.editor

TEXT = "one\n\t😀 two\nthree\n"


def edit(start: tuple[int, int], end: tuple[int, int], text: str) -> dict[str, Any]:
    places = {"start": start, "end": end}
    return {"text": text, "range": {side: {"line": at[0], "character": at[1]} for side, at in places.items()}}


def applied(edits: list[dict[str, Any]]) -> list[str]:
    """Return the lines of the text after edits with positions in UTF-16."""
    text = TEXT.encode("utf-16-le")
    starts = [0, *(at + 2 for at in range(0, len(text), 2) if text[at : at + 2] == b"\n\0")]

    def offset(position: dict[str, int]) -> int:
        return starts[position["line"]] + 2 * position["character"]

    for one in sorted(edits, key=lambda one: offset(one["range"]["start"]), reverse=True):
        start, end = (offset(one["range"][side]) for side in ("start", "end"))
        text = text[:start] + one["text"].encode("utf-16-le") + text[end:]
    return text.decode("utf-16-le").removesuffix("\n").split("\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    shown: Stage = set_stage(tmp_path_factory.mktemp("places"), "work", (), "", {})
    yield shown
    shown.editor.close()


@pytest.mark.parametrize("fileformat", ["unix", "dos"])
@pytest.mark.parametrize(
    "edits",
    [
        [edit((0, 0), (0, 3), "1")],
        [edit((0, 3), (0, 3), ", more")],
        [edit((1, 1), (1, 4), ""), edit((1, 4), (1, 7), "zwei")],
        [edit((1, 4), (1, 7), "zwei"), edit((1, 1), (1, 4), "")],
        [edit((0, 0), (0, 0), "import os\n"), edit((2, 0), (2, 5), "3")],
        [edit((1, 0), (2, 0), "")],
        [edit((2, 0), (3, 0), "")],
        [edit((0, 0), (3, 0), "")],
        [edit((3, 0), (3, 0), "four\n")],
        [edit((3, 0), (3, 0), "four\nfive\n")],
        [edit((2, 5), (2, 5), "\nfour")],
        [edit((2, 0), (3, 0), "drei\nvier\n")],
        [edit((0, 1), (2, 2), "a\n\nb")],
        [edit((2, 0), (2, 5), "3"), edit((0, 0), (2, 0), "")],
    ],
)
def test_edits_are_made_where_the_server_sees_them(made: Stage, fileformat: str, edits: list[dict[str, Any]]) -> None:
    nvim = made.editor
    nvim.open(f"{len(list(nvim.workspace.iterdir()))}.txt", TEXT.encode())
    nvim.api.command(f"set fileformat={fileformat}")
    newline = "\r\n" if fileformat == "dos" else "\n"
    sent = [{**one, "text": one["text"].replace("\n", newline)} for one in edits]
    code = """
        local edits = ...
        local Offer, bufnr = require('infill.edits.offer'), vim.api.nvim_get_current_buf()
        for _, edit in ipairs(edits) do
          edit.textDocument = { uri = vim.uri_from_bufnr(bufnr), version = vim.lsp.util.buf_versions[bufnr] }
          edit.command = { command = 'none' }
        end
        local offer = Offer.new(bufnr, { id = -1, offset_encoding = 'utf-16' }, { edits = edits })
        local count = #offer.list
        while offer.list[1] do offer:accept() end
        return count
    """
    assert nvim.lua(code, sent) == len(edits)
    assert nvim.lines() == applied(edits)
