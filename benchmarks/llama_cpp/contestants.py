"""The two engines that are compared: ours in this process, and llama.cpp in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GREEDY_TOKENS = 24


@dataclass(frozen=True)
class ComparisonRow:
    """Figures of one engine in one setting; ``same_tokens`` counts the leading greedy tokens equal to transformers'."""

    engine: str
    weights: str
    threads: int
    neighbours: int
    tokens_per_s: float
    prefill_ms: float
    same_tokens: int | None = None


def missing() -> list[str]:
    """Return the packages that are required but not installed."""
    return [name for name in ("llama_cpp", "gguf") if importlib.util.find_spec(name) is None]


class Ours:
    """Our engine, in this process."""

    def __init__(self, model: str, context_tokens: int, tokens: int) -> None:
        from infill_completion.engine.bench import subject, workload
        from infill_completion.settings import EngineSettings

        self._workload = workload
        self.subject = subject.stored(EngineSettings(model=model, device="cpu"))
        self.loop = workload.endless(self.subject.generator, shipped=False)
        self.request = workload.request_of(self.loop, context_tokens, tokens)
        self.prompt = list(self.loop.model.prompt(self.request).ids)
        self._others = [workload.request_of(self.loop, context_tokens, 1, skip_lines=200 * n) for n in range(1, 5)]

    def greedy(self, tokens: int) -> list[int]:
        """Return the most likely tokens after the prompt, each from a full forward pass of transformers."""
        import torch

        ids = list(self.prompt)
        with torch.inference_mode():
            for _ in range(tokens):
                ids.append(int(self.subject.model(torch.tensor([ids])).logits[0, -1].argmax()))
        return ids[len(self.prompt) :]

    def row(self, neighbours: int, repeats: int) -> ComparisonRow:
        """Measure once more."""
        rate = max([self._workload.ours_per_second(self.loop, self.request) for _ in range(repeats + 1)][1:])
        self.loop.model.slots.clear()  # so that no row finds its prompts in the cache
        prefill = [self._workload.run(self.loop, request).timings["prefill_ms"] for request in self._others]
        details = self.subject.generator.details
        held = str(details["dtype"] if details["quantization"] == "none" else details["quantization"])
        return ComparisonRow("infill-ls", held, int(details["threads"]), neighbours, rate, min(prefill))


def llama_row(
    file: Path, kind: str, threads: int, neighbours: int, ours: Ours, tokens: int, repeats: int
) -> ComparisonRow:
    """Measure llama.cpp in a process of its own."""
    task = {
        "file": str(file), "prompt": ours.prompt, "tokens": tokens, "threads": threads, "repeats": repeats,
        "greedy_tokens": GREEDY_TOKENS,
    }  # fmt: skip
    from infill_completion.engine.environment import SETTINGS

    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    command = [sys.executable, "-m", "benchmarks.llama_cpp.worker"]
    done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip() or "llama.cpp failed.")
    figures = json.loads(done.stdout.splitlines()[-1])
    wanted = ours.greedy(GREEDY_TOKENS) if neighbours == 0 else []
    same = next(
        (at for at, pair in enumerate(zip(wanted, figures["greedy"], strict=False)) if pair[0] != pair[1]), len(wanted)
    )
    return ComparisonRow(
        "llama.cpp", kind, threads, neighbours, figures["tokens_per_s"], figures["prefill_ms"],
        same if wanted else None,
    )  # fmt: skip
