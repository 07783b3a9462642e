"""The tree of a document: what is cut out of it, how it follows edits, and what bounds it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.document.lines import to_lf
from infill_completion.document.snapshot import Snapshot, TextEdit
from infill_completion.document.view import View
from infill_completion.document.window import Excerpt
from infill_completion.languages.syntax import DocumentTrees, document_tree, document_trees
from infill_completion.languages.syntax.document_tree import DocumentTree, difference
from infill_completion.languages.syntax.excerpt import MAX_AFTER, MAX_BEFORE
from infill_completion.languages.syntax.parser import parse
from tests.languages.texts import STANDARD_MODULES, members, repeated


def tree_of(text: str, language: str = "python") -> DocumentTree:
    tree = DocumentTree(language)
    tree.update(text)
    while not tree.is_current:
        tree.work(1000.0)
    return tree


def is_sound(text: str, language: str) -> bool:
    tree = parse(text.encode(), language)
    assert tree is not None
    return not tree.root_node.has_error


def line_starts(text: str) -> Iterator[int]:
    yield 0
    yield from (index + 1 for index, character in enumerate(text) if character == "\n")


@pytest.mark.parametrize("path", STANDARD_MODULES, ids=lambda path: path.name)
def test_an_excerpt_of_a_module_has_no_errors_of_its_own(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = tree_of(text)
    for offset in random.Random(path.name).sample(list(line_starts(text)), 40):
        excerpt = tree.excerpt(offset)
        assert excerpt is not None
        assert is_sound(excerpt.before + excerpt.after, "python")
        assert text[:offset].endswith(excerpt.before[excerpt.before.rfind("\n") + 1 :])
        assert text[offset:].startswith(excerpt.after.partition("\n")[0])
        assert not excerpt.hides_errors


@pytest.mark.parametrize("language", ["python", "typescript", "javascript", "rust", "go", "java", "c", "cpp"])
@pytest.mark.parametrize("is_nested", [False, True], ids=["top level", "in a type"])
def test_an_excerpt_is_as_small_in_a_large_document_as_in_a_small_one(language: str, is_nested: bool) -> None:
    sizes = []
    for characters in (30_000, 300_000):
        text = members(language, characters) if is_nested else repeated(language, characters)
        offset = text.index("\n", len(text) // 2) + 1
        excerpt = tree_of(text, language).excerpt(offset)
        assert excerpt is not None
        assert is_sound(excerpt.before + excerpt.after, language)
        sizes.append(len(excerpt.before) + len(excerpt.after))
    assert max(sizes) <= MAX_BEFORE + MAX_AFTER + 1000
    assert abs(sizes[0] - sizes[1]) < 1000


def test_what_encloses_the_cursor_stays() -> None:
    text = members("typescript", 40_000)
    offset = text.index("\n", len(text) // 2) + 1
    excerpt = tree_of(text, "typescript").excerpt(offset)
    assert excerpt is not None
    assert excerpt.before.startswith("class Inventory {\n")
    assert excerpt.after.rstrip().endswith("}\n}")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("first", ["", "\ufeff", "# ü \U0001f600 \u2028\n"], ids=["plain", "BOM", "beyond ASCII"])
async def test_line_ends_and_characters_of_all_kinds(ending: str, first: str) -> None:
    text = (first + members("python", 30_000)).replace("\n", ending)
    offset = text.index("def ", len(text) // 2)
    view, _ = await viewed(text, offset)
    excerpt = view.window.excerpt
    assert excerpt is not None
    assert "\r" not in excerpt.before + excerpt.after
    assert excerpt.before.endswith("\n    ")
    assert excerpt.after.startswith("def ")
    assert "class Inventory:\n" in excerpt.before
    assert len(excerpt.before) < MAX_BEFORE + 1000


@pytest.mark.parametrize(
    "text",
    ["(" * 100_000, "x = (" + "[" * 50_000 + "]" * 50_000 + ")\n", 'x = """\n' + "words of a text\n" * 5000 + '"""\n'],
    ids=["open brackets", "nested brackets", "a long string"],
)
def test_text_of_which_nothing_can_be_left_out_has_no_large_excerpt(text: str) -> None:
    excerpt = tree_of(text).excerpt(len(text) // 2)
    assert excerpt is None or len(excerpt.before) + len(excerpt.after) < 70_000


@given(st.text("ab\n", max_size=30), st.text("ab\n", max_size=30))
def test_a_difference_is_the_edit_between_two_texts(former: str, text: str) -> None:
    start, old_end, new_end = difference(former, text)
    assert former[:start] + text[start:new_end] + former[old_end:] == text
    assert 0 <= start <= min(old_end, new_end)


def test_a_tree_follows_edits_anywhere() -> None:
    rng = random.Random(5)
    text = repeated("python", 20_000)
    tree = tree_of(text)
    for number in range(150):
        start = rng.choice(list(line_starts(text)))
        end = text.find("\n", start) + 1 if rng.random() < 0.3 else start
        text = text[:start] + f"value{number} = [{number}]\n" * rng.randrange(3) + text[max(end, start) :]
        tree.update(text)
        before = tree.excerpt(start)  # The tree has moved, and is parsed only now and then.
        assert before is not None
        assert text[start:].startswith(before.after.partition("\n")[0])
        if rng.random() < 0.3:
            while not tree.is_current:
                tree.work(1000.0)
    while not tree.is_current:
        tree.work(1000.0)
    fresh = tree_of(text)
    assert all(tree.excerpt(offset) == fresh.excerpt(offset) for offset in line_starts(text))


def test_an_edit_that_is_known_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tree then moves as if the texts had been compared; an edit of another text is of no use."""
    draw, text = random.Random(11), repeated("python", 20_000)
    known, compared = tree_of(text), tree_of(text)
    for _ in range(200):
        at, size, new = draw.randrange(len(text)), draw.choice([0, 0, 1, 5]), draw.choice(["x", "\n", " = 1", ""])
        former, text = text, text[:at] + new + text[at + size :]
        assert compared.update(text) == (text != former)
        with monkeypatch.context() as patch:
            patch.setattr(document_tree, "difference", None)
            known.update(text, TextEdit(former, at, min(at + size, len(former)), at + len(new)))
        assert known.text == text
        one, other = known.excerpt(at), compared.excerpt(at)
        assert one is not None
        assert other is not None
        assert one.before[-200:] == other.before[-200:] == text[max(at - 200, 0) : at]
        assert one.after[:200].rstrip() == other.after[:200].rstrip()
    known.update(text + "x = 1\n", TextEdit("another text", 0, 0, 5))
    assert known.text == text + "x = 1\n"


