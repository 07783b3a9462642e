"""A file that becomes private while its answer is on its way: the answer is dropped, and the text is not sent again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy import ignore_files, rules
from infill_completion.settings import CompletionSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.context.test_context import EditorDocuments
from tests.suggest.scripted import ScriptedEngine, at, is_idle, says, until

AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))
PRIVATE = replace(AT_ONCE, privacy=PrivacySettings(ignore=("**/vault.py",)))
VAULT = 'DATABASE_HOST = "db"\nDATABASE_PIN = 99887766\ndef connect_database(host, pin): ...\n'


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let changed ignore files count at once."""
    monkeypatch.setattr(rules, "KEEP_S", 0.0)
    monkeypatch.setattr(ignore_files, "KEEP_S", 0.0)


@pytest.mark.parametrize("how", ["setting", ".gitignore", ".infillignore"])
@pytest.mark.parametrize("invoked", [False, True])
async def test_its_answer_is_neither_shown_nor_remembered(tmp_path: Path, how: str, invoked: bool) -> None:
    engine = ScriptedEngine(says("value"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE, EditorDocuments(folders=[tmp_path]))
    snapshot = at("x = |\n", uri=(tmp_path / "vault.py").as_uri(), invoked=invoked)
    asked = asyncio.ensure_future(completer.complete(snapshot))
    await engine.started.wait()
    if how == "setting":
        completer.configure(PRIVATE)
    else:
        (tmp_path / how).write_text("vault.py\n")
    assert engine.gate is not None
    engine.gate.set()
    answer = await asked
    assert answer.reason is SkipReason.PRIVATE_FILE
    assert "vault.py" in str(answer.details["message"])
    assert len(engine.requests) == 1
    if how == "setting":
        completer.configure(AT_ONCE)
    else:
        (tmp_path / how).unlink()
    assert (await completer.complete(snapshot)).suggestions
    assert len(engine.requests) > 1  # nothing was remembered
    await completer.aclose()


async def test_an_answer_made_with_a_file_that_became_private_is_asked_for_again_without_it(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("value"), gate=asyncio.Event())
    vault = OpenDocument((tmp_path / "vault.py").as_uri(), "python", 1, VAULT)
    completer = Completer(engine, AT_ONCE, EditorDocuments([vault], folders=[tmp_path]))
    text = "connection = connect_database(DATABASE_HOST, DATABASE_PIN)\ndatabase = |\n"
    snapshot = at(text, uri=(tmp_path / "main.py").as_uri())
    asked = asyncio.ensure_future(completer.complete(snapshot))
    await engine.started.wait()
    assert "99887766" in str(engine.requests)
    (tmp_path / ".gitignore").write_text("vault.py\n")
    assert engine.gate is not None
    engine.gate.set()
    assert (await asked).suggestions
    [_, again, *_] = engine.requests
    assert "99887766" not in str(again)
    await until(lambda: is_idle(completer))
    await completer.aclose()


@pytest.mark.parametrize("change", [{"multiline": "never"}, {"temperature": 0.5}, {"max_tokens": 20}])
async def test_a_changed_setting_is_heeded_by_the_request_that_waits(change: dict[str, object]) -> None:
    engine = ScriptedEngine(says("value"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    asked = asyncio.ensure_future(completer.complete(at("x = |\n")))
    await engine.started.wait()
    changed = replace(AT_ONCE, completion=replace(AT_ONCE.completion, **change))  # type: ignore[arg-type]
    completer.configure(changed)
    assert engine.gate is not None
    engine.gate.set()
    assert (await asked).suggestions
    assert len(engine.requests) >= 2
    await completer.aclose()


async def test_a_setting_that_changes_no_answer_interrupts_nothing() -> None:
    engine = ScriptedEngine(says("value"), gate=asyncio.Event())
    completer = Completer(engine, AT_ONCE)
    asked = asyncio.ensure_future(completer.complete(at("x = |\n")))
    await engine.started.wait()
    completer.configure(replace(AT_ONCE, completion=replace(AT_ONCE.completion, debounce_ms=5)))
    assert engine.gate is not None
    engine.gate.set()
    assert (await asked).suggestions
    assert engine.closed == []
    await completer.aclose()
