"""A decode step in the project's own kernels: five a layer, each of which may start while the one before it ends.

Same contract as :class:`infill_completion.engine.model.cuda.static_step.StaticStep`.  A row has the same bits whichever
rows come with it and however long the bucket is, so a draft is right exactly if single steps would have chosen it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.choose import Chooser
from infill_completion.engine.model.cuda.kernels.products import Places
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.noise import Draw
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling

_ONE_TEXT = Fork(0, 1)


class KernelStep:
    """The step for ``width`` tokens: consecutive tokens of one text, or the next token of each of several candidates.

    Args:
        kernels: The model.
        width: Number of tokens, at most 8.

    Attributes:
        ids: The input tokens, ``(1, width)``; a step of width 1 leaves the chosen token there for the next step.
        index: Cache index of the first of them, ``(1,)``; a step of width 1 increments it.
        result: The token chosen after each input token and its log-probability, ``(width, 2)``, float64.
    """

    def __init__(self, kernels: StepKernels, width: int = 1) -> None:
        self.width, self._kernels = width, kernels
        device, vocabulary = kernels.decoder.device, kernels.decoder.vocab_size
        self.ids = torch.zeros(1, width, dtype=torch.long, device=device)
        self.index = torch.zeros(1, dtype=torch.long, device=device)
        self.result = torch.zeros(width, 2, dtype=torch.float64, device=device)
        self._shared = torch.zeros(1, dtype=torch.long, device=device)
        self._ways = torch.ones(1, dtype=torch.long, device=device)
        self._fork = _ONE_TEXT
        self._chooser = Chooser(kernels.launcher, vocabulary, device)

    @property
    def logits(self) -> Tensor:
        """The logits after each token of the last step of any width, ``(width, vocabulary)``, float32."""
        return self._kernels.scores[: self.width, : self._kernels.decoder.vocab_size].float()

    def prepare(self, sampling: Sampling, draws: Sequence[Draw]) -> None:
        """Set how the next step samples; the kernel finds ``draws`` itself, by the seed and the places of tokens."""
        self._chooser.prepare(sampling.temperature, sampling.top_p, sampling.seed)

    def feed(self, ids: Sequence[int], index: int, fork: Fork | None = None) -> None:
        """Set the input tokens of the next step, at most ``width``; the rest of the step is computed in vain.

        Args:
            ids: The tokens.
            index: Cache index of the first one.
            fork: How several candidates share the cache; None: the tokens are one text.
        """
        self.ids.copy_(torch.tensor([[*ids, *[0] * (self.width - len(ids))]]))
        self.index.fill_(index)
        if (fork := fork or _ONE_TEXT) != self._fork:
            self._fork = fork
            self._shared.fill_(fork.shared)
            self._ways.fill_(fork.ways)

    @torch.inference_mode()
    def run(self, cache: KVCache, bucket: int) -> None:
        """Compute the step on the first ``bucket`` tokens of ``cache``, which include those of the step."""
        places = Places(self.index, self._shared, self._ways)
        scores = self._kernels.run(self.ids, places, cache, bucket)
        self._chooser.run(
            scores[: self.width], self.index, self.result, fork=(self._shared, self._ways),
            ids=self.ids if self.width == 1 else None,
        )  # fmt: skip
