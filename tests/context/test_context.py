"""Text of other files in the prompt, and that the choice is deterministic."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from infill_completion.context import cells_text
from infill_completion.context.nearby import NearbyFiles
from infill_completion.context.similar import SimilarIndex
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy import ignore_files, rules
from infill_completion.settings import CompletionSettings, ContextSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, at, says

AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))
SHAPES = '''class Circle:
    """A round shape."""

    def __init__(self, radius: float) -> None:
        self.radius = radius

    def area(self) -> float:
        return 3.14 * self.radius * self.radius
'''
PRICES = "def price_of(basket, discount):\n    total = basket.total()\n    return total - discount * total\n"
HERE = """class Square:
    def __init__(self, radius):
        self.radius = radius

    def area(self):
        return |
"""


@dataclass
class EditorDocuments:
    """Documents as an editor reports them."""

    documents: Sequence[OpenDocument] = ()
    cells: Sequence[OpenDocument] = ()
    folders: Sequence[Path] = ()

    def others(self, uri: str) -> Sequence[OpenDocument]:
        return [document for document in self.documents if document.uri != uri]

    def cells_before(self, uri: str) -> Sequence[OpenDocument]:
        del uri
        return self.cells

    def roots(self) -> Sequence[Path]:
        return self.folders


def opened(name: str, text: str, version: int = 1, language: str = "python") -> OpenDocument:
    return OpenDocument(f"file:///project/{name}", language, version, text)


async def asked_with(editor: EditorDocuments, marked: str = HERE, settings: Settings = AT_ONCE) -> ScriptedEngine:
    engine = ScriptedEngine(says("x"))
    completer = Completer(engine, settings, editor)
    await completer.complete(at(marked))
    await completer.aclose()
    return engine


async def test_the_similar_part_of_another_document_is_shown_with_its_path() -> None:
    editor = EditorDocuments([opened("prices.py", PRICES), opened("shapes.py", SHAPES)], folders=[Path("/project")])
    items = (await asked_with(editor)).requests[0].context
    assert [item.path for item in items] == ["shapes.py"]
    assert "def area" in items[0].text


async def test_the_same_documents_give_the_same_prompt() -> None:
    documents = [opened(f"shapes{number}.py", SHAPES) for number in range(6)]
    first = (await asked_with(EditorDocuments(documents))).requests[0]
    second = (await asked_with(EditorDocuments(documents[::-1]))).requests[0]
    assert first == second


async def test_typing_on_a_line_keeps_the_context() -> None:
    editor = EditorDocuments([opened("shapes.py", SHAPES)])
    engine = ScriptedEngine(says("q"))
    completer = Completer(engine, AT_ONCE, editor)
    await completer.complete(at(HERE))
    await completer.complete(at(HERE.replace("|", "basket|"), version=2))
    asked = [request for request in engine.requests if not request.prefix.endswith("q")]
    assert len(asked) == 2
    assert asked[0].context == asked[1].context
    await completer.aclose()


async def test_text_that_the_window_shows_is_left_out() -> None:
    editor = EditorDocuments([opened("copy.py", HERE.replace("|", "x"))])
    assert (await asked_with(editor)).requests[0].context == ()


async def test_sources_can_be_switched_off() -> None:
    off = Settings(
        completion=AT_ONCE.completion, context=ContextSettings(open_documents=False, recent_edits=False, imports=False)
    )
    assert (await asked_with(EditorDocuments([opened("shapes.py", SHAPES)]), settings=off)).requests[0].context == ()


async def test_a_private_document_is_withheld_and_the_explanation_names_the_rule() -> None:
    editor = EditorDocuments(
        [opened("credentials.py", SHAPES), opened("shapes.py", SHAPES)], folders=[Path("/project")]
    )
    completer = Completer(ScriptedEngine(says("x")), AT_ONCE, editor)
    explanation = await completer.explain(at(HERE))
    assert [source["path"] for source in explanation.sources] == ["shapes.py"]
    assert explanation.withheld == ("credentials.py: matches **/credentials* (setting privacy.ignore)",)
    await completer.aclose()


async def test_a_document_that_becomes_private_leaves_the_context_at_the_next_keystroke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "KEEP_S", 0.0)
    monkeypatch.setattr(ignore_files, "KEEP_S", 0.0)
    vault = OpenDocument((tmp_path / "vault.py").as_uri(), "python", 1, SHAPES)
    engine = ScriptedEngine(says("q"))
    completer = Completer(engine, AT_ONCE, EditorDocuments([vault], folders=[tmp_path]))
    here = (tmp_path / "main.py").as_uri()

    async def shown(typed: str, version: int) -> list[str]:
        before = len(engine.requests)
        await completer.complete(at(HERE.replace("|", f"{typed}|"), uri=here, version=version))
        return [item.path for item in engine.requests[before].context]

    assert await shown("", 1) == ["vault.py"]
    (tmp_path / ".infillignore").write_text("vault.py\n")
    assert await shown("b", 2) == []
    await completer.aclose()


@pytest.mark.parametrize(
    "settings",
    [
        replace(AT_ONCE, privacy=PrivacySettings(ignore=("**/vault.py",))),
        replace(AT_ONCE, completion=replace(AT_ONCE.completion, languages={"ruby": False})),
    ],
)
async def test_a_changed_setting_counts_at_the_next_keystroke(tmp_path: Path, settings: Settings) -> None:
    vault = OpenDocument((tmp_path / "vault.py").as_uri(), "ruby", 1, SHAPES)
    engine = ScriptedEngine(says("q"))
    completer = Completer(engine, AT_ONCE, EditorDocuments([vault], folders=[tmp_path]))
    here = (tmp_path / "main.py").as_uri()
    await completer.complete(at(HERE, uri=here))
    before = len(engine.requests)
    completer.configure(settings)
    await completer.complete(at(HERE.replace("|", "b|"), uri=here, version=2))
    assert [item.path for item in engine.requests[0].context] == ["vault.py"]
    assert engine.requests[before].context == ()
    await completer.aclose()


async def test_secrets_in_other_documents_are_masked() -> None:
    secret = "ghp_" + "a1B2" * 9
    items = (
        (await asked_with(EditorDocuments([opened("shapes.py", SHAPES + f'KEY = "{secret}"\n')]))).requests[0].context
    )
    assert items
    assert secret not in str(items)


async def test_the_previous_place_of_the_user_is_shown() -> None:
    prices = opened("prices.py", PRICES)
    editor = EditorDocuments([prices])
    engine = ScriptedEngine(says("x"))
    completer = Completer(engine, AT_ONCE, editor)
    await completer.complete(at(PRICES + "|", uri=prices.uri))
    await completer.complete(at("import os\n\nunrelated = |\n"))
    await completer.aclose()
    last = next(request for request in engine.requests if request.prefix.endswith("unrelated = "))
    assert [item.path for item in last.context] == ["project/prices.py"]


async def test_the_definitions_behind_imports_are_shown(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "prices.py").write_text(PRICES + "\n\ndef unused():\n    pass\n")
    (tmp_path / "shop" / "shapes.py").write_text(SHAPES)
    here = "from .prices import price_of\nfrom shop.shapes import Circle\n\nx = |\n"
    engine = ScriptedEngine(says("1"))
    completer = Completer(engine, AT_ONCE, EditorDocuments(folders=[tmp_path]))
    await completer.complete(at(here, uri=(tmp_path / "shop" / "main.py").as_uri()))
    await completer.aclose()
    first, second = engine.requests[0].context
    assert (first.path, first.text) == ("shop/prices.py", "def price_of(basket, discount):")
    assert second.text.splitlines() == [
        "class Circle:",
        "    def __init__(self, radius: float) -> None:",
        "    def area(self) -> float:",
    ]


async def test_a_similar_file_beside_the_document_is_shown_even_if_it_is_not_open(tmp_path: Path) -> None:
    for name, text in {"shapes.py": SHAPES, "prices.py": PRICES, "shapes.txt": SHAPES, ".env.py": SHAPES}.items():
        (tmp_path / name).write_text(text)
    engine = ScriptedEngine(says("1"))
    completer = Completer(engine, AT_ONCE, EditorDocuments(folders=[tmp_path]))
    await completer.complete(at(HERE, uri=(tmp_path / "main.py").as_uri()))
    await completer.aclose()
    assert [item.path for item in engine.requests[0].context] == ["shapes.py"]


async def test_without_a_workspace_the_repository_and_its_ignore_file_count(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("local_*.py\n")
    for name in ("shapes.py", "local_shapes.py"):
        (tmp_path / name).write_text(SHAPES)
    engine = ScriptedEngine(says("1"))
    completer = Completer(engine, AT_ONCE)
    await completer.complete(at(HERE, uri=(tmp_path / "main.py").as_uri()))
    await completer.aclose()
    assert [item.path for item in engine.requests[0].context] == ["shapes.py"]


async def test_a_file_that_changes_on_disk_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "shapes.py").write_text(PRICES)
    nearby = NearbyFiles()
    here = tmp_path / "main.py"
    assert [item.text for item in nearby.documents(here, "python", [tmp_path], lambda _: False)] == [PRICES]
    (tmp_path / "shapes.py").write_text(SHAPES)
    os.utime(tmp_path / "shapes.py", ns=(1, 1))
    assert [item.text for item in nearby.documents(here, "python", [tmp_path], lambda _: False)] == [SHAPES]
    assert nearby.documents(here, "python", [], lambda _: False) == []
    assert nearby.documents(here, "python", [tmp_path], lambda _: True) == []


async def test_a_link_to_the_edited_file_is_not_near(tmp_path: Path) -> None:
    here = tmp_path / "main.py"
    here.write_text(PRICES)
    (tmp_path / "shapes.py").write_text(SHAPES)
    (tmp_path / "again.py").symlink_to("main.py")
    found = NearbyFiles().documents(here, "python", [tmp_path], lambda _: False)
    assert [item.text for item in found] == [SHAPES]


async def test_other_files_take_no_more_than_their_share() -> None:
    documents = [opened(f"shapes{number}.py", SHAPES.replace("Circle", f"Circle{number}") * 3) for number in range(9)]
    small = replace(AT_ONCE, engine=replace(AT_ONCE.engine, context_tokens=1024))
    items = (await asked_with(EditorDocuments(documents), settings=small)).requests[0].context
    assert 0 < sum(len(item.text) for item in items) <= 1024 * 3.5 * 0.25


async def test_cells_above_precede_the_cell_and_markdown_becomes_a_comment() -> None:
    cells = [opened("n#1", "# Prices\nof all", language="markdown"), opened("n#2", "import pandas as pd")]
    request = (await asked_with(EditorDocuments(cells=cells), "pd.|")).requests[0]
    assert request.prefix == "# # Prices\n# of all\n\nimport pandas as pd\n\npd."


def test_the_nearest_cells_win_if_room_is_short() -> None:
    cells = [opened("1", "a" * 50), opened("2", "b" * 50), opened("3", "c" * 50)]
    assert cells_text(cells, "python", 110) == "b" * 50 + "\n\n" + "c" * 50 + "\n\n"


def test_a_document_is_indexed_once_for_each_version() -> None:
    index = SimilarIndex()
    index.update(opened("a.py", SHAPES))
    before = index.lines("file:///project/a.py")
    index.update(opened("a.py", "something else", version=1))
    assert index.lines("file:///project/a.py") is before
    index.update(opened("a.py", "something else", version=2))
    assert list(index.lines("file:///project/a.py")) == ["something else"]
    index.keep_only([])
    assert index.lines("file:///project/a.py") == ()


@pytest.mark.parametrize("line", ["a\u2028b", "a\fb"])
def test_only_lsp_line_ends_end_lines_of_other_documents(line: str) -> None:
    index = SimilarIndex()
    index.update(opened("a.py", line))
    assert list(index.lines("file:///project/a.py")) == [line]
