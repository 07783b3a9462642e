"""The texts of a workspace in an engine that outlives windows, and that windows share."""

from __future__ import annotations

from pathlib import Path

import pytest

from infill_completion.api import EngineUnavailableError, HeldTexts, TextUpdate
from tests.context.test_feed import Fixture, Holder, write


class LateHolder(Holder):
    """An engine whose answers to updates with texts come too late."""

    is_late = False

    async def hold(self, update: TextUpdate) -> HeldTexts:
        held = await super().hold(update)
        if self.is_late and update.texts:
            raise EngineUnavailableError("It took too long.")
        return held


@pytest.fixture
def holder() -> LateHolder:
    return LateHolder()


def window(root: Path, holder: Holder, *private: str) -> Fixture:
    fixture = Fixture(root, holder)
    fixture.private |= {*private}
    return fixture


def replaced(holder: Holder) -> int:
    """Return how often all texts were dropped."""
    return sum(update.replace for update in holder.updates)


@pytest.mark.parametrize("how", ["private", "deleted"])
async def test_what_a_window_before_has_sent_does_not_stay(tmp_path: Path, holder: LateHolder, how: str) -> None:
    write(tmp_path / "a.py", "a = 1\n")
    write(tmp_path / "secret.py", "pin = 1234\n")
    before = window(tmp_path, holder)
    await before.follow()
    if how == "deleted":
        (tmp_path / "secret.py").unlink()
    assert (await window(tmp_path, holder, "secret.py").follow())[0]
    assert holder.texts(before.workspace) == {"a = 1\n"}


async def test_a_window_without_files_lets_the_engine_drop_what_was_sent_before(
    tmp_path: Path, holder: LateHolder
) -> None:
    write(tmp_path / "secret.py", "pin = 1234\n")
    before = window(tmp_path, holder)
    await before.follow()
    await window(tmp_path, holder, "secret.py").follow()
    assert holder.texts(before.workspace) == set()


async def test_what_may_have_arrived_is_removed_too(tmp_path: Path, holder: LateHolder) -> None:
    write(tmp_path / "a.py", "a = 1\n")
    write(tmp_path / "secret.py", "pin = 1234\n")
    only = window(tmp_path, holder)
    holder.is_late = True
    assert await only.follow() == ("", "")
    assert "pin = 1234\n" in holder.texts(only.workspace)
    holder.is_late = False
    only.private.add("secret.py")
    assert (await only.follow())[0]
    assert holder.texts(only.workspace) == {"a = 1\n"}


async def test_windows_do_not_drop_each_others_texts_for_ever(tmp_path: Path, holder: LateHolder) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.py", f"{name} = 1\n")
    windows = [window(tmp_path, holder) for _ in range(3)]
    for _ in range(3):
        for one in windows:
            await one.follow()
    assert replaced(holder) == 3
    holder.updates.clear()
    assert all([(await one.follow())[0] for one in windows])
    assert [update.texts for update in holder.updates] == [()] * 3
    holder.restart()
    for _ in range(3):
        for one in windows:
            await one.follow()
    assert replaced(holder) == 3
    assert holder.texts(windows[0].workspace) == {"a = 1\n", "b = 1\n"}


async def test_a_removal_and_lost_texts_at_once_are_both_noticed(tmp_path: Path, holder: LateHolder) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / f"{name}.py", f"{name} = 1\n")
    only = window(tmp_path, holder)
    await only.follow()
    holder.store.update(TextUpdate(only.workspace.name, replace=True))
    (tmp_path / "c.py").unlink()
    await only.follow()
    assert holder.texts(only.workspace) == {"a = 1\n", "b = 1\n"}


async def test_what_another_window_has_left_is_dropped(tmp_path: Path, holder: LateHolder) -> None:
    write(tmp_path / "a.py", "a = 1\n")
    first, second = window(tmp_path, holder, "new.py"), window(tmp_path, holder)
    await first.follow()
    await second.follow()
    write(tmp_path / "new.py", "pin = 1234\n")
    await second.follow()
    first.now += 60
    for _ in range(2):  # the second window is closed
        await first.follow()
    assert holder.texts(first.workspace) == {"a = 1\n"}


async def test_windows_that_know_different_files_drop_texts_ever_more_seldom(
    tmp_path: Path, holder: LateHolder
) -> None:
    for name in ("a", "b"):
        write(tmp_path / f"{name}.py", f"{name} = 1\n")
    windows = [window(tmp_path, holder, "b.py"), window(tmp_path, holder)]
    for _ in range(720):  # an hour
        for one in windows:
            await one.follow()
    assert replaced(holder) <= 2 + 6
