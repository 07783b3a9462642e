"""What becomes of suggestions is recorded in the background, in numbers, unless the user says no."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infill_server.records.database import RecordsDatabase, database_path
from infill_server.records.row import SuggestionOutcome, SuggestionRow
from tests.e2e.editor import Buffer, Editor, visual_studio_code
from tests.scripted_engine import ScriptedEngine


async def _story(editor: Editor, engine: ScriptedEngine) -> Buffer:
    """Accept one suggestion, type over another, and read a third one."""
    engine.says("SECRET_NAME + b")
    engine.default = "rubbish"  # also for what is computed ahead
    buffer = editor.open("def add(a, b):\n    return |\n")
    [item] = await buffer.ghosts()
    buffer.type("SECRET_NAME + b"[:7])
    buffer.replace(buffer.offset - 7, buffer.offset, "SECRET_NAME + b")
    assert item.command is not None
    await editor.command(item.command.command, *(item.command.arguments or ()))
    buffer.type("\n    x = ")
    assert await buffer.ghosts()
    buffer.type("1\n    y = ")
    assert await buffer.ghosts()
    return buffer


async def test_rows_are_there_once_the_editor_has_closed(editor: Editor, engine: ScriptedEngine) -> None:
    await _story(editor, engine)
    await editor.close()
    rows = RecordsDatabase().rows()
    assert [row.outcome for row in rows] == [
        SuggestionOutcome.ACCEPTED,
        SuggestionOutcome.TYPED_OVER,
        SuggestionOutcome.IGNORED,
    ]
    accepted = rows[0]
    assert (accepted.language, accepted.face, accepted.source, accepted.trigger) == (
        "python", "inline", "engine", "automatic",
    )  # fmt: skip
    assert (accepted.characters, accepted.taken_characters) == (15, 8)  # seven were typed
    assert accepted.mean_logprob == pytest.approx(-0.1, abs=1e-3)
    assert accepted.first_logprob == pytest.approx(-0.1, abs=1e-3)
    assert accepted.estimate is not None
    assert 0 < accepted.estimate < 1
    written = database_path().read_bytes()
    assert not any(word in written for word in (b"SECRET", b"rubbish", b"file:", b".py"))


@pytest.mark.parametrize("setting", [{"privacy.statistics": False}, {"privacy": {"statistics": "off"}}])
async def test_one_setting_turns_it_off(window: Editor, engine: ScriptedEngine, setting: dict[str, Any]) -> None:
    await window.initialize(visual_studio_code(), setting)
    await window.ready()
    await _story(window, engine)
    await window.close()
    assert not database_path().exists()


async def test_a_database_that_cannot_be_used_costs_no_suggestion(
    window: Editor, engine: ScriptedEngine, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.write_text("a file where the folder should be")
    await window.initialize(visual_studio_code())
    await window.ready()
    await _story(window, engine)
    await window.close()
    assert state.is_file()


def test_a_row_has_no_column_for_text() -> None:
    kinds = {"language", "model", "face", "trigger", "source", "outcome"}
    texts = {name for name, hint in SuggestionRow.__annotations__.items() if "str" in hint or "Outcome" in hint}
    assert texts == kinds
