"""The model's distribution mixed with that of the n-gram index over the text around the cursor (see `index`).

A small model knows few of a project's names; the buffer contains them.  Each level of the index is blended over the
one below it, with the model at the bottom: ``p = (1 - w) * p_below + w * shares`` (Jelinek and Mercer 1980), with a
weight that grows with the length of the match, the number of places and their agreement.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from infill_completion.engine.ngram.compiled import Gains
from infill_completion.engine.ngram.index import MatchLevel, NgramIndex
from infill_completion.prompt.tokens import Prompt

MAX_INDEX_TOKENS = 50_000
_LEAST = 1e-30  # minimum share of the model


@dataclass(frozen=True)
class MixtureParameters:
    """How much weight the index has; a setting of each model (``infill.json``, key ``cache``).

    ``w = sigmoid(bias + order_gain * ln(order) + count_gain * ln(count) + purity_gain * top_share)``.

    Attributes:
        bias: Logit of the weight for a single place that agrees in one token.
        order_gain: What a longer match adds to the logit.
        count_gain: What more places add.
        purity_gain: What agreement between the places adds (``top_share`` is the largest share).
        half_life_tokens: A place at this distance from the cursor counts half; 0 gives all places the same weight.
        end_tokens: How many tokens must agree with the text after the cursor to predict the end; 0 for never.
        max_order: Length from which longer matches are treated alike.
    """

    bias: float = -5.2
    order_gain: float = 0.77
    count_gain: float = 0.5
    purity_gain: float = 3.6
    half_life_tokens: float = 1000.0
    end_tokens: int = 6
    max_order: int = 32

    @cached_property
    def gains(self) -> Gains:
        """What the weight of a level is made of, for the compiled code."""
        return Gains(self.bias, self.order_gain, self.count_gain, self.purity_gain)

    def weight(self, level: MatchLevel) -> float:
        """Return the weight of ``level`` over everything below it, between 0 and 1."""
        logit = (
            self.bias
            + self.order_gain * math.log(level.order)
            + self.count_gain * math.log(level.count)
            + self.purity_gain * max(level.shares.values())
        )
        return 1.0 / (1.0 + math.exp(-logit))


def blend(
    levels: Sequence[MatchLevel],
    parameters: MixtureParameters,
    left: float = 1.0,
    masses: Mapping[int, float] | None = None,
) -> tuple[float, dict[int, float]]:
    """Return the weight left to the model, and the probability mass that the index gives to single tokens.

    The two add up to 1, except that the model always keeps a minimal share.

    Args:
        levels: The matches, longest first.
        parameters: The weights.
        left: What an inner scope has left, whose counts are blended over these.
        masses: What it has given to single tokens.
    """
    masses = dict(masses or {})
    for level in levels:
        mass = left * parameters.weight(level)
        left -= mass
        for id_, share in level.shares.items():
            masses[id_] = masses.get(id_, 0.0) + mass * share
    return max(left, _LEAST), masses


def blended(index: NgramIndex, parameters: MixtureParameters) -> tuple[float, dict[int, float]]:
    """Return what :func:`blend` makes of the levels of an index, in compiled code if the index has it."""
    found = index.blend(parameters.gains)
    return blend(index.levels(), parameters) if found is None else (max(found[0], _LEAST), found[1])


def mix(logits: Tensor, left: float, masses: Mapping[int, float]) -> Tensor:
    """Return mixed log-probabilities.

    Args:
        logits: The model's scores of the next token, ``(vocabulary,)``, float32.
        left: The weight left to the model, from :func:`blend`.
        masses: The probability mass of single tokens.

    Returns:
        Log-probabilities in the shape of ``logits``; without masses, those of the model alone.
    """
    mixed = logits.log_softmax(-1)
    if not masses:
        return mixed
    mixed += math.log(left)
    ids = torch.tensor(list(masses), device=logits.device)
    added = torch.tensor(list(masses.values()), device=logits.device)
    # Only the tokens in the index are computed again; the others have their share already.
    return mixed.index_copy_(0, ids, torch.logaddexp(mixed[ids], added.log()))


def ngram_index(prompt: Prompt, cache: MixtureParameters, infilling: Any) -> NgramIndex:
    """Return the index over the text around the cursor, without the farthest text where there is too much."""
    texts, room = [], MAX_INDEX_TOKENS
    for text in reversed(prompt.before):
        texts.append(text[-room:] if room > 0 else ())
        room -= len(texts[-1])
    return NgramIndex(
        texts[::-1],
        prompt.after[:MAX_INDEX_TOKENS],
        end_token=infilling.eot if infilling else None,
        max_order=cache.max_order,
        half_life_tokens=cache.half_life_tokens,
        end_tokens=cache.end_tokens,
    )
