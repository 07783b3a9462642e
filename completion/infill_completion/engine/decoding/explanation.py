"""What an answer's last chunk says about the prompt and the candidates, where the request asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.reranker import Reranker
from infill_completion.prompt.tokens import Prompt


def explanation(
    model: LoadedModel, prompt: Prompt, cached_tokens: int, candidates: Sequence[Candidate], reranker: Reranker | None
) -> dict[str, Any]:
    """Return the facts about one request.

    Args:
        model: The model that answers.
        prompt: Its prompt.
        cached_tokens: How many of the prompt's tokens were in the KV cache.
        candidates: What it has written.
        reranker: Compared several first lines, if anything did.
    """
    return {
        "model": model.name,
        "weights": model.details["adapter"] or "as the checkpoint has them",
        "layout": str(prompt.layout),
        "prompt_tokens": len(prompt.ids),
        "cached_tokens": cached_tokens,
        "tokens_by_source": prompt.tokens_by_source,
        "dropped_by_source": prompt.dropped_by_source,
        "respelled": prompt.spell,
        "prompt": model.tokenizer.describe(prompt.ids),
        "raw": [candidate.raw for candidate in candidates],
        "finish": [str(candidate.finish) for candidate in candidates],
        "cache_model": model.settings.cache is not None,
        "reranked": [] if reranker is None else reranker.explanation(),
    }