async def test_an_edit_in_other_line_ends_is_not_taken_for_one_of_the_parsed_text() -> None:
    """With a lone CR at its top the document is parsed with LF, and an edit of it has other offsets."""
    text = repeated("python", 30_000)
    former = text[:15_000].replace("\n", "\r\n") + text[15_000:]
    now, trees = "x = 1\r" + former, DocumentTrees(is_steady=True)
    trees.update("file:///a.py", "python", former)
    trees.update("file:///a.py", "python", now, TextEdit(former, 0, 0, 6))
    moved, fresh = trees._entries["file:///a.py"].tree, tree_of(to_lf(now))
    trees.forget("file:///a.py")
    assert all(moved.excerpt(offset) == fresh.excerpt(offset) for offset in list(line_starts(to_lf(now)))[::20])


def test_a_parse_goes_on_where_it_was_interrupted() -> None:
    text = repeated("python", 300_000)
    tree = DocumentTree("python")
    tree.update(text)
    tree.work(0.0)
    assert tree.is_parsing
    assert not tree.is_parsed
    changed = "import os\n" + text
    tree.update(changed)  # The user goes on typing meanwhile.
    slices = 0
    while not tree.is_current:
        tree.work(5.0)
        slices += 1
    assert slices > 1
    offset = len(changed) // 2
    assert tree.excerpt(offset) == tree_of(changed).excerpt(offset)


def test_text_that_keeps_the_parser_busy_is_given_up_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_tree, "MAX_PARSE_MS", 0.0)
    tree = DocumentTree("python")
    tree.update(repeated("python", 300_000))
    tree.work(0.0)
    assert tree.is_current
    assert tree.excerpt(1000) is None
    tree.update("x = 1\n")
    assert tree.is_current


