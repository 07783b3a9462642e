"""The index of the whole workspace: what it finds, what it must not read, and its limits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infill_completion.context import workspace_index as module
from infill_completion.context.inverted_index import InvertedIndex
from infill_completion.context.similar import WORD
from infill_completion.context.workspace_index import WorkspaceIndex
from infill_completion.suggest.completer import Completer
from tests.context.test_context import AT_ONCE, HERE, PRICES, SHAPES, EditorDocuments
from tests.suggest.scripted import ScriptedEngine, at, says, until

QUERY = frozenset(WORD.findall(HERE))


def indexed(root: Path, private: frozenset[str] = frozenset()) -> WorkspaceIndex:
    found = WorkspaceIndex("python", [root], lambda path: path.name in private)
    for _ in found.steps():
        pass
    return found


def paths(found: WorkspaceIndex, root: Path, besides: frozenset[Path] = frozenset()) -> list[str]:
    snippets = found.best(QUERY, besides, 9)
    return [Path(snippet.uri.removeprefix("file://")).relative_to(root).as_posix() for snippet in snippets]


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_the_similar_part_of_a_file_in_any_folder_is_found(tmp_path: Path) -> None:
    far = "x = 1\n" * 500 + SHAPES
    write(tmp_path, a__deep__down__shapes_py=far, prices_py=PRICES, notes__shapes_txt=SHAPES)
    snippet = indexed(tmp_path).best(QUERY, frozenset(), 2)[0]
    assert snippet.uri.endswith("a/deep/down/shapes.py")
    assert "class Circle:" in snippet.text
    assert snippet.kind == "workspace"


def test_private_files_generated_folders_and_open_files_are_left_out(tmp_path: Path) -> None:
    names = ("secret_py", "node_modules__shapes_py", "_hidden__shapes_py".replace("_hidden", ".hidden"), "open_py")
    write(tmp_path, shapes_py=SHAPES, **dict.fromkeys(names, SHAPES))
    found = indexed(tmp_path, frozenset({"secret.py"}))
    assert paths(found, tmp_path, frozenset({tmp_path / "open.py"})) == ["shapes.py"]


def test_an_indexed_file_that_becomes_private_is_not_shown(tmp_path: Path) -> None:
    write(tmp_path, shapes_py=SHAPES)
    hidden: set[str] = set()
    found = WorkspaceIndex("python", [tmp_path], lambda path: path.name in hidden)
    for _ in found.steps():
        pass
    assert paths(found, tmp_path) == ["shapes.py"]
    hidden.add("shapes.py")
    assert paths(found, tmp_path) == []


@pytest.mark.parametrize("edited", ["a.py", "link.py"])
def test_a_link_to_the_edited_file_is_left_out(tmp_path: Path, edited: str) -> None:
    write(tmp_path, a_py=SHAPES, b_py=SHAPES)
    (tmp_path / "link.py").symlink_to("a.py")
    assert paths(indexed(tmp_path), tmp_path, frozenset({tmp_path / edited})) == ["b.py"]


def test_equal_files_come_in_the_order_of_their_names_in_any_order_of_indexing(tmp_path: Path) -> None:
    write(tmp_path, b_py=SHAPES)
    found = indexed(tmp_path)
    write(tmp_path, a_py=SHAPES, c_py=SHAPES)
    for _ in found.steps():
        pass
    assert paths(found, tmp_path) == paths(indexed(tmp_path), tmp_path) == ["a.py", "b.py", "c.py"]


def test_another_pass_finds_changed_and_deleted_files(tmp_path: Path) -> None:
    write(tmp_path, a_py=SHAPES, b_py=SHAPES, c_py="nothing = 1\n")
    found = indexed(tmp_path)
    write(tmp_path, a_py="nothing = 1\n", c_py=SHAPES)
    os.utime(tmp_path / "a.py", ns=(1, 1))
    os.utime(tmp_path / "c.py", ns=(1, 1))
    (tmp_path / "b.py").unlink()
    for _ in found.steps():
        pass
    assert paths(found, tmp_path) == ["c.py"]


def test_nothing_is_returned_before_the_first_pass_is_complete(tmp_path: Path) -> None:
    write(tmp_path, a_py=SHAPES, b_py=SHAPES)
    found = WorkspaceIndex("python", [tmp_path], lambda _: False)
    for _ in found.steps():
        assert paths(found, tmp_path) == []
        assert not found.knows("Circle")
    assert paths(found, tmp_path) == ["a.py", "b.py"]
    assert found.knows("Circle")
    assert not found.knows("Hexagon")


def test_a_huge_workspace_is_indexed_up_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FILES", 2)
    write(tmp_path, a_py=SHAPES, b_py=SHAPES, c_py=SHAPES)
    assert paths(indexed(tmp_path), tmp_path) == ["a.py", "b.py"]
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    assert paths(indexed(tmp_path), tmp_path) == []


def test_a_workspace_of_more_windows_than_are_kept_stays_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The windows of an earlier pass leave as much room to the next one, also for a file that comes before them."""
    monkeypatch.setattr(module, "MAX_WINDOWS", 2)
    write(tmp_path, b_py=SHAPES, c_py=SHAPES, d_py=SHAPES)
    found = indexed(tmp_path)
    assert paths(found, tmp_path) == ["b.py", "c.py"]
    for _ in found.steps():
        pass
    assert paths(found, tmp_path) == ["b.py", "c.py"]
    write(tmp_path, a_py=SHAPES)
    for _ in found.steps():
        pass
    assert paths(found, tmp_path) == ["a.py", "b.py"]


