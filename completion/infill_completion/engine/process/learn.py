"""``python -P -m infill_completion.engine learn``: one repository, in this process, at the lowest priority.

The server starts it while the machine is idle.  A line ``pause`` on standard input halts it within a fraction of a
second, ``go`` lets it go on, and the end of the input ends it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from infill_completion.catalog.learned import (
    Learned,
    adapter_name,
    adapter_path,
    describe,
    discard,
    folder_of,
    forget,
    forget_vanished,
    lock_of,
    prepared_folder,
    read_learned,
)
from infill_completion.engine import memory
from infill_completion.engine.errors import ModelError, ServeError
from infill_completion.engine.learning.history import files_digest, history_of, newest_commit, top_of
from infill_completion.engine.learning.objects import HistoryError
from infill_completion.engine.process.lesson_rules import LessonRules
from infill_completion.engine.process.lock import FileLock
from infill_completion.engine.scheduler.metrics import resident_bytes
from infill_completion.settings import Settings

if TYPE_CHECKING:
    from infill_completion.engine.checkpoints.adapters import Adapter

_LOWEST_PRIORITY = 19
_FEWEST_THREADS = 2
_IDLE_PRIORITY_CLASS = 0x40
EXIT_STOPPED = 3
_AGAIN = timedelta(days=1)


class Permission:
    """Whether learning may go on, as lines of text say."""

    def __init__(self) -> None:
        self._may = threading.Event()
        self._may.set()

    @property
    def may_go_on(self) -> bool:
        """Whether learning may go on now."""
        return self._may.is_set()

    def obey(self, lines: Iterable[str]) -> None:
        """Read orders in a thread; the process ends with them."""

        def read() -> None:
            for line in lines:
                if line.strip() == "pause":
                    self._may.clear()
                elif line.strip() == "go":
                    self._may.set()
            os._exit(EXIT_STOPPED)  # nothing is written in part

        threading.Thread(target=read, daemon=True).start()

    def wait(self) -> None:
        """Return once learning may go on."""
        self._may.wait()


def threads_of(cores: int) -> int:
    """Return how many threads learn: half of the cores, but two where there are two, since they are idle."""
    return max(min(cores, _FEWEST_THREADS), cores // 2)


def yield_to_others() -> None:
    """Give this process the lowest priority."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _IDLE_PRIORITY_CLASS)
    else:
        os.nice(_LOWEST_PRIORITY)


def learn(
    settings: Settings, folder: Path, permission: Permission, roots: Sequence[Path] = (), *, only_new: bool = False
) -> Learned:
    """Learn the repository of a folder, keep what was learned, and return what came of it.

    Args:
        settings: Which model, what is private, and how much it may take.
        folder: Lies in the repository.
        permission: Halts it.
        roots: The folders from which the rules about private files count, besides ``folder`` and the repository's top.
        only_new: Do nothing if there is no commit since the model learned last, or if that was less than a day ago.

    Raises:
        ServeError: It cannot be learned; the message is a sentence with the next step.
    """
    yield_to_others()
    try:
        top = top_of(folder)
        lock = FileLock(lock_of(top))
        if not lock.acquire():
            raise ServeError(f"Another process is learning {top}; wait until it has ended.")
        try:
            forget_vanished(datetime.now(UTC))
            rules = LessonRules(settings.privacy.ignore, [*roots, folder, top])
            return _learned(settings, top, permission, rules, only_new=only_new)
        finally:
            lock.release()
    except (HistoryError, ModelError) as error:
        raise ServeError(str(error)) from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # in the files of a model
        kind = type(error).__name__
        raise ServeError(f"The model cannot be read ({kind}); fetch it again, or choose another one.") from error
    except OSError as error:
        raise ServeError(f"What was learned cannot be kept ({error.strerror}); check the disk.") from error


def _learned(settings: Settings, top: Path, permission: Permission, rules: LessonRules, *, only_new: bool) -> Learned:
    """Learn a repository that no other process learns now."""
    is_private = rules.read()
    before = _still_permitted(top, rules, only_new=only_new)
    newest = newest_commit(top)
    is_due = before is None or (before.commit != newest and not _was_today(before))
    if only_new and before is not None and not is_due and _is_of_model(before, top, *_model(settings)):
        return before
    files = files_digest(top, newest, is_private)  # before they are read, so that a change meanwhile is noticed
    history = history_of(top, is_private, permission.wait)
    # Everything above needs no torch, and most folders end there.
    name, base = _model(settings)
    if only_new and before is not None and before.is_used and settings.engine.model == "auto" and before.model != name:
        # What `auto` is depends on the memory that is free beside the engine; that of its own model must not go.
        return before
    import torch

    from infill_completion.engine.checkpoints.devices import cores
    from infill_completion.engine.learning.school import Limits, School

    torch.set_num_threads(1)
    memory.give_back_large()
    limits = Limits(settings.engine.learn_minutes * 60, settings.engine.learn_memory_mb << 20)
    school = School(base, history, limits, permission.wait, resident_bytes, threads_of(cores()))
    report = school.learn()
    hashes = rules.hashes()  # before they are read again, as above
    if files_digest(top, newest, rules.read()) != files:
        _still_permitted(top, rules)
        raise ServeError(f"What may be learned of {top} has changed meanwhile, so nothing was kept; learn it again.")
    if before is not None and read_learned(folder_of(top)) != before:
        raise ServeError(f"What was learned in {top} has been deleted meanwhile, so nothing was kept; learn it again.")
    about = Learned(
        str(top), name, newest, files, datetime.now(UTC).isoformat(timespec="seconds"), round(report.seconds / 60, 2),
        report.tokens, len(history.holes), round(report.before.loss, 4), round(report.after.loss, 4),
        report.before.right, report.after.right, report.has_passed,
    )  # fmt: skip
    _keep(top, about, school.adapter() if report.has_passed else None, lambda folder: rules.note(folder, hashes))
    return about


