"""Several streams of chunks, read at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

from infill_completion.api import Chunk


async def merged(streams: Sequence[AsyncGenerator[Chunk, None]]) -> AsyncGenerator[Chunk, None]:
    """Yield what the streams yield, as it comes; closing the iterator closes all of them.

    An exception of one ends the others and is raised.
    """
    found: asyncio.Queue[Chunk | None] = asyncio.Queue()  # None: a stream has ended.

    async def forward(stream: AsyncGenerator[Chunk, None]) -> None:
        try:
            async with contextlib.aclosing(stream):
                async for item in stream:
                    found.put_nowait(item)
        finally:
            found.put_nowait(None)

    readers = [asyncio.create_task(forward(stream)) for stream in streams]
    running = len(readers)
    try:
        while running:
            item = await found.get()
            if item is not None:
                yield item
                continue
            running -= 1
            for reader in readers:
                if reader.done():
                    reader.result()
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)


async def merged_once_begun(streams: Sequence[AsyncGenerator[Chunk, None]]) -> AsyncGenerator[Chunk, None]:
    """Yield what the streams yield; all but the first one are read only once that has begun."""
    first = streams[0]
    async with contextlib.aclosing(first):
        chunk = await anext(first, None)
        if chunk is not None:
            yield chunk
        async with contextlib.aclosing(merged(streams)) as chunks:
            async for chunk in chunks:
                yield chunk
