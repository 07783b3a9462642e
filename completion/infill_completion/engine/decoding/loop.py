"""The generate loop: prefill in chunks that can be interrupted, then one forward pass a token.

:func:`generate` is the loop of Llama's reference code with its exact semantics; :func:`prefill` and the sequences of
:mod:`infill_completion.engine.decoding.candidate` are what requests run on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infill_completion.api import FinishReason
from infill_completion.engine.decoding.sampler import choose
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_cache import KVCache, Slot

Poll = Callable[[], FinishReason | None]


class InterruptedPrefillError(Exception):
    """The request was withdrawn or ran out of time before the first token; what was computed stays in the slot."""

    def __init__(self, reason: FinishReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def prefill(forward_pass: ForwardPass, slot: Slot, ids: Sequence[int], poll: Poll) -> Tensor:
    """Compute what of a prompt the slot does not hold yet.

    Args:
        forward_pass: Of the model.
        slot: Holds the first ``len(slot.ids)`` tokens of ``ids``, at least one fewer than all.
        ids: The whole prompt.
        poll: Asked between chunks whether to go on.

    Returns:
        Logits of the next token, ``(1, vocabulary)``.

    Raises:
        InterruptedPrefillError: ``poll`` gave a reason to stop.
    """
    logits = torch.empty(0)
    while len(slot.ids) < len(ids):
        if (reason := poll()) is not None:
            raise InterruptedPrefillError(reason)
        start = len(slot.ids)
        chunk = list(ids[start : start + forward_pass.chunk_tokens])
        logits = forward_pass.prefill(chunk, slot.cache, start)
        slot.ids += chunk
    return logits


@dataclass(frozen=True)
class Generation:
    """What :func:`generate` gives for one prompt; ``logprobs`` is None unless asked for."""

    tokens: list[int]
    logprobs: list[float] | None = None


@torch.inference_mode()
def generate(
    decoder: Decoder,
    prompt_tokens: Sequence[Sequence[int]],
    max_gen_len: int,
    temperature: float = 0.6,
    top_p: float = 0.9,
    logprobs: bool = False,
    echo: bool = False,
    *,
    stop_tokens: frozenset[int] = frozenset(),
    seed: int | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Generation]:
    """Continue a ragged batch of prompts; semantics of ``Llama.generate`` in Meta's ``llama/generation.py``.

    All rows advance from the end of the shortest prompt; a row whose prompt is longer takes its own tokens until they
    are used up.  A row ends before its first stop token.

    Args:
        decoder: The model; prompt and answer must fit its capacity, else the answer is shorter.
        prompt_tokens: One or more prompts of at least one token.
        max_gen_len: Most new tokens of each row.
        temperature: 0 takes the likeliest token.
        top_p: See :func:`infill_completion.engine.decoding.sampler.sample_top_p`.
        logprobs: Return the log-probability of each token given those before it, before temperature and top-p.
        echo: Return the prompt's tokens too (the log-probability of the first is 0).
        stop_tokens: Ids that end a row.
        seed: Fixes the random numbers.
        cancelled: Asked before each step; when true, what is there is returned.

    Returns:
        One generation a prompt, in order.
    """
    device = decoder.device
    shortest, longest = min(map(len, prompt_tokens)), max(map(len, prompt_tokens))
    total = min(decoder.capacity, longest + max_gen_len)
    tokens = torch.zeros(len(prompt_tokens), total, dtype=torch.long, device=device)
    given = torch.zeros_like(tokens, dtype=torch.bool)
    for row, ids in enumerate(prompt_tokens):
        kept = list(ids[:total])
        tokens[row, : len(kept)] = torch.tensor(kept, device=device)
        given[row, : len(kept)] = True
    scores = torch.zeros(tokens.shape, device=device)
    stops = torch.tensor(sorted(stop_tokens), dtype=torch.long, device=device)
    random = torch.Generator(device=device)
    random.manual_seed(seed) if seed is not None else random.seed()
    cache = KVCache(decoder.kv_shape, total, batch=len(prompt_tokens))
    finished = torch.zeros(len(prompt_tokens), dtype=torch.bool, device=device)
    done = start = 0
    for position in range(min(shortest, total), total + 1):
        if cancelled():
            break
        logits = decoder.forward(tokens[:, start:position], cache, start, all_logits=logprobs)
        if position < total:
            drawn, _ = choose(logits[:, -1] if logprobs else logits, temperature, top_p, random)
            tokens[:, position] = torch.where(given[:, position], tokens[:, position], drawn)
            finished |= ~given[:, position] & torch.isin(drawn, stops)
            done = position + 1
        if logprobs:
            last = min(position + 1, total)
            targets = tokens[:, start + 1 : last]
            likely = logits[:, : targets.shape[1]].log_softmax(-1)
            scores[:, start + 1 : last] = likely.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        start = position
        if position >= total - 1 and not (logprobs and echo and position < total):
            break
        if bool(finished.all()):
            break
    done = max(done, min(shortest, total))
    return [
        _cut(
            tokens[row, :done].tolist(), scores[row, :done].tolist(), len(ids), max_gen_len, logprobs, echo, stop_tokens
        )
        for row, ids in enumerate(prompt_tokens)
    ]


def _cut(
    tokens: list[int], scores: list[float], prompt: int, most: int, logprobs: bool, echo: bool, stops: frozenset[int]
) -> Generation:
    end = next((at for at in range(prompt, len(tokens)) if tokens[at] in stops), len(tokens))
    wanted = slice(0 if echo else prompt, min(end, prompt + most))
    return Generation(tokens[wanted], scores[wanted] if logprobs else None)
