"""A model that knows the text that is to be written, and how sure it is of each line."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from infill_completion.api import Chunk, CompletionRequest, FinishReason
from infill_completion.document.snapshot import Snapshot
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import LocalScriptedEngine

SURE = -0.004


@dataclass
class _WritingEngine(LocalScriptedEngine):
    """Streams the rest of a document, line by line."""

    whole: str = ""
    logprobs: Mapping[str, float] | None = field(default_factory=dict)

    async def complete(self, request: CompletionRequest) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        self.started.set()
        start = len(request.prefix)
        rest = self.whole[start:] if self.whole.startswith(request.prefix) else ""
        try:
            for number, part in enumerate(re.split("(\n)", rest)):
                if self.gate is not None:
                    await self.gate.wait()
                line = self.whole[: start + len(part)].rpartition("\n")[2]
                is_counted = number % 2 == 0 and bool(part) and self.logprobs is not None
                logprob = (self.logprobs or {}).get(line, SURE) if is_counted else 0.0
                yield Chunk(0, part, logprob_sum=logprob, token_count=int(is_counted))
                start += len(part)
                await asyncio.sleep(0)
            yield Chunk(0, "", FinishReason.STOP)
        finally:
            self.ended += 1


class Writer:
    """The model for a document with a cursor (``|``), and the text that it would write there."""

    def __init__(self, marked: str, text: str, logprobs: Mapping[str, float] | None = MappingProxyType({})) -> None:
        before, _, _ = marked.partition("|")
        self.engine = _WritingEngine(whole=before + text, logprobs=logprobs)


async def paused(completer: Completer, snapshot: Snapshot) -> int:
    """Pause, and return how often there was more to show."""
    told: list[None] = []
    await completer.grow(snapshot, lambda: told.append(None))
    return len(told)
