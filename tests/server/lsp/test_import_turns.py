"""Threads that import parts of one package at the same time."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from infill_server.lsp.import_turns import import_in_turn

DEADLINE_S = 20.0
STARTED, RELEASED = threading.Event(), threading.Event()


def test_what_two_threads_import_from_both_ends_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package waits in the middle of its import until the other thread has begun with the part that it needs."""
    folder = tmp_path / "two_ends"
    folder.mkdir()
    here = "import tests.server.lsp.test_import_turns as at\n"
    (folder / "__init__.py").write_text(
        f"{here}at.STARTED.set()\nat.RELEASED.wait(20)\nfrom two_ends.part import VALUE\n"
    )
    (folder / "part.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, "tests.server.lsp.test_import_turns", sys.modules[__name__])
    failed: list[Exception] = []

    def work(name: str) -> None:
        try:
            import_in_turn(name)
        except Exception as error:
            failed.append(error)

    first = threading.Thread(target=work, args=["two_ends"])
    first.start()
    assert STARTED.wait(DEADLINE_S)
    second = threading.Thread(target=work, args=["two_ends.part"])
    second.start()
    RELEASED.set()
    for thread in (first, second):
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    assert failed == []
    assert sys.modules["two_ends"].VALUE == 1
