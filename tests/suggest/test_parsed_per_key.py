"""How much is parsed for a key: as little in a large document as in a small one."""

from __future__ import annotations

import sys

import pytest

from infill_completion.languages.syntax import document_trees, parser
from infill_completion.languages.syntax.line_gap import gap_between
from infill_completion.suggest.completer import Completer
from tests.languages.texts import repeated
from tests.suggest.scripted import ScriptedEngine, at, says
from tests.suggest.typist import AT_ONCE


async def parsed_characters(monkeypatch: pytest.MonkeyPatch, characters: int, keys: int) -> tuple[int, int, int]:
    """Return how often the parser is called, how often it begins anew, and the bytes given to it for that.

    A user types in the middle of a document meanwhile.
    """
    given: list[int] = []
    anew: list[int] = []
    original = parser.parse

    def counted(source: bytes, language_id: str, former: object = None) -> object:
        given.append(len(source))
        if former is None:
            anew.append(len(source))
        return original(source, language_id, former)  # type: ignore[arg-type]

    for name in ("line_gap", "errors", "cursor", "line_starts", "literals"):
        # The package's `line_starts` is a function, so the module is taken from where modules are.
        monkeypatch.setattr(sys.modules[f"infill_completion.languages.syntax.{name}"], "parse", counted)
    gap_between.cache_clear()
    text = repeated("python", characters)
    middle = text.index("\n\n", len(text) // 2) + 2
    completer = Completer(ScriptedEngine(says("items[0]")), AT_ONCE)
    for number in range(keys):
        typed = f"first = second{number} + "
        marked = f"{text[:middle]}{typed}|\n{text[middle:]}"
        await completer.complete(at(marked, "python", version=number))
    await completer.aclose()
    return len(given), len(anew), sum(anew)


async def test_a_key_parses_as_little_in_a_large_document_as_in_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_trees, "IDLE_S", 60.0)
    keys = 10
    calls, anew, size = await parsed_characters(monkeypatch, 30_000, keys)
    monkeypatch.undo()
    monkeypatch.setattr(document_trees, "IDLE_S", 60.0)
    large_calls, large_anew, large_size = await parsed_characters(monkeypatch, 500_000, keys)
    assert 0 < large_calls <= calls + keys
    assert 0 < large_anew <= anew + 1
    assert large_size < 1.2 * size


async def test_the_text_around_a_line_is_parsed_once_while_the_line_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried in the line is parsed from the tree of the text around it."""
    monkeypatch.setattr(document_trees, "IDLE_S", 60.0)
    calls, anew, _ = await parsed_characters(monkeypatch, 500_000, 10)
    assert calls >= 10
    assert anew == 1
