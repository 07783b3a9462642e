"""The editor's process is waited for if it can be seen; any other number is ignored."""

from __future__ import annotations

import asyncio
import sys

import pytest

from infill_server import parent_process
from infill_server.parent_process import wait_for_exit


@pytest.mark.parametrize("process_id", [0, -1, 2**31 - 1, 2**63, -(2**70)])
async def test_a_number_that_is_no_visible_process_is_never_taken_for_an_ended_one(process_id: int) -> None:
    waiting = asyncio.ensure_future(wait_for_exit(process_id))
    done, _ = await asyncio.wait({waiting}, timeout=0)
    await asyncio.sleep(0)
    assert not done
    assert not waiting.done()
    waiting.cancel()


async def test_the_end_of_a_visible_process_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent_process, "POLL_S", 0.0)
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    waiting = asyncio.ensure_future(wait_for_exit(child.pid))
    await asyncio.sleep(0)
    assert not waiting.done()
    await child.communicate(b"\n")
    async with asyncio.timeout(20):
        await waiting
