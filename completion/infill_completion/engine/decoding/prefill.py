"""Prefill: the forward pass over a prompt, in chunks that can be interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from infill_completion.api import FinishReason
from infill_completion.engine.model.forward import ForwardPass
from infill_completion.engine.model.kv_slots import Slot

Poll = Callable[[], FinishReason | None]


class InterruptedPrefillError(Exception):
    """The request was cancelled or ran out of time before the first token; what was computed stays in the slot."""

    def __init__(self, reason: FinishReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def prefill(
    forward_pass: ForwardPass, slot: Slot, ids: Sequence[int], poll: Poll, *, needs_logits: bool = True
) -> Tensor:
    """Compute the tokens of a prompt that the slot does not hold yet, in chunks that can be interrupted.

    Args:
        forward_pass: Computes the chunks.
        slot: Holds the first ``len(slot.ids)`` tokens of ``ids``, but not all of them.
        ids: The whole prompt.
        poll: Called before each chunk; a finish reason stops the prefill.
        needs_logits: Whether more tokens do not follow at once.

    Returns:
        Logits of the next token, ``(1, vocabulary)``; they may be empty if they are not needed.

    Raises:
        InterruptedPrefillError: ``poll`` returned a finish reason.
    """
    logits = torch.empty(0)
    while len(slot.ids) < len(ids):
        forward_pass.wait()
        if (reason := poll()) is not None:
            raise InterruptedPrefillError(reason)
        start = len(slot.ids)
        chunk = list(ids[start : start + forward_pass.chunk_tokens])
        is_last = needs_logits and start + len(chunk) == len(ids)
        logits = forward_pass.prefill(chunk, slot.cache, start, is_last=is_last)
        slot.ids += chunk
    return logits
