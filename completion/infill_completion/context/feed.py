"""Sends the text of the workspace's files to an engine on this machine, which counts what follows what in them.

The engine reads no files. It gets those that the index of the workspace has found and that are not private, with their
secrets masked, under names that tell it nothing. They are checked again while the user types: what has become private
or was deleted is removed before anything else is sent, and what was saved replaces the old text.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from infill_completion.api import EngineUnavailableError, TextHolder, TextUpdate
from infill_completion.context.sent_texts import Names, SentTexts, Stamp, Workspace, name_of
from infill_completion.context.source_walk import PAUSE_S, PIECE_MS, IsPrivate
from infill_completion.document.files import identity_of, read_source
from infill_completion.document.lines import to_lf
from infill_completion.privacy.masking import mask_secrets

Refresh = Callable[[], Awaitable[Collection[Path]]]

MAX_FILE_BYTES = 200_000
# Of all files of a workspace, in the order of the index.
MAX_BYTES = 8_000_000
# One update. Masking it takes some 45 ms on a thread here, and encoding it 35 ms in the engine, beside the model's.
PIECE_CHARS = 64_000
# Nothing is read or sent until so long after the last request.
QUIET_S = 0.5
# The time after which files and rules are checked again; changed rules take effect as late elsewhere.
CHECK_S = 5.0
# Texts that have waited so long for a pause give way to the next check.
WAIT_S = 5.0
# Of one core, for checks of many files: 160 µs each, so 3,000 are checked every 15 s.
CHECK_SHARE = 0.05


class WorkspaceFeed:
    """Keeps an engine's copy of the workspace up to date.

    Args:
        holder: The engine; None where texts must not be sent.
        quiet_s: The time after the last request before anything is sent.
        clock: Counts seconds.

    Attributes:
        quiet_s: As given.
    """

    def __init__(
        self, holder: TextHolder | None, quiet_s: float = QUIET_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.quiet_s = quiet_s
        self._holder, self._clock = holder, clock
        self._sent: dict[str, SentTexts] = {}
        self._asked_s = clock()

    @property
    def has_sent(self) -> bool:
        """Whether the engine may have texts."""
        return bool(self._sent)

    def asked(self) -> None:
        """Record that a request is being made, so that the next texts wait."""
        self._asked_s = self._clock()

    def names(self, workspace: Workspace, path: Path) -> tuple[str, str]:
        """Return the engine's names for a workspace and a file in it.

        They are empty unless the engine has all of its files, and these were checked a moment ago.
        """
        sent = self._sent.get(workspace.name)
        if sent is None or not sent.counts(self._clock()):
            return "", ""
        return workspace.name, name_of(str(sent.path_of(path)))

    async def follow(self, workspace: Workspace, refresh: Refresh, is_private: IsPrivate) -> None:
        """Send what has changed since the last time; what is gone or private is removed first.

        Args:
            workspace: The workspace.
            refresh: Brings its index up to date, which may take seconds, and returns its files.
            is_private: Returns whether a file must not be sent.
        """
        sent = self._sent.setdefault(workspace.name, SentTexts(workspace))
        if self._holder is None or (sent.due_s is not None and self._clock() < sent.due_s):
            await refresh()
            return
        began_s = self._clock()
        sent.due_s = began_s + CHECK_S
        try:
            await self._forget([name for name, other in self._sent.items() if other.is_replaced_by(workspace)])
            names: Names = {}
            checked = await self._allowed(sent, list(sent.files), is_private, names)
            await self._remove(self._holder, sent, [path for path in sent.files if path not in checked])
            sent.checked_s = self._clock()
            wanted = _first(await self._allowed(sent, await refresh(), is_private, names, checked))
            sent.paths = names
            sent.interval_s = sent.due_s - began_s
            await self._send(self._holder, sent, wanted, is_private)
        except EngineUnavailableError:  # the next request tries again
            sent.is_complete = False

    async def forget(self) -> None:
        """Let the engine forget everything that was sent."""
        with contextlib.suppress(EngineUnavailableError):
            await self._forget(list(self._sent))

    async def _forget(self, names: list[str]) -> None:
        for name in names:
            if self._sent[name].files and self._holder is not None:
                await self._holder.hold(TextUpdate(name, replace=True))
            self._sent.pop(name, None)

    async def _send(
        self, holder: TextHolder, sent: SentTexts, wanted: Mapping[Path, Stamp], is_private: IsPrivate
    ) -> None:
        workspace = sent.workspace
        await self._remove(holder, sent, [path for path in sent.files if path not in wanted])
        await self._compare(holder, sent, len(wanted))
        changed = [path for path, stamp in wanted.items() if sent.files.get(path) != stamp]
        for piece in _pieces(changed, wanted):
            if not await self._is_quiet():
                return
            texts = await asyncio.to_thread(_texts, piece, workspace.masks_secrets, is_private)
            sent.files |= dict.fromkeys(piece)  # it may arrive and the answer may not
            held = await holder.hold(TextUpdate(workspace.name, texts, more=piece[-1] != changed[-1]))
            if held.store != sent.store:  # another engine has taken its place, and lacks the pieces before
                sent.is_complete = False
                return
            sent.texts = held.texts
            sent.files |= {path: wanted[path] for path in piece}
        sent.is_complete = True

    async def _remove(self, holder: TextHolder, sent: SentTexts, gone: list[Path]) -> None:
        if not gone:
            return
        await holder.hold(TextUpdate(sent.workspace.name, tuple((name_of(str(path)), None) for path in gone)))
        for path in gone:
            del sent.files[path]
        sent.texts -= len(gone)

    async def _compare(self, holder: TextHolder, sent: SentTexts, wanted_count: int) -> None:
        """Let the engine drop what this window does not know of, and note what the engine has dropped by itself.

        The engine outlives windows, so it may have texts that an earlier window of the same name has sent. They are
        dropped once for each store, since two windows that did so whenever the other's texts appear would never end.
        Later, more texts than there are files can only come from another window. If that is open it knows the same
        files within a minute, so they are dropped ever more seldom.
        """
        held = await holder.hold(TextUpdate(sent.workspace.name))
        has_others = held.texts > wanted_count and self._clock() >= sent.replace_s
        if held.store != sent.store or has_others:
            sent.is_complete, sent.store = False, ""
            held = await holder.hold(TextUpdate(sent.workspace.name, replace=True))
            sent.files.clear()
            sent.store, sent.replace_s = held.store, self._clock() + sent.patience_s
            sent.patience_s *= 2
        elif held.texts < sent.texts:
            # There was no room for all workspaces, or another window has replaced the texts. Files keep their names
            # here, so that they can be removed if they come back.
            sent.is_complete, sent.files = False, dict.fromkeys(sent.files)
        sent.texts = held.texts

    async def _allowed(
        self, sent: SentTexts, files: Iterable[Path], is_private: IsPrivate, names: Names,
        checked: Mapping[Path, Stamp] | None = None,
    ) -> dict[Path, Stamp]:  # fmt: skip
        """Return modification time and size of the files that may be sent; the event loop is free in between.

        The more there is to check, the later the next check is due. Files that were just ``checked`` are not again. Of
        a file with several paths the first one is allowed, and noted in ``names``.
        """
        allowed: dict[Path, Stamp] = {}
        began = time.perf_counter()
        for path in files:
            if (time.perf_counter() - began) * 1000 >= PIECE_MS:
                sent.due_s = (sent.due_s or 0.0) + (time.perf_counter() - began) / CHECK_SHARE
                await asyncio.sleep(PAUSE_S)
                began = time.perf_counter()
            if checked is not None and path in checked:
                allowed[path] = checked[path]
            elif (status := _status(path, is_private)) is not None and _is_first(path, status, names):
                allowed[path] = (status.st_mtime_ns, status.st_size)
        return allowed

    async def _is_quiet(self) -> bool:
        """Wait until no request was made for a while; return False if there was no pause in time."""
        until_s = self._clock() + WAIT_S
        while (now := self._clock()) < until_s:
            if (rest_s := self._asked_s + self.quiet_s - now) <= 0:
                return True
            await asyncio.sleep(rest_s)
        return False


def _status(path: Path, is_private: IsPrivate) -> os.stat_result | None:
    """Return the status of a file; None if it is gone, too large or private."""
    try:
        status = path.stat()
    except OSError:
        return None
    return None if status.st_size > MAX_FILE_BYTES or is_private(path) else status


def _is_first(path: Path, status: os.stat_result, names: Names) -> bool:
    """Return whether a file has not been found under another path, by a link."""
    identity = identity_of(status)
    return identity is None or names.setdefault(identity, path) == path


def _first(files: Mapping[Path, Stamp]) -> dict[Path, Stamp]:
    """Return the first files that are small enough to be sent together."""
    first: dict[Path, Stamp] = {}
    left = MAX_BYTES
    for path, stamp in files.items():
        if stamp[1] <= left:
            left -= stamp[1]
            first[path] = stamp
    return first


def _pieces(paths: list[Path], stamps: Mapping[Path, Stamp]) -> Iterator[list[Path]]:
    piece: list[Path] = []
    length = 0
    for path in paths:
        piece.append(path)
        length += stamps[path][1]
        if length >= PIECE_CHARS:
            yield piece
            piece, length = [], 0
    if piece:
        yield piece


def _texts(paths: list[Path], masks_secrets: bool, is_private: IsPrivate) -> tuple[tuple[str, str | None], ...]:
    """Return the files' names and texts; None for one that is private by now, or not text."""
    texts: list[tuple[str, str | None]] = []
    for path in paths:
        text = None if is_private(path) else read_source(path, MAX_FILE_BYTES)
        if text is not None:
            text = to_lf(text)
            text = mask_secrets(text).text if masks_secrets else text
        texts.append((name_of(str(path)), text))
    return tuple(texts)
