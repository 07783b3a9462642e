"""A file that becomes private: next edits no longer follow from its changes or its imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.document.changes import ChangeClock, LineChange
from infill_completion.edits.explained import EditExplanation
from infill_completion.edits.proposal import EditRequest, NextEditsAnswer
from infill_completion.edits.window import EditWindow
from infill_completion.privacy import ignore_files, rules
from infill_completion.privacy.rule_watch import RuleWatch
from infill_completion.settings import Settings

SETTINGS = Settings()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let changed ignore files count at once."""
    monkeypatch.setattr(rules, "KEEP_S", 0.0)
    monkeypatch.setattr(ignore_files, "KEEP_S", 0.0)
    monkeypatch.setattr("infill_completion.privacy.rule_watch.KEEP_S", 0.0)


class Desk:
    """A window on a folder with two files."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.window, self._clock = folder, EditWindow(), ChangeClock()

    def change(self, name: str, line: int, old: str, new: str) -> None:
        change = LineChange(line, (old,), (new,), self._clock.tick())
        self.window.follow(
            (self.folder / name).as_uri(), [change], is_broken=False, settings=SETTINGS, roots=[self.folder]
        )

    def propose(self, name: str, text: str, offset: int, notes: EditExplanation | None = None) -> NextEditsAnswer:
        request = EditRequest((self.folder / name).as_uri(), 1, "python", text, offset)
        return self.window.propose(request, (), SETTINGS, [self.folder], lambda: False, notes)


@pytest.mark.parametrize("is_private", [False, True])
def test_its_changes_are_no_example(tmp_path: Path, is_private: bool) -> None:
    desk, notes = Desk(tmp_path), EditExplanation()
    desk.change("vault.py", 0, "send(alpha, 1)\n", "send(alpha, 1, timeout=9)\n")
    desk.change("main.py", 0, "send(beta, 2)\n", "send(beta, 2, timeout=9)\n")
    if is_private:
        (tmp_path / ".infillignore").write_text("vault.py\n")
    text = "send(beta, 2, timeout=9)\nx = 1\ny = 2\nz = 3\nother.thing(send(gamma, 3))\n"
    desk.propose("main.py", text, 0, notes)
    assert ("two changes that are alike" in notes.to_text()) is not is_private


@pytest.mark.parametrize("is_private", [False, True])
def test_its_imports_are_proposed_no_more(tmp_path: Path, is_private: bool) -> None:
    for number in range(5):
        (tmp_path / f"vault{number}.py").write_text("from acme.merger import Bluebird\n\nx = Bluebird()\n")
    (tmp_path / "main.py").write_text("import os\n\nprint(os)\ny = 2\n")
    desk = Desk(tmp_path)
    while desk.window.read_imports("python", SETTINGS, [tmp_path]):
        pass
    (tmp_path / ".infillignore").write_text("vault*.py\n" if is_private else "")
    desk.change("main.py", 3, "y = 2\n", "y = Bluebird()\n")
    text = "import os\n\nprint(os)\ny = Bluebird()\n\n"
    assert not desk.propose("main.py", text, len(text)).proposals  # they are read again
    while desk.window.read_imports("python", SETTINGS, [tmp_path]):
        pass
    proposed = [each.text for each in desk.propose("main.py", text, len(text)).proposals]
    assert ("Bluebird" in str(proposed)) is not is_private


def test_a_watch_notices_new_and_changed_files_and_looks_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infill_completion.privacy.rule_watch.KEEP_S", 5.0)
    now = [0.0]
    watch = RuleWatch(lambda: now[0])
    watch.files |= {tmp_path / ".gitignore", tmp_path / "sub" / ".gitignore"}
    watch.note()
    (tmp_path / ".gitignore").write_text("*.log\n")
    now[0] = 4.9
    assert not watch.has_changed()
    now[0] = 5.0
    assert watch.has_changed()
    now[0] = 10.0
    assert not watch.has_changed()
    (tmp_path / ".gitignore").unlink()
    now[0] = 15.0
    assert watch.has_changed()