def test_a_folder_inside_another_one_takes_no_room_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WINDOWS", 3)
    write(tmp_path, a__a_py=SHAPES, a__b_py=SHAPES, z__z_py=SHAPES)
    found = WorkspaceIndex("python", [tmp_path / "a", tmp_path], lambda _: False)
    for _ in found.steps():
        pass
    assert paths(found, tmp_path) == ["a/a.py", "a/b.py", "z/z.py"]


def test_each_step_returns_to_the_event_loop_soon(tmp_path: Path) -> None:
    """A file of thousands of lines takes many steps."""
    write(tmp_path, a_py=SHAPES * 1000)
    assert sum(1 for _ in WorkspaceIndex("python", [tmp_path], lambda _: False).steps()) > 500


def test_removed_windows_are_not_found_and_make_the_index_stale() -> None:
    index: InvertedIndex[str] = InvertedIndex()
    numbers = [index.add(f"{number}", 0, ("alpha", f"word{number}")) for number in range(3000)]
    assert index.best(["word7", "alpha"], 1) == [("7", 0)]
    for number in numbers[:2000]:
        index.remove(number)
        index.remove(number)
    assert len(index) == 1000
    assert index.is_stale
    assert index.best(["word7"], 1) == []


async def test_the_completer_indexes_in_the_background_and_respects_ignore_files(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("generated/\n")
    (tmp_path / ".infillignore").write_text("private_*\n")
    write(tmp_path, far__away__shapes_py=SHAPES, generated__shapes_py=SHAPES, src__main_py="")
    (tmp_path / "far" / "private_shapes.py").write_text(SHAPES)
    engine = ScriptedEngine(says("1"))
    completer = Completer(engine, AT_ONCE, EditorDocuments(folders=[tmp_path]))
    uri = (tmp_path / "src" / "main.py").as_uri()
    await completer.complete(at("x = |\n", uri=uri))
    await until(lambda: completer._gatherer.knows("Circle"))
    await completer.complete(at("# a new line\n" * 20 + HERE, uri=uri, version=2))
    await completer.aclose()
    last = next(request for request in reversed(engine.requests) if request.prefix.endswith("return "))
    assert [item.path for item in last.context] == ["far/away/shapes.py"]
