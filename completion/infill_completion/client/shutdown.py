"""Ending the shared engine on a user's request, and leaving one that the settings no longer name."""

from __future__ import annotations

import asyncio

from infill_completion.api import EngineUnavailableError
from infill_completion.client.engine import EngineClient, EngineGoneError, address_of
from infill_completion.client.process import ended
from infill_completion.client.run_directory import Card, EnginePaths, RunDirectoryError, engine_paths, read_card
from infill_completion.settings import EngineSettings

ANSWER_DEADLINE_S = 8.0
STOP_DEADLINE_S = 10.0
_POLL_S = 0.05


async def end_engine(settings: EngineSettings) -> None:
    """End the local engine of ``settings``, also one that hangs, and wait until it is gone.

    A remote one is not ours to end.
    """
    if settings.url is not None:
        return
    try:
        paths = engine_paths(settings)
        card, address = read_card(paths), address_of(paths)
    except RunDirectoryError:
        return
    if card is None or address is None:
        return
    client = EngineClient(address)
    try:
        await client.shutdown(ANSWER_DEADLINE_S)
    except EngineGoneError:
        return
    except EngineUnavailableError:
        await ended(paths, card.pid)
        return
    finally:
        await client.aclose()
    if not await _is_gone(paths, card):
        await ended(paths, card.pid)


async def leave_engine(former: EngineSettings, now: EngineSettings) -> None:
    """Leave the local engine of ``former`` for that of ``now``.

    Where no other window uses it, it ends, and the wait is for that: the memory that its model holds is what the next
    one needs.
    """
    if former.url is not None:
        return
    try:
        paths = engine_paths(former)
        if now.url is None and engine_paths(now) == paths:
            return
        card, address = read_card(paths), address_of(paths)
    except RunDirectoryError:
        return
    if card is None or address is None:
        return
    client = EngineClient(address, as_window=True)
    try:
        if await client.leave(ANSWER_DEADLINE_S):
            await _is_gone(paths, card)
    except EngineUnavailableError:
        return  # it is gone, or too busy; then it ends when it has been idle for long
    finally:
        await client.aclose()


async def _is_gone(paths: EnginePaths, card: Card) -> bool:
    """Wait for an engine to end: the last thing it does is to take its card away."""
    until = asyncio.get_running_loop().time() + STOP_DEADLINE_S
    while read_card(paths) == card and asyncio.get_running_loop().time() < until:  # noqa: ASYNC110
        await asyncio.sleep(_POLL_S)
    return read_card(paths) != card
