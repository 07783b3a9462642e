"""The measurements of one run: contestants in turns, so that all meet the same conditions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.llama_cpp.bandwidth import BYTES_BEYOND_CACHES, Memory
from benchmarks.llama_cpp.contestants import OURS, THEIRS, ComparisonRow, Contestant
from infill_completion.engine.bench.machine import busy_neighbours

PROMPT_TOKENS, GREEDY_TOKENS = 1000, 24
LIMIT_S = 3.0  # for the tokens of one row
FEWEST_TOKENS = 2  # of a row; else an engine gave no answer


@dataclass
class Comparison:
    """What a run has found.

    Attributes:
        contestants: The engines, each with one form of the weights.
        rows: Rates of decoding.
        memory_bytes_per_s: The rate at which more is read than any cache holds, by number of threads.
    """

    contestants: Sequence[Contestant]
    rows: list[ComparisonRow] = field(default_factory=list)
    memory_bytes_per_s: dict[int, float] = field(default_factory=dict)

    def run(self, options: argparse.Namespace, memory: Memory) -> None:
        """Measure everything."""
        for context in options.contexts:
            ids = self._prepare(context, options)
            self._read(context, options.threads, memory)
            if context == options.contexts[0]:
                self._compare_tokens(ids, options)
            for neighbours in options.neighbours:
                with busy_neighbours(neighbours):
                    for threads in options.threads:
                        self._decode(len(ids), context, threads, neighbours, options)
            self._read(context, options.threads, memory)
        self._alone(options)

    def _read(self, context: int, threads: Sequence[int], memory: Memory) -> None:
        """Measure how fast memory and the bytes of our steps can be read; before and after them, since rates change."""
        for count in threads:
            rate = memory.bytes_per_s(BYTES_BEYOND_CACHES, count)
            self.memory_bytes_per_s[count] = max(self.memory_bytes_per_s.get(count, 0.0), rate)
        for each in self.contestants:
            if each.engine == OURS:
                rates = each.report.read_bytes_per_s.setdefault(context, {})
                for count in threads:
                    rate = memory.bytes_per_s(each.report.step_bytes[context], count)
                    rates[count] = max(rates.get(count, 0.0), rate)

    def _prepare(self, context: int, options: argparse.Namespace) -> list[int]:
        ids: list[int] = []
        for each in self.contestants:
            if each.engine == OURS:
                ids = each.ask("prepare", context=context, tokens=options.tokens)["ids"]
                each.report.step_bytes[context] = each.ask("step_bytes", context=len(ids))["all"]
        for each in self.contestants:
            if each.engine == THEIRS:
                each.ask("prompt", ids=ids, threads=min(options.threads))  # as below
        return ids

    def _compare_tokens(self, ids: list[int], options: argparse.Namespace) -> None:
        threads = min(options.threads)  # beside busy processes llama.cpp hardly moves with more
        chosen: dict[str, list[int]] = {}
        for each in self.contestants:
            task: dict[str, Any] = {"tokens": GREEDY_TOKENS, "threads": threads}
            if each.engine == OURS:
                task["ids"] = ids
            chosen[f"{each.engine} {each.weights}"] = each.ask("greedy", **task)["ids"]
        for each in self.contestants:
            same_weights = {"int4": "q4_1", "int8": "q8_0"}.get(each.weights)
            wanted = chosen.get(f"{THEIRS} {same_weights}")
            if each.engine == OURS and wanted:
                got = chosen[f"{OURS} {each.weights}"]
                pairs = enumerate(zip(got, wanted, strict=True))
                each.report.same_tokens = next((at for at, (mine, other) in pairs if mine != other), len(wanted))

    def _decode(self, length: int, context: int, threads: int, neighbours: int, options: argparse.Namespace) -> None:
        best: dict[Contestant, float] = {}
        for _ in range(options.repeats):
            for each in self.contestants:
                got = each.ask("decode", tokens=options.tokens, threads=threads, limit_s=LIMIT_S)
                if got["tokens"] < FEWEST_TOKENS:
                    raise SystemExit(f"{each.engine} ({each.weights}) gave no answer after {length} tokens.")
                best[each] = max(best.get(each, 0.0), got["tokens_per_s"])
        self.rows += [
            ComparisonRow(each.engine, each.weights, context, threads, neighbours, rate) for each, rate in best.items()
        ]

    def _alone(self, options: argparse.Namespace) -> None:
        """Measure prompts, keystrokes and memory."""
        ours = [each for each in self.contestants if each.engine == OURS]
        ids = ours[0].ask("prepare", context=PROMPT_TOKENS, tokens=options.tokens)["ids"]
        for threads in options.threads:
            for each in self.contestants:
                times = [each.ask("prompt", ids=ids, threads=threads)["ms"] for _ in range(options.prompts)]
                each.report.prefill_ms[threads] = min(times)
        for each in ours:
            found = each.ask("keystroke", context=PROMPT_TOKENS, threads=max(options.threads))
            each.report.keystroke_ms, each.report.keystroke_steps = found["ms"], found["ms"] / found["step_ms"]
        for each in self.contestants:
            found = each.ask("memory", context=max(options.contexts))
            each.report.resident_bytes, each.report.peak_bytes = found["resident"], found["peak"]
            each.report.weight_bytes, each.report.kv_bytes = found.get("weights"), found.get("kv")
            each.report.one_prompt_bytes = found.get("one_prompt")