async def viewed(
    text: str, offset: int, language: str = "python", trees: DocumentTrees | None = None, uri: str = "file:///a"
) -> tuple[View, DocumentTrees]:
    """Return the view of a document with its excerpt, and the trees."""
    trees = DocumentTrees() if trees is None else trees
    snapshot = Snapshot(uri, 1, language, text, offset)
    return await trees.parsed(View.of(snapshot, 10_000, 3000), snapshot), trees


async def test_a_small_document_is_its_own_excerpt_and_needs_no_tree() -> None:
    view, trees = await viewed("x = 1\r\ny = 2\r\n", 7)
    assert view.window.excerpt == Excerpt("x = 1\n", "y = 2\n")
    assert len(trees) == 0


async def test_a_language_without_a_grammar_and_a_huge_document_have_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    view, trees = await viewed("a: 1\n" * 4000, 10_000, "yaml")
    assert view.window.excerpt is None
    assert len(trees) == 0
    monkeypatch.setattr(document_trees, "LARGEST", 20_000)
    view, trees = await viewed("x = 1\n" * 4000, 12_000)
    assert view.window.excerpt is None
    assert len(trees) == 0


async def test_trees_are_bounded_in_number_and_size_and_forgotten_with_their_documents(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document_trees, "MAX_DOCUMENTS", 3)
    trees = DocumentTrees()
    for number in range(5):
        await viewed(repeated("python", 10_000), 5000, trees=trees, uri=f"file:///{number}")
    assert list(trees._entries) == ["file:///2", "file:///3", "file:///4"]
    monkeypatch.setattr(document_trees, "MAX_CHARACTERS", 25_000)
    view, _ = await viewed(repeated("python", 20_000), 5000, trees=trees, uri="file:///5")
    assert view.window.excerpt is not None
    assert list(trees._entries) == ["file:///5"]
    trees.forget("file:///5")
    assert len(trees) == 0
    trees.close()


async def test_the_loop_serves_others_while_a_large_document_is_parsed_for_the_first_time() -> None:
    trees = DocumentTrees()
    turns = 0

    async def other_work() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other_work())
    view, _ = await viewed(repeated("python", 1_000_000), 500_000, trees=trees)
    task.cancel()
    trees.close()
    assert view.window.excerpt is not None
    assert turns > 5


async def test_a_large_edit_is_parsed_at_once_although_the_tree_was_to_wait_for_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(document_trees, "IDLE_S", 60.0)
    monkeypatch.setattr(document_trees, "PATIENCE_S", 30.0)
    text = repeated("python", 500_000)
    middle = text.index("\n\n", 250_000) + 2
    _, trees = await viewed(text, middle)
    typed = f"{text[:middle]}x = 1\n{text[middle:]}"
    await viewed(typed, middle, trees=trees)
    await asyncio.sleep(0)  # From here on the tree waits for a pause in the typing.
    paste = "y = 2\n" * 500
    pasted = f"{typed[:middle]}{paste}{typed[middle:]}"
    view, _ = await viewed(pasted, middle, trees=trees)
    trees.close()
    assert view.window.excerpt is not None


async def test_an_excerpt_follows_what_the_popup_has_selected() -> None:
    text = repeated("python", 20_000)
    offset = text.index("\n", 10_000) + 1
    snapshot = Snapshot("file:///a", 1, "python", text, offset, selected=(offset, offset + 3, "chosen"))
    trees = DocumentTrees()
    view = await trees.parsed(View.of(snapshot, 10_000, 3000), snapshot)
    assert view.window.excerpt is not None
    assert view.window.excerpt.before.endswith("\nchosen")
    assert text[offset + 3 :].startswith(view.window.excerpt.after.partition("\n")[0])


async def test_a_closed_document_ends_the_parse_of_its_text() -> None:
    trees = DocumentTrees()
    waiting = asyncio.create_task(viewed(repeated("python", 1_000_000), 500_000, trees=trees))
    await asyncio.sleep(0)
    trees.forget("file:///a")
    view, _ = await waiting
    assert view.window.excerpt is None
