"""The requests that are measured: prompts of real code, answered by an engine that never stops early."""

from __future__ import annotations

import itertools
import sysconfig
from dataclasses import replace
from functools import cache
from pathlib import Path

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine.decoding.generator import Generator
from infill_completion.prompt.formats import PromptLayout

# The sampling of the reference example.
TEMPERATURE, TOP_P = 0.1, 0.9
_SOURCES = ("argparse.py", "tarfile.py", "typing.py", "subprocess.py", "logging/__init__.py", "zipfile.py")


@cache
def code() -> str:
    """Return real code: some modules of the standard library."""
    folder = Path(sysconfig.get_path("stdlib"))
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in _SOURCES if (folder / name).exists())


def request_of(
    generator: Generator, context_tokens: int, max_tokens: int, *, candidates: int = 1, skip_lines: int = 0
) -> CompletionRequest:
    """Return a request whose prompt has about ``context_tokens`` tokens of real code.

    A quarter of them are after the cursor, unless the prompt of the model leaves that part out.  A different
    ``skip_lines`` selects other code, so that no part of an earlier prompt can be reused.
    """
    lines = code().splitlines(keepends=True)[skip_lines:]
    request = CompletionRequest(
        prefix="", suffix="", max_tokens=max_tokens, temperature=TEMPERATURE, top_p=TOP_P, n=candidates, seed=0
    )
    wanted, taken = max(8, context_tokens - 8), 0
    while True:
        filled = _filled(generator, request, lines[:taken])
        missing = wanted - len(generator.model.prompt(filled).ids)
        # Lines have fewer tokens in a text than one by one.
        more = _lines_of(generator, lines[taken:], missing)
        if not more:
            return filled
        taken += more


def _filled(generator: Generator, request: CompletionRequest, lines: list[str]) -> CompletionRequest:
    """Return a request for a cursor in or after some lines."""
    is_plain = generator.model.prompt(request).layout is PromptLayout.LEFT_TO_RIGHT
    before = len(lines) if is_plain else len(lines) * 3 // 4
    return replace(request, prefix="".join(lines[:before]), suffix="".join(lines[before:]))


def _lines_of(generator: Generator, lines: list[str], tokens: int) -> int:
    """Return how many of the lines fit into some tokens if each stands alone."""
    counts = itertools.accumulate(len(generator.model.tokenizer.encode_line(line)) for line in lines)
    return sum(1 for _ in itertools.takewhile(lambda total: total <= tokens, counts))


def run(generator: Generator, request: CompletionRequest) -> Chunk:
    """Answer a request and return its last chunk, which has usage and timings."""
    last = Chunk()
    generator.model.recent_texts.clear()  # or the previous answer would be a draft that is always right
    for chunk in generator.stream(request, lambda: False):
        last = chunk
    return last


def endless(generator: Generator, *, shipped: bool) -> Generator:
    """Return a generator over the same weights that ignores end tokens, so that every run has the same length.

    ``shipped`` keeps the n-gram cache and the drafts; otherwise every token is a step of the model alone.
    """
    copy = generator.with_settings() if shipped else generator.with_settings(cache=None, draft_tokens=0)
    copy.model.stop_tokens = frozenset()
    return copy


def ours_per_second(generator: Generator, request: CompletionRequest) -> float:
    """Run a request once and return its tokens per second after the first token of each candidate."""
    last = run(generator, request)
    assert last.usage is not None
    seconds = (last.timings["decode_ms"] - (last.timings["ttft_ms"] - last.timings["prefill_ms"])) / 1000
    return (last.usage.completion_tokens - request.n) / seconds
