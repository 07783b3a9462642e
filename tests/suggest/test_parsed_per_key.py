"""How much is parsed for a key: as little in a large document as in a small one."""

from __future__ import annotations

import sys

import pytest

from infill_completion.languages.syntax import document_trees, parser
from infill_completion.suggest.completer import Completer
from tests.languages.texts import repeated
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE


async def parsed_characters(monkeypatch: pytest.MonkeyPatch, characters: int, keys: int) -> tuple[int, int]:
    """Return the calls of the parser and the bytes given to it while a user types in the middle of a document."""
    given: list[int] = []
    original = parser.parse

    def counted(source: bytes, language_id: str) -> object:
        given.append(len(source))
        return original(source, language_id)

    for name in ("errors", "cursor", "line_starts", "literals"):
        # The package's `line_starts` is a function, so the module is taken from where modules are.
        monkeypatch.setattr(sys.modules[f"infill_completion.languages.syntax.{name}"], "parse", counted)
    text = repeated("python", characters)
    middle = text.index("\n\n", len(text) // 2) + 2
    completer = Completer(ScriptedEngine(says("items[0]")), AT_ONCE)
    for number in range(keys):
        typed = f"first = second{number} + "
        marked = f"{text[:middle]}{typed}|\n{text[middle:]}"
        await completer.complete(at(marked, "python", version=number))
    await completer.aclose()
    return len(given), sum(given)


async def test_a_key_parses_as_little_in_a_large_document_as_in_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_trees, "IDLE_S", 60.0)
    keys = 10
    calls, size = await parsed_characters(monkeypatch, 30_000, keys)
    monkeypatch.undo()
    monkeypatch.setattr(document_trees, "IDLE_S", 60.0)
    large_calls, large_size = await parsed_characters(monkeypatch, 500_000, keys)
    assert 0 < large_calls <= calls + keys
    assert large_size < 1.2 * size
    assert large_calls <= 12 * keys
    assert large_size / keys < 100_000