def _was_today(before: Learned) -> bool:
    """Return whether something was learned in the last 24 hours; a time that is yet to come does not count."""
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(before.learned_at)
    except (ValueError, TypeError):
        return False
    return timedelta(0) <= age < _AGAIN


def _is_of_model(before: Learned, top: Path, name: str, base: Path) -> bool:
    """Return whether what was learned can be used with a model, which may be another one of the same name by now."""
    if before.model != name or not before.is_used:
        return before.model == name
    from infill_completion.engine.checkpoints.adapters import usable_adapter

    file = adapter_path(top)
    return file is not None and usable_adapter(str(file), base, can_apply=True)[0] is not None


def _keep(top: Path, about: Learned, adapter: Adapter | None, note: Callable[[Path], None]) -> None:
    """Keep what was learned, and by which rules, or nothing of it.

    Raises:
        OSError: There is no room, for example.
    """
    folder = prepared_folder(top)
    file = folder / adapter_name(about)
    try:
        if adapter is not None:
            adapter.write(file)
            note(folder)
        describe(folder, about)
    except OSError:
        with contextlib.suppress(OSError):
            discard(folder, file)
        raise


def _still_permitted(top: Path, rules: LessonRules, *, only_new: bool = False) -> Learned | None:
    """Return what was learned before; it is deleted if the rules of today permit other files.

    Raises:
        ServeError: It was deleted, was learned today, and only what is new is to be learned.
    """
    folder = folder_of(top)
    before, rules = read_learned(folder), rules.with_noted(folder)
    if before is None:
        return None
    try:
        if before.files == files_digest(top, before.commit, rules.read()):
            if not before.is_used or rules.stand(folder):
                return before
            hashes = rules.hashes()
            if before.files == files_digest(top, before.commit, rules.read()):  # by the rules of these hashes
                rules.note(folder, hashes)
                return before
    except HistoryError:  # that commit is gone, so nobody can tell
        pass
    forget(folder)
    if only_new and _was_today(before):  # windows with different rules would teach and forget in turn
        raise ServeError(
            f"What was learned in {top} has been deleted, since other files are private now; it is learned again "
            "tomorrow, or by `infill-ls learn now`."
        )
    return None


def _model(settings: Settings) -> tuple[str, Path]:
    """Return the name and the place of the model that the settings mean.

    Raises:
        ModelError: It is not on this machine.
        ServeError: It does not run on the CPU.
    """
    from infill_completion.engine.checkpoints import devices
    from infill_completion.engine.checkpoints.selection import choose_model

    device = devices.choose_device(settings.engine.device)
    if device.type != "cpu":
        raise ServeError(
            f"The model runs on {device}, and what is learned is used on a CPU only; set engine.device to `cpu`, "
            "or engine.learn to false."
        )
    return choose_model(settings.engine, device)


def sentence(about: Learned) -> str:
    """Return what came of learning, for people."""
    was = f"loss {about.loss_before:.3f} to {about.loss_after:.3f}, right {about.right_before} to {about.right_after}"
    verdict = "used from now on" if about.is_used else "not better, so not used"
    return f"{about.repository}: {about.holes} places of the newest commits, {was}: {verdict}."


def run(settings: Settings, folder: Path, roots: Sequence[Path], *, is_ordered: bool, only_new: bool) -> int:
    """Learn and print what came of it.

    Args:
        settings: As for :func:`learn`.
        folder: As for :func:`learn`.
        roots: As for :func:`learn`.
        is_ordered: Whether orders come on standard input.
        only_new: As for :func:`learn`.

    Raises:
        ServeError: As :func:`learn`.
    """
    permission = Permission()
    if is_ordered:
        permission.obey(sys.stdin)
    print(sentence(learn(settings, folder, permission, roots, only_new=only_new)))  # noqa: T201
    return 0
