"""Sessions in which a suggestion once damaged the text, kept as traces with the answers that are right.

A new one: record the session with `infill.record`, correct the answers in the file, and put it into `traces`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.e2e.editor import CONSOLE_SCRIPT

TRACES = sorted((Path(__file__).parent / "traces").glob("*.jsonl"))


def test_there_are_traces() -> None:
    assert [trace.stem for trace in TRACES] == ["asked_twice", "closer_with_semicolon", "rest_of_punctuation"]


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
async def test_a_kept_session_gets_the_right_answers(trace: Path, environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        CONSOLE_SCRIPT, "replay", str(trace), "--recorded", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert b" 0 different, 0 not compared" in output
