"""A user types, and suggestions come."""

from __future__ import annotations

from tests.e2e.editor import Editor
from tests.scripted_engine import ScriptedEngine


async def test_a_popup_entry_replaces_the_typed_word(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("urn total")
    buffer = editor.open("def f(total):\n    ret|\n")
    popup = await buffer.popup()
    item = popup.items[0]
    assert popup.is_incomplete
    assert item.label == "return total"
    assert item.text_edit is not None
    assert item.text_edit.new_text == "return total"
    assert buffer.accepted(item.text_edit.range, item.text_edit.new_text) == "def f(total):\n    return total\n"


async def test_ghost_text_continues_the_line(editor: Editor, engine: ScriptedEngine) -> None:
    engine.says("a + b")
    buffer = editor.open("def add(a, b):\n    return |\n")
    [item] = await buffer.ghosts()
    assert item.range is not None
    assert buffer.accepted(item.range, str(item.insert_text)) == "def add(a, b):\n    return a + b\n"
