"""Greedy predictions from the n-gram index alone, the model alone, and both together, for comparison and tuning."""

from __future__ import annotations

from collections.abc import Sequence as Items
from enum import StrEnum
from typing import Any

import torch

from infill_completion.api import CompletionRequest, ContextItem
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram.mixture import MixtureParameters, ngram_index
from infill_completion.engine.ngram.nested_counts import NestedCounts


class PredictionSource(StrEnum):
    """What a prediction is made from."""

    NGRAM = "ngram"
    MODEL = "model"
    BOTH = "both"


class Predictor:
    """Predicts middles from one source with one set of parameters.

    Args:
        generator: A loaded model; all its predictors share the weights.
        source: What to predict from.
        cache: Weights of the index; None for the model's own.
        settings: Other changes to `ModelSettings`, such as ``heal``.
    """

    def __init__(
        self, generator: Generator, source: PredictionSource, cache: MixtureParameters | None = None, **settings: Any
    ) -> None:
        self._source = source
        self._cache = cache or generator.model.settings.cache or MixtureParameters()
        self._generator = generator.with_settings(
            cache=None if source is PredictionSource.MODEL else self._cache,
            **settings,
        )

    def __call__(
        self, prefix: str, suffix: str | None, context: Items[ContextItem] = (), *, stop: Items[str] = ("\n",),
        max_tokens: int = 48,
    ) -> str:  # fmt: skip
        """Return the greedy middle up to a stop string, the end token or ``max_tokens``."""
        request = CompletionRequest(
            prefix, suffix, tuple(context), max_tokens=max_tokens, temperature=0.0, stop=tuple(stop)
        )
        if self._source is not PredictionSource.NGRAM:
            return "".join(chunk.text for chunk in self._generator.stream(request, lambda: False))
        return self.copied(request)

    def copied(self, request: CompletionRequest) -> str:
        """Return the prediction of the index alone, as if the model gave every token the same probability."""
        generator = self._generator
        prompt = generator.model.prompt(request)
        index = ngram_index(prompt, self._cache, generator.model.tokenizer.infilling)
        candidate = generator.model.candidate(0, prompt.spell, request, NestedCounts(index, self._cache))
        floor = torch.zeros(generator.model.tokenizer.vocab_size)
        text = ""
        for _ in range(2 * request.max_tokens):
            scores = candidate.scores(floor)
            # If the index has seen nothing like this, no token stands out and there is nothing left to copy.
            if not _stands_out(scores):
                break
            text += candidate.push(int(scores.argmax()), 0.0).text
            if candidate.finish is not None:
                break
        return text


def _stands_out(scores: torch.Tensor) -> bool:
    seen = scores[scores.isfinite()]
    return bool(seen.max() > seen.median() + 1e-6) if len(seen) > 1 else len(seen) == 1
