"""A file that becomes private: answers made with it are dropped, and its text is not sent again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from infill_completion.context import Gatherer
from infill_completion.document.snapshot import SkipReason
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy import ignore_files, rules
from infill_completion.privacy.rules import Privacy
from infill_completion.settings import CompletionSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.context.test_context import EditorDocuments
from tests.suggest.growing.writer import paused
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


FROM_VAULT = (
    "from vault import connect_database\nconnection = connect_database(DATABASE_HOST, DATABASE_PIN)\ndatabase = |\n"
)


@pytest.mark.parametrize(("how", "is_open"), [
    (".gitignore", True), (".gitignore", False), (".infillignore", True), (".infillignore", False), ("gone", False),
])  # fmt: skip
@pytest.mark.parametrize("is_grown", [False, True])
@pytest.mark.parametrize("is_explained", [False, True])
async def test_a_remembered_answer_made_with_it_is_asked_for_again(
    tmp_path: Path, how: str, is_open: bool, is_grown: bool, is_explained: bool
) -> None:
    engine = ScriptedEngine(says("99887766"))
    file = tmp_path / "vault.py"
    file.write_text(VAULT)
    documents = [OpenDocument(file.as_uri(), "python", 1, VAULT)] if is_open else []
    completer = Completer(engine, AT_ONCE, EditorDocuments(documents, folders=[tmp_path]))
    snapshot = at(FROM_VAULT, uri=(tmp_path / "main.py").as_uri())
    await completer.complete(snapshot)
    if is_grown:
        await paused(completer, snapshot)
    await until(lambda: is_idle(completer))
    asked = len(engine.requests)
    assert (await completer.complete(snapshot)).details["reuse"]
    assert len(engine.requests) == asked
    assert "def connect_database" in str(engine.requests)

    if how == "gone":
        file.unlink()
    else:
        (tmp_path / how).write_text("vault.py\n")
    if is_explained:
        assert not (await completer.explain(snapshot)).to_json()["sources"]
    else:
        assert "reuse" not in (await completer.complete(snapshot)).details
    await until(lambda: is_idle(completer))
    assert len(engine.requests) > asked
    assert "def connect_database" not in str(engine.requests[asked:])
    await completer.aclose()


async def test_what_is_on_the_disk_no_more_is_not_sent_again(tmp_path: Path) -> None:
    engine = ScriptedEngine(says("value"))
    file = tmp_path / "vault.py"
    file.write_text(VAULT)
    completer = Completer(engine, AT_ONCE, EditorDocuments(folders=[tmp_path]))
    uri = (tmp_path / "main.py").as_uri()
    await completer.complete(at(FROM_VAULT, uri=uri))
    await until(lambda: is_idle(completer))
    assert "def connect_database" in str(engine.requests)
    asked = len(engine.requests)
    file.unlink()
    await completer.complete(at(FROM_VAULT.replace("|", "first.|"), uri=uri))
    await until(lambda: is_idle(completer))
    assert len(engine.requests) > asked
    assert "def connect_database" not in str(engine.requests[asked:])
    await completer.aclose()


async def test_its_words_no_longer_order_candidates(tmp_path: Path) -> None:
    vault = OpenDocument((tmp_path / "vault.py").as_uri(), "python", 1, VAULT)
    documents, gatherer = EditorDocuments([vault], folders=[tmp_path]), Gatherer()
    uri = (tmp_path / "main.py").as_uri()

    def gather(text: str) -> None:
        view = View.of(at(text, uri=uri), 2000, 2000)
        gatherer.gather(view, documents, AT_ONCE, Privacy(()), 4000)

    gather("x = |\n")
    assert gatherer.knows("connect_database", uri)
    (tmp_path / ".gitignore").write_text("vault.py\n")
    gather("import os\n" * 40 + "x = |\n")
    assert not gatherer.knows("connect_database", uri)
    await gatherer.aclose()


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
