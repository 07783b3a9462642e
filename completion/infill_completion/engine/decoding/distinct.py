"""Several candidates at a low temperature that are not the same one several times.

Below a temperature of 0.2 draws hardly ever differ.  There a candidate that has so far written the same as an earlier
one takes the likeliest token that none of them took at this place, if the model gives it 5 % at least.  The first
candidate is what a single one would be.  From 0.2 on every candidate is a draw of its own, as in OpenAI's API.
"""

from __future__ import annotations

from collections.abc import Sequence as Items

import torch
from torch import Tensor

from infill_completion.engine.decoding.candidate import Sequence

DISTINCT_BELOW_TEMPERATURE = 0.2
DISTINCT_PROBABILITY = 0.05


def distinct(
    sequence: Sequence, earlier: Items[Sequence], scores: Tensor, id_: int, logprob: float
) -> tuple[int, float]:
    """Return the next token of a candidate, and its log-probability.

    Args:
        sequence: The candidate.
        earlier: Those that have chosen already.
        scores: Of the next token, ``(vocabulary,)``.
        id_: What it would take.
        logprob: Of that.
    """
    written = len(sequence.ids)
    same = [other for other in earlier if len(other.ids) > written and other.ids[:written] == sequence.ids]
    taken = {other.ids[written] for other in same}
    if id_ not in taken:
        return id_, logprob
    likely = scores.log_softmax(-1)
    free = likely.index_fill(0, torch.tensor(sorted(taken), device=likely.device), float("-inf"))
    best = int(free.argmax())
    is_likely = float(likely[best].exp()) >= DISTINCT_PROBABILITY
    return (best, float(likely[best])) if is_likely else (id_, logprob)
