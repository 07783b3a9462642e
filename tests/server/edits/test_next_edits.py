"""When next edits are computed: after suggestions, once per document, and for the text that is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container, Sequence
from pathlib import Path

import pytest
from lsprotocol import types

from infill_completion.document.workspace import OpenDocument
from infill_completion.edits.proposal import Silence
from infill_completion.settings import CompletionSettings, EditSettings, PrivacySettings, Settings
from infill_server.edits.next_edits import NextEdits
from infill_server.lsp.documents import Document, DocumentStore

URI = "file:///w/a.py"
END = types.Position(0, 11)
DEADLINE_S = 30.0


class CountedStore(DocumentStore):
    """A store that counts how often the other documents are asked for."""

    asked = 0

    def others(self, uri: str, languages: Container[str] | None = None) -> Sequence[OpenDocument]:
        self.asked += 1
        return super().others(uri, languages)


class Window:
    """A window with one document in which a parameter has been renamed."""

    def __init__(
        self,
        text: str = "def f(count):\n    return count\n",
        old: int = 5,
        new: str = "total",
        language_id: str = "python",
    ) -> None:
        self.documents = CountedStore()
        self.settings = Settings()
        self.edits = NextEdits(self.documents, lambda: self.settings)
        self.edits.are_settings_known.set()
        self.edits.expect()
        self.documents.open(types.TextDocumentItem(URI, language_id, 1, text))
        self.change(types.Range(types.Position(0, 6), types.Position(0, 6 + old)), new)

    @property
    def document(self) -> Document:
        return self.documents.get(URI)

    def change(self, range_: types.Range, new: str) -> None:
        identifier = types.VersionedTextDocumentIdentifier(self.document.version + 1, URI)
        self.documents.change(identifier, [types.TextDocumentContentChangePartial(range=range_, text=new)])

    async def texts(self, version: int | None = None) -> list[str]:
        found = await asyncio.wait_for(self.edits.propose(self.document, END, version), DEADLINE_S)
        return [offer.text for offer in found]


@pytest.fixture
async def window() -> AsyncIterator[Window]:
    window = Window()
    yield window
    window.edits.close()


async def test_nothing_is_computed_while_a_suggestion_is_awaited(window: Window) -> None:
    with window.edits.completing():
        asked = asyncio.ensure_future(window.texts())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not asked.done()
        assert window.document.changes  # not even the history has been read
    assert await asked == ["total"]


async def test_what_is_being_computed_gives_way_and_is_computed_again(window: Window) -> None:
    asked = asyncio.ensure_future(window.texts())
    await asyncio.sleep(0)
    with window.edits.completing():
        await asyncio.sleep(0)
    assert await asked == ["total"]


async def test_a_newer_request_supersedes_an_older_one(window: Window) -> None:
    with window.edits.completing():
        older, newer = (asyncio.ensure_future(window.texts()) for _ in range(2))
        await asyncio.sleep(0)
    assert (await older, await newer) == ([], ["total"])


async def test_a_change_meanwhile_makes_an_answer_worthless(window: Window) -> None:
    with window.edits.completing():
        asked = asyncio.ensure_future(window.texts())
        for _ in range(20):
            await asyncio.sleep(0)
        window.change(types.Range(types.Position(1, 0), types.Position(1, 0)), "  ")
    assert await asked == []


async def test_a_request_of_a_document_that_was_closed_gets_nothing(window: Window) -> None:
    document = window.document
    with window.edits.completing():
        asked = asyncio.ensure_future(window.edits.propose(document, END, None))
        await asyncio.sleep(0)
        window.documents.close(URI)
        window.edits.closed(URI)
    assert await asked == []


async def test_a_withdrawn_request_leaves_the_next_one_alone(window: Window) -> None:
    asked = asyncio.ensure_future(window.texts())
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert await window.texts() == ["total"]


async def test_a_rejected_edit_stays_away_also_after_the_document_was_opened_again(window: Window) -> None:
    (offer,) = await window.edits.propose(window.document, END, None)
    assert window.edits.rejected(offer.number)
    assert not window.edits.rejected(offer.number)
    window.edits.closed(URI)
    window.documents.open(types.TextDocumentItem(URI, "python", 1, "def f(count):\n    return count\n"))
    window.change(types.Range(types.Position(0, 6), types.Position(0, 11)), "total")
    assert await window.texts() == []


@pytest.mark.parametrize(
    "settings",
    [
        Settings(edits=EditSettings(enabled=False)),
        Settings(completion=CompletionSettings(enabled=False)),
        Settings(completion=CompletionSettings(languages={"python": False})),
        Settings(privacy=PrivacySettings(ignore=("a.py",))),
    ],
    ids=["off", "suggestions off", "language off", "private"],
)
async def test_settings_that_forbid_next_edits(window: Window, settings: Settings) -> None:
    window.settings = settings
    assert await window.texts() == []


async def test_a_snooze_silences_next_edits_too() -> None:
    window, is_snoozed = Window(), True
    window.edits = NextEdits(window.documents, lambda: window.settings, lambda: is_snoozed)
    window.edits.are_settings_known.set()
    assert await window.texts() == []
    is_snoozed = False
    assert await window.texts() == ["total"]
    window.edits.close()


async def test_what_was_changed_while_private_is_not_read_later(window: Window) -> None:
    window.settings = Settings(privacy=PrivacySettings(ignore=("a.py",)))
    assert await window.texts() == []
    window.settings = Settings()
    assert await window.texts() == []


@pytest.mark.parametrize(
    ("name", "value", "texts"), [("label", "left", ['"Xk9left"']), ("password", "aV7k2Lq9Zr4tB8", [])]
)
async def test_a_password_is_no_example(name: str, value: str, texts: list[str]) -> None:
    line = f'connect({name}="{value}")\n'
    window = Window("a = 1\n" + 3 * line, 0, "")
    column = len(f'connect({name}="')
    for number in (1, 2):
        place = types.Position(number, column)
        window.change(types.Range(place, place), "Xk9")
    assert await window.texts() == texts
    window.edits.close()


@pytest.mark.parametrize(("ignore", "texts"), [((), ["import os\n"]), (("b.py",), [])], ids=["readable", "private"])
async def test_an_import_comes_from_files_that_may_be_read(ignore: tuple[str, ...], texts: list[str]) -> None:
    window = Window("import abc\n\nx = 1\n", 0, "")
    window.settings = Settings(privacy=PrivacySettings(ignore=ignore))
    window.documents.open(types.TextDocumentItem("file:///w/b.py", "python", 1, "import os\n"))
    window.change(types.Range(types.Position(3, 0), types.Position(3, 0)), "y = os.sep")
    assert await window.texts() == texts
    window.edits.close()


async def test_an_import_comes_from_files_that_are_not_open(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("import os\n")
    window = Window("import abc\n\nx = 1\n", 0, "")
    window.documents.folders = [tmp_path]
    window.change(types.Range(types.Position(3, 0), types.Position(3, 0)), "y = os.sep")
    async with asyncio.timeout(DEADLINE_S):
        while not (texts := await window.texts()):
            pass
    assert texts == ["import os\n"]
    window.edits.close()


async def test_nothing_is_kept_for_a_client_that_never_asks(window: Window) -> None:
    window.edits = NextEdits(window.documents, lambda: window.settings)
    window.edits.are_settings_known.set()
    window.documents.open(types.TextDocumentItem(URI, "python", 1, "def f(count):\n    return count\n"))
    name = types.Range(types.Position(0, 6), types.Position(0, 11))
    window.change(name, "total")
    assert window.document.changes.take() == []
    window.change(name, "count")
    assert await window.texts() == []
    window.change(name, "sum")  # from the first request on
    assert await window.texts() == ["sum"]
    window.edits.close()


@pytest.mark.parametrize(("language_id", "asked"), [("python", 1), ("javascript", 1), ("c", 0)])
async def test_other_documents_are_read_only_where_they_count(language_id: str, asked: int) -> None:
    window = Window("foo(count)\nbar()\n", 0, "", language_id)
    window.documents.open(types.TextDocumentItem("file:///w/b.py", language_id, 1, "import os\n"))
    await window.texts()
    assert window.documents.asked == asked
    window.edits.close()


def test_other_documents_are_of_the_language_that_is_asked_for(window: Window) -> None:
    for name, language_id in (("b.py", "python"), ("c.js", "javascript")):
        window.documents.open(types.TextDocumentItem(f"file:///w/{name}", language_id, 1, name))
    assert [other.text for other in window.documents.others(URI)] == ["c.js", "b.py"]
    assert [other.text for other in window.documents.others(URI, {"python"})] == ["b.py"]


async def test_an_explanation_names_the_example_the_places_and_why_each_is_left_out(window: Window) -> None:
    explanation = await asyncio.wait_for(window.edits.explain(window.document, END), DEADLINE_S)
    assert (explanation.before, explanation.after) == ("def f(count):\n", "def f(total):\n")
    (kind,) = explanation.kinds
    assert (kind.kind, kind.learnt) == ("rename", "count ⟶ total")
    assert [(place.line, place.after, place.verdict) for place in kind.places] == [(2, "    return total", "due")]
    assert explanation.silence is None
    assert "+     return total" in explanation.to_text()
    (offer,) = await window.edits.propose(window.document, END, None)
    window.edits.rejected(offer.number)
    explanation = await asyncio.wait_for(window.edits.explain(window.document, END), DEADLINE_S)
    assert [place.verdict for place in explanation.kinds[0].places] == ["rejected or undone before"]
    assert explanation.silence is Silence.REJECTED
    assert explanation.to_json()["silence"] == Silence.REJECTED.value


async def test_an_explanation_shows_nothing_of_a_private_file_or_of_a_change_with_a_password() -> None:
    window = Window(
        "key = load(count)\n", old=3, new="'AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'"
    )
    text = (await asyncio.wait_for(window.edits.explain(window.document, END), DEADLINE_S)).to_text()
    assert "wJalr" not in text
    # New code, which is no example for another reason.
    window = Window("\n\n", 0, "", "javascript")
    place = types.Range(types.Position(0, 0), types.Position(0, 0))
    window.change(place, 'connect("a", "password=aV7k2Lq9Zr4tB8");')
    text = (await asyncio.wait_for(window.edits.explain(window.document, END), DEADLINE_S)).to_text()
    assert "aV7k" not in text
    # A place with one.
    window = Window("def f(count):\n    login(count, password='aV7k2Lq9Zr4tB8')\n")
    text = (await asyncio.wait_for(window.edits.explain(window.document, END), DEADLINE_S)).to_text()
    assert "login(total" in text
    assert "aV7k" not in text
    window = Window()
    window.settings = Settings(privacy=PrivacySettings(ignore=("*.py",)))
    explanation = await asyncio.wait_for(window.edits.explain(window.document, END), DEADLINE_S)
    assert (explanation.after, explanation.silence) == ("", Silence.PRIVATE_FILE)
