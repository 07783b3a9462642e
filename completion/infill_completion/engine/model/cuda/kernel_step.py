"""A decode step in the project's own kernels: five a layer, each of which may start while the one before it ends.

A row has the same bits whichever rows come with it and however long the bucket is, so a draft is right exactly if
single steps would have chosen it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.choose import Chooser
from infill_completion.engine.model.cuda.kernels.products import Places
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.noise import Draw
from infill_completion.engine.model.cuda.step import Step
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling


class KernelStep(Step):
    """The step in kernels.

    Args:
        kernels: The model.
        width: Number of tokens, at most 8.
    """

    def __init__(self, kernels: StepKernels, width: int = 1) -> None:
        device, vocabulary = kernels.decoder.device, kernels.decoder.vocab_size
        super().__init__(width, device)
        self._kernels, self._chooser = kernels, Chooser(kernels.launcher, vocabulary, device)

    @property
    def logits(self) -> Tensor:
        """The logits after each token of the last step of any width, ``(width, vocabulary)``, float32."""
        return self._kernels.scores[: self.width, : self._kernels.decoder.vocab_size].float()

    def prepare(self, sampling: Sampling, draws: Sequence[Draw]) -> None:
        """Set how the next step samples; the kernel finds ``draws`` itself, by the seed and the places of tokens."""
        self._chooser.prepare(sampling.temperature, sampling.top_p, sampling.seed)

    @torch.inference_mode()
    def run(self, cache: KVCache, bucket: int) -> None:
        """Compute the step on the first ``bucket`` tokens of ``cache``, which include those of the step."""
        places = Places(self.index, self.shared, self.ways)
        scores = self._kernels.run(self.ids, places, cache, bucket)
        self._chooser.run(
            scores[: self.width], self.index, self.result, fork=(self.shared, self.ways),
            ids=self.ids if self.width == 1 else None,
        )  # fmt: skip
