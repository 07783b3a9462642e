"""Distinct candidates at a low temperature.

Below a temperature of 0.2, draws hardly ever differ.  There, a candidate whose tokens so far equal those of an earlier
one takes the likeliest token that none of these took next, if the model gives it at least 5 %.  The first candidate is
the one that a request for a single candidate gets.  From 0.2 on, every candidate is an independent draw, as in
OpenAI's API.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infill_completion.engine.decoding.candidate import Candidate

DISTINCT_BELOW_TEMPERATURE = 0.2
DISTINCT_PROBABILITY = 0.05


def distinct(
    candidate: Candidate, earlier: Sequence[Candidate], scores: Tensor, id_: int, logprob: float
) -> tuple[int, float]:
    """Return the next token of a candidate and its log-probability.

    Args:
        candidate: The candidate.
        earlier: The candidates before it, which have chosen already.
        scores: Scores of the next token, ``(vocabulary,)``.
        id_: The token that the candidate would take.
        logprob: Its log-probability.
    """
    written = len(candidate.ids)
    same = [other for other in earlier if len(other.ids) > written and other.ids[:written] == candidate.ids]
    taken = {other.ids[written] for other in same}
    if id_ not in taken:
        return id_, logprob
    likely = scores.log_softmax(-1)
    free = likely.index_fill(0, torch.tensor(sorted(taken), device=likely.device), float("-inf"))
    best = int(free.argmax())
    is_likely = float(likely[best].exp()) >= DISTINCT_PROBABILITY
    return (best, float(likely[best])) if is_likely else (id_, logprob)
