"""One window of a soak test: somebody types in real files, accepts, deletes, pastes, and changes the settings."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types

from benchmarks.soak import probe_server
from benchmarks.soak.tally import Tally
from infill_completion.languages.registry import language_id_of
from infill_server.harness import Editor, EditorDocument, InlineRequest

ANSWER_DEADLINE_S = 120.0
START_DEADLINE_S = 600.0
KEY_S = (0.02, 0.12)
MAX_DOCUMENTS = 6
PASTED_CHARACTERS = 400_000
FLOOD = 60
# After an error, before the next action.
PAUSE_S = 0.2
SERVER = (sys.executable, "-P", probe_server.__file__)


@dataclass(frozen=True)
class RealFile:
    """A file whose text is typed."""

    path: Path
    text: str


class Window:
    """An editor's window that is used until it is told to stop.

    Args:
        number: Its number.
        files: What may be typed.
        seed: Chooses every action.
        tally: Counts what happens.
    """

    def __init__(self, number: int, files: Sequence[RealFile], seed: int, tally: Tally) -> None:
        self.number = number
        self.was_replaced = False
        self._files = files
        self._rng = random.Random(seed)
        self._tally = tally
        self._editor = Editor(command=SERVER)
        self._documents: dict[str, tuple[EditorDocument, str]] = {}  # with what is left to be typed
        self._waiting: set[asyncio.Task[None]] = set()
        self._killed = 0
        self._is_replacing = False

    @property
    def pid(self) -> int:
        """The process id of its server."""
        return self._editor.process_id

    async def start(self, root: Path) -> None:
        """Start the server and wait for the model."""
        self._root = root
        await self._editor.start(root)
        await self._editor.loaded(START_DEADLINE_S)

    async def use(self, until_s: float) -> None:
        """Use the window until the monotonic clock says ``until_s``."""
        actions = {
            self._type: 60, self._delete: 8, self._accept: 10, self._paste: 0.5, self._flood: 0.5, self._reopen: 4,
            self._configure: 2, self._check: 5,
        }  # fmt: skip
        while time.monotonic() < until_s:
            (action,) = self._rng.choices([*actions], [*actions.values()])
            killed = self._killed
            try:
                await action()
            except Exception as error:
                await asyncio.sleep(PAUSE_S)
                if killed == self._killed and not self._is_replacing:  # else it was about a server that is gone
                    self._tally.problem(
                        f"{action.__name__[1:]} in window {self.number}: {type(error).__name__}: {error}"
                    )
                    if not self._editor.is_running:
                        self._tally.problem(f"The server of window {self.number} ended by itself.")
                        await self.kill_server()

    async def kill_server(self) -> None:
        """Kill the server as a crash would, and open the window again."""
        former, successor = self._editor, Editor(command=SERVER)
        self._is_replacing = self.was_replaced = True
        self._killed += 1
        with suppress(ProcessLookupError):
            former.kill()
        with suppress(Exception):
            await asyncio.wait_for(former.client.stop(), 20)  # type: ignore[no-untyped-call]
        await successor.start(self._root)
        # What was asked in the meantime is lost as well.
        self._killed += 1
        self._documents.clear()
        self._editor = successor
        self._is_replacing = False

    async def finish(self) -> None:
        """Wait for all answers, compare all texts, and close the window."""
        if self._waiting:
            await asyncio.wait(self._waiting)
        await self._check()
        await asyncio.wait_for(self._editor.stop(), 60)

    async def _document(self) -> EditorDocument:
        if not self._documents or (len(self._documents) < MAX_DOCUMENTS and self._rng.random() < 0.02):
            file = self._rng.choice(self._files)
            cut = self._rng.randrange(max(len(file.text) - 200, 1))
            if file.path.as_uri() not in self._documents:
                rest = file.text[cut : cut + 2000]
                document = self._editor.open(
                    file.path, language_id_of(file.path.name), file.text[:cut] + file.text[cut + 2000 :], cut
                )
                self._documents[document.uri] = document, rest
                self._tally.counts["opened"] += 1
        return self._rng.choice([document for document, _ in self._documents.values()])

    async def _type(self) -> None:
        document = await self._document()
        for _ in range(self._rng.randrange(3, 30)):
            if self._documents.get(document.uri, (None,))[0] is not document:
                return
            rest = self._documents[document.uri][1]
            if not rest:
                await self._close(document)
                return
            self._documents[document.uri] = document, rest[1:]
            self._editor.type(document, rest[0])
            self._tally.counts["keys"] += 1
            request = self._ask(document)
            if self._rng.random() < 0.2:
                self._editor.withdraw(request)
                self._tally.counts["withdrawn"] += 1
            await asyncio.sleep(self._rng.uniform(*KEY_S))

    async def _delete(self) -> None:
        document = await self._document()
        count = min(self._rng.randrange(1, 40), document.offset)
        if count:
            self._editor.backspace(document, count)
            self._tally.counts["deleted"] += count
        self._ask(document)
        if document.text and self._rng.random() < 0.3:  # an edit elsewhere
            start = self._rng.randrange(len(document.text))
            self._editor.replace(document, start, min(start + 20, len(document.text)), "changed\n")

    async def _accept(self) -> None:
        document = await self._document()
        version = document.version
        items = await self._answered(self._editor.ask(document, invoked=True))
        if items and document.version == version:
            await self._editor.accept(document, self._rng.choice(items))
            self._tally.counts["accepted"] += 1

    async def _paste(self) -> None:
        document = await self._document()
        text = self._rng.choice(self._files).text
        pasted = (text * (PASTED_CHARACTERS // max(len(text), 1) + 1))[:PASTED_CHARACTERS]
        start = document.offset
        self._editor.replace(document, start, start, pasted)
        self._ask(document)
        await asyncio.sleep(self._rng.uniform(*KEY_S))
        self._editor.replace(document, start, start + len(pasted), "")
        self._tally.counts["pastes"] += 1

    async def _flood(self) -> None:
        document = await self._document()
        for _ in range(FLOOD):
            self._editor.type(document, self._rng.choice("abc \n("))
            self._ask(document, invoked=self._rng.random() < 0.1)
        self._tally.counts["floods"] += 1

    async def _reopen(self) -> None:
        if self._documents:
            await self._close(self._rng.choice([document for document, _ in self._documents.values()]))

    async def _close(self, document: EditorDocument) -> None:
        self._editor.close(document)
        del self._documents[document.uri]
        self._tally.counts["closed"] += 1

    async def _configure(self) -> None:
        self._editor.configure(
            {
                "completion": {
                    "max_tokens": self._rng.choice([32, 64, 128]),
                    "debounce_ms": self._rng.choice([None, 0, 50]),
                    "multiline": self._rng.choice(["auto", "never", "always"]),
                }
            }
        )
        self._tally.counts["configured"] += 1

    async def _check(self) -> None:
        """Compare the texts of all documents with what the server has."""
        killed = self._killed
        expected = {uri: probe_server.hash_of(document.text) for uri, (document, _) in self._documents.items()}
        params = types.ExecuteCommandParams(probe_server.PROBE)
        asked = self._editor.client.workspace_execute_command_async(params)
        found: Any = await asyncio.wait_for(asked, ANSWER_DEADLINE_S)
        if killed == self._killed and dict(found["texts"]) != expected:
            self._tally.problem(f"A document of window {self.number} is not what the editor has.")
        self._tally.counts["checked"] += len(expected)

    def _ask(self, document: EditorDocument, *, invoked: bool = False) -> InlineRequest:
        request = self._editor.ask(document, invoked=invoked)
        task = asyncio.ensure_future(self._note(request))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
        return request

    async def _note(self, request: InlineRequest) -> None:
        with suppress(Exception):  # an error is an answer as well
            await self._answered(request)

    async def _answered(self, request: InlineRequest) -> list[types.InlineCompletionItem]:
        """Return the items of an answer, and note a request that has none."""
        began, killed = time.monotonic(), self._killed
        self._tally.counts["requests"] += 1
        try:
            async with asyncio.timeout(ANSWER_DEADLINE_S):
                items = await asyncio.shield(request.answer)
        except TimeoutError:
            if killed == self._killed:
                self._tally.problem(f"A request of window {self.number} was not answered.")
            else:
                self._tally.counts["lost with a killed server"] += 1
            raise
        except Exception:
            self._tally.counts["errors"] += 1
            raise
        self._tally.counts["suggested" if items else "empty"] += 1
        self._tally.latencies_ms.append((time.monotonic() - began) * 1000)
        return items
