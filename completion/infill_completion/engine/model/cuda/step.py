"""A decode step over tensors that stay where they are, so that a captured step can be replayed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.noise import Draw
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling

_ONE_TEXT = Fork(0, 1)


class Step(ABC):
    """The step for ``width`` tokens: consecutive tokens of one text, or the next token of each of several candidates.

    Args:
        width: Number of tokens.
        device: Where the model is.

    Attributes:
        width: As given.
        ids: The input tokens, ``(1, width)``; a step of width 1 leaves the chosen token there for the next step.
        index: Cache index of the first of them, ``(1,)``; a step of width 1 increments it.
        shared: Tokens of the cache that all candidates share, ``(1,)``.
        ways: Number of candidates, ``(1,)``; see :class:`infill_completion.engine.model.fork.Fork`.
        result: The token chosen after each input token and its log-probability, ``(width, 2)``, float64, which holds
            every id exactly.
    """

    def __init__(self, width: int, device: torch.device) -> None:
        self.width = width
        self.ids = torch.zeros(1, width, dtype=torch.long, device=device)
        self.index = torch.zeros(1, dtype=torch.long, device=device)
        self.shared = torch.zeros(1, dtype=torch.long, device=device)
        self.ways = torch.ones(1, dtype=torch.long, device=device)
        self.result = torch.zeros(width, 2, dtype=torch.float64, device=device)
        self._fork = _ONE_TEXT

    @property
    @abstractmethod
    def logits(self) -> Tensor:
        """The logits after each token of the last step, ``(width, vocabulary)``, float32, until the next one."""

    @abstractmethod
    def prepare(self, sampling: Sampling, draws: Sequence[Draw]) -> None:
        """Set how the next step samples, one of ``draws`` for each input token that counts."""

    @abstractmethod
    def run(self, cache: KVCache, bucket: int) -> None:
        """Compute the step on the first ``bucket`` tokens of ``cache``, which include those of the step."""

    def feed(self, ids: Sequence[int], index: int, fork: Fork | None = None) -> None:
        """Set the tokens of the next step, at most ``width``; the rest of the step is computed in vain.

        Args:
            ids: The tokens.
            index: Cache index of the first one.
            fork: How several candidates share the cache; None: the tokens are one text.
        """
        self.ids.copy_(torch.tensor([[*ids, *[0] * (self.width - len(ids))]]))
        self.index.fill_(index)
        if (fork := fork or _ONE_TEXT) != self._fork:
            self._fork = fork
            self.shared.fill_(fork.shared)
            self.ways.fill_(fork.ways)
