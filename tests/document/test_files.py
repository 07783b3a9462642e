"""Reading files: what counts as text, and that special files block nothing."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from infill_completion.context.nearby import NearbyFiles
from infill_completion.context.workspace_index import WorkspaceIndex
from infill_completion.document.files import read_source
from infill_completion.privacy.rules import Privacy

DEADLINE_S = 20.0


def test_a_file_of_moderate_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes("größe = 1\r\n".encode())
    assert read_source(file, 100) == "größe = 1\n"
    assert read_source(file, 4) is None


@pytest.mark.parametrize("name", ["missing.py", "folder", "bytes.py", "binary.py", "nul\0.py", "x" * 5000])
def test_a_file_that_is_not_text_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bytes.py").write_bytes(b"\xff\xfe")
    (tmp_path / "binary.py").write_bytes(b"x = 1\n\0")
    assert read_source(tmp_path / name, 100) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_workspace_blocks_nothing(tmp_path: Path) -> None:
    for name in ("pipe.py", ".gitignore", ".infillignore"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "main.py").write_text("x = 1\n")
    main = tmp_path / "main.py"
    seen: list[object] = []

    def look() -> None:
        seen.append(Privacy([]).rule_for(main.as_uri(), [tmp_path]))
        for _ in WorkspaceIndex("python", [tmp_path], lambda _path: False).steps():
            pass
        seen.append(NearbyFiles().documents(main, "python", [tmp_path], lambda _path: False, lambda: True))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    assert seen == [None, []]
