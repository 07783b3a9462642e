"""Decoding speed: the engine's loop beside transformers' ``generate()`` on the same weights."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch and transformers
import torch

from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.bench.workload import TEMPERATURE, TOP_P, endless, ours_per_second, request_of
from infill_completion.engine.checkpoints.devices import cores, synchronize

environment.prepare()


@dataclass(frozen=True)
class DecodeRates:
    """Decoding at one context length; rates are tokens per second after the first token, from the fastest run.

    Attributes:
        context_tokens: Tokens of the prompt.
        candidates: Sequences decoded together; the rates count the tokens of all.
        loop: The engine's loop with the model alone, one token per step.
        shipped: The engine as shipped: with the n-gram cache, if the model has one, and drafts from the surrounding
            text.
        reference: transformers' ``generate()`` as in the reference example; None if it was not measured.
        roofline: Upper bound from reading the weights and the cache once per step at the measured copy bandwidth.
    """

    context_tokens: int
    candidates: int
    loop: float
    shipped: float
    reference: float | None
    roofline: float


@torch.inference_mode()
def reference_per_second(model: Any, prompt_ids: list[int], tokens: int, candidates: int) -> float:
    """Return the tokens per second of ``generate()`` after the first token, sampled as in the reference example."""
    ids = torch.tensor([prompt_ids], device=model.device)
    first_at: list[float] = []

    def clock(seen: torch.Tensor, _scores: Any, **_more: Any) -> torch.Tensor:
        """Record when the first token is done; never stop."""
        if not first_at:
            synchronize(model.device)
            first_at.append(time.perf_counter())
        return torch.zeros(seen.shape[0], dtype=torch.bool, device=seen.device)

    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, min_new_tokens=tokens, do_sample=True,
        temperature=TEMPERATURE, top_p=TOP_P, num_return_sequences=candidates, pad_token_id=0,
        stopping_criteria=[clock],
    )  # fmt: skip
    synchronize(model.device)
    assert out.shape[-1] == len(prompt_ids) + tokens
    return (tokens - 1) * candidates / (time.perf_counter() - first_at[0])


@contextlib.contextmanager
def all_threads(device: torch.device) -> Iterator[None]:
    """Let the reference use every core of the CPU, as it does by default."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def decode(
    subject: Subject, context_tokens: int, bandwidth: float, *, tokens: int, candidates: int = 1, repeats: int = 3,
    reference: bool = True, reference_tokens: int | None = None,
) -> DecodeRates:  # fmt: skip
    """Measure decoding at one context length.

    The contestants take turns, and the fastest run of each counts, because other work on the machine can only slow one
    down.  With ``reference_tokens``, ``generate()`` decodes that
    many and runs only once: on a GPU it takes a hundred times as long as the loop.  A GGUF file has no ``generate()``.
    """
    shipped, loop = endless(subject.generator, shipped=True), endless(subject.generator, shipped=False)
    request = request_of(loop, context_tokens, tokens, candidates=candidates)
    prompt_ids, model = list(loop.model.prompt(request).ids), subject.model
    reference = reference and hasattr(model, "generate")

    def with_all_threads() -> float:
        with all_threads(model.device):
            return reference_per_second(model, prompt_ids, reference_tokens or tokens, candidates)

    contestants: dict[str, Callable[[], float]] = {
        "loop": partial(ours_per_second, loop, request),
        "shipped": partial(ours_per_second, shipped, request),
    }
    if reference and reference_tokens is None:
        contestants["generate"] = with_all_threads
        if model.device.type == "cpu":  # beside a busy neighbour fewer threads are faster
            contestants["generate, our threads"] = partial(reference_per_second, model, prompt_ids, tokens, candidates)
    best = _best_of(contestants, repeats)
    if reference and reference_tokens is not None:
        best["generate"] = with_all_threads()
    theirs = [rate for name, rate in best.items() if name.startswith("generate")]
    return DecodeRates(
        context_tokens=len(prompt_ids),
        candidates=candidates,
        loop=best["loop"],
        shipped=best["shipped"],
        reference=max(theirs, default=None),
        roofline=candidates * bandwidth / subject.step_bytes(len(prompt_ids)),
    )


def _best_of(contestants: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Run the contestants in turns and return the best rate of each."""
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats + 1):
        for name, measure in contestants.items():
            rates[name].append(measure())
    return {name: max(values[1:]) for name, values in rates.items()}  # the first run is a warm-up
