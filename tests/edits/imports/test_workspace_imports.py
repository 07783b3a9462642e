"""What the files of a workspace import: what is read, when it is read again, and what must not be read."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from infill_completion.document.workspace import OpenDocument
from infill_completion.edits.imports import workspace_imports as module
from infill_completion.edits.imports.families import languages_read_with
from infill_completion.edits.imports.workspace_imports import WorkspaceImports, path_in_workspace


def read(imports: WorkspaceImports, root: Path, private: str = "") -> list[str]:
    """Return how many files import each name, after all files were read."""
    for _ in imports.steps("typescript", [root], lambda path: path.name == private):
        pass
    table = imports.table("typescript")
    assert table is not None
    return sorted(f"{name.name} {file.path}" for file in table.files() for name in file.names)


def test_the_files_of_all_languages_of_a_family_are_read_but_no_private_or_installed_ones(tmp_path: Path) -> None:
    for name in ("a.ts", "b/c.tsx", "d.js", "node_modules/e.ts", ".git/f.ts", "g.py", "secret.ts"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import { x } from 'y';\n")
    assert read(WorkspaceImports(), tmp_path, "secret.ts") == ["x /a.ts", "x /b/c.tsx", "x /d.js"]


def test_changed_and_deleted_files_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, gone, imports = tmp_path / "a.ts", tmp_path / "b.ts", WorkspaceImports()
    file.write_text("import { x } from 'y';\n")
    gone.write_text("import { x } from 'y';\n")
    assert not imports.is_fresh("typescript", [tmp_path], ())
    assert read(imports, tmp_path) == ["x /a.ts", "x /b.ts"]
    assert imports.is_fresh("typescript", [tmp_path], ())
    monkeypatch.setattr(module, "FRESH_S", 0)
    assert not imports.is_fresh("typescript", [tmp_path], ())
    gone.unlink()
    file.write_text("import { longer } from 'y';\n")
    assert read(imports, tmp_path) == ["longer /a.ts"]


def test_all_is_forgotten_when_other_files_are_private(tmp_path: Path) -> None:
    imports = WorkspaceImports()
    (tmp_path / "a.ts").write_text("import { x } from 'y';\n")
    imports.is_fresh("typescript", [tmp_path], ())
    assert read(imports, tmp_path) == ["x /a.ts"]
    assert not imports.is_fresh("typescript", [tmp_path], ("a.ts",))
    assert read(imports, tmp_path, "a.ts") == []


def test_reading_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE_MS", 0)
    for number in range(5):
        (tmp_path / f"a{number}.ts").write_text("import { x } from 'y';\n")
    imports = WorkspaceImports()
    pieces = list(itertools.takewhile(bool, (imports.read_on("typescript", [tmp_path], bool) for _ in range(99))))
    assert 0 < len(pieces) < 99
    assert pieces == [True] * len(pieces)


def test_an_open_document_counts_instead_of_its_file(tmp_path: Path) -> None:
    imports = WorkspaceImports()
    (tmp_path / "a.ts").write_text("import { x } from 'y';\n")
    read(imports, tmp_path)
    document = OpenDocument((tmp_path / "a.ts").as_uri(), "typescript", 2, "import { z } from 'y';\n")
    table = imports.open("typescript", [document], [tmp_path])
    assert table is not None
    assert [way.files for way in table.ways("z", "/b.ts")] == [1]
    assert table.ways("x", "/b.ts") == []
    imports.open("typescript", [], [tmp_path])
    assert [way.files for way in table.ways("x", "/b.ts")] == [1]


def test_languages_are_read_with_those_that_import_in_the_same_way() -> None:
    assert languages_read_with("javascript") == {"javascript", "javascriptreact", "typescript", "typescriptreact"}
    assert languages_read_with("c") == languages_read_with("markdown") == frozenset()


@pytest.mark.parametrize(
    ("uri", "roots", "path"),
    [
        ("file:///w/a/b.py", ["/w"], "/a/b.py"),
        ("file:///w/a/b.py", ["/w", "/v"], "/w/a/b.py"),
        ("file:///x/b.py", ["/w"], "/x/b.py"),
        ("a/b.py", [], "/a/b.py"),
        ("untitled:1", ["/w"], "/untitled/1"),
    ],
)
def test_paths_begin_at_the_folder_of_the_workspace(uri: str, roots: list[str], path: str) -> None:
    assert path_in_workspace(uri, [Path(root) for root in roots]) == path
