"""The reference generate loop, which exactness is measured against.

:func:`generate` has the semantics of ``Llama.generate`` in Meta's ``llama/generation.py``: one forward pass per token
over a ragged batch, without slots, drafts, n-gram index or token healing.  Requests do not run on it; tests and anyone
who changes the decoding compare with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infill_completion.engine.decoding.sampler import choose
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.kv_cache import KVCache


@dataclass(frozen=True)
class ReferenceOutput:
    """The continuation of one prompt.

    Attributes:
        tokens: The new tokens, after those of the prompt where ``echo`` was set.
        logprobs: Log-probability of each of ``tokens`` (nats); None unless asked for.
    """

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
) -> list[ReferenceOutput]:
    """Continue a ragged batch of prompts; parameters and semantics as in ``Llama.generate``.

    All rows advance from the end of the shortest prompt; longer prompts take their own tokens until these are used up.
    A row ends before its first stop token.

    Args:
        decoder: The model; prompt and answer must fit its capacity, else the answer is shorter.
        prompt_tokens: One or more prompts of at least one token.
        max_gen_len: Maximum number of new tokens in each row.
        temperature: 0 takes the likeliest token.
        top_p: See :func:`infill_completion.engine.decoding.sampler.sample_top_p`.
        logprobs: Return each token's log-probability given those before it, before temperature and top-p.
        echo: Return the prompt's tokens too (the log-probability of the first is 0).
        stop_tokens: Ids that end a row.
        seed: Seed of the random numbers.
        cancelled: Called before each step; when it returns true, the tokens so far are returned.

    Returns:
        One output per prompt, in order.
    """
    lengths = [len(ids) for ids in prompt_tokens]
    total = min(decoder.capacity, max(lengths) + max_gen_len)
    tokens, given = _padded(prompt_tokens, total, decoder.device)
    scores = torch.zeros(tokens.shape, device=decoder.device)
    stops = torch.tensor(sorted(stop_tokens), dtype=torch.long, device=decoder.device)
    random = _random(seed, decoder.device)
    cache = KVCache(decoder.kv_shape, total, batch=len(prompt_tokens))
    finished = torch.zeros_like(given[:, 0])
    done, start = min(*lengths, total), 0
    for position in range(done, total + 1):
        if cancelled():
            break
        logits = decoder.forward(tokens[:, start:position], cache, start, all_logits=logprobs)
        if position < total:
            drawn, _ = choose(logits[:, -1] if logprobs else logits, temperature, top_p, random)
            tokens[:, position] = torch.where(given[:, position], tokens[:, position], drawn)
            finished |= ~given[:, position] & torch.isin(drawn, stops)
            done = position + 1
        if logprobs:
            _score(scores, logits, tokens, start, min(position + 1, total))
        start = position
        is_last = position >= total - 1 and not (logprobs and echo and position < total)
        if is_last or bool(finished.all()):
            break
    rows = zip(prompt_tokens, tokens[:, :done].tolist(), scores[:, :done].tolist(), strict=True)
    kept = [(_kept(row, len(ids), max_gen_len, echo, stop_tokens), row, values) for ids, row, values in rows]
    return [ReferenceOutput(row[part], values[part] if logprobs else None) for part, row, values in kept]


def _padded(prompts: Sequence[Sequence[int]], total: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the prompts as rows of length ``total``, and which places of the rows they fill, ``(batch, total)``."""
    tokens = torch.zeros(len(prompts), total, dtype=torch.long, device=device)
    given = torch.zeros_like(tokens, dtype=torch.bool)
    for row, ids in enumerate(prompts):
        kept = list(ids[:total])
        tokens[row, : len(kept)] = torch.tensor(kept, device=device)
        given[row, : len(kept)] = True
    return tokens, given


def _random(seed: int | None, device: torch.device) -> torch.Generator:
    random = torch.Generator(device=device)
    random.manual_seed(random.seed() if seed is None else seed)
    return random


def _score(scores: Tensor, logits: Tensor, tokens: Tensor, start: int, end: int) -> None:
    """Write the log-probabilities of the tokens after ``start`` and before ``end``, given the logits from ``start``."""
    targets = tokens[:, start + 1 : end]
    likely = logits[:, : targets.shape[1]].log_softmax(-1)
    scores[:, start + 1 : end] = likely.gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _kept(tokens: list[int], prompt: int, most: int, echo: bool, stops: frozenset[int]) -> slice:
    """Return which tokens of a row are returned, given the length of its prompt and the limit of new tokens."""
    end = next((at for at in range(prompt, len(tokens)) if tokens[at] in stops), len(tokens))
    return slice(0 if echo else prompt, min(end, prompt + most))
