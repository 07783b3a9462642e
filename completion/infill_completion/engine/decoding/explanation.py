"""What an answer's last chunk says about the prompt and the candidates, where the request asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.reranker import Reranker
from infill_completion.engine.ngram.text_index import TextIndex
from infill_completion.prompt.tokens import Prompt

# Weights without an adapter of the user's, by whether the package teaches the model something.
_UNLEARNED = {False: "as the checkpoint has them", True: "as the package taught them"}


def explanation(
    model: LoadedModel, prompt: Prompt, cached_tokens: int, candidates: Sequence[Candidate], reranker: Reranker | None,
    texts: TextIndex | None, steps: int,
) -> dict[str, Any]:  # fmt: skip
    """Return the facts about one request.

    Args:
        model: The model that answers.
        prompt: Its prompt.
        cached_tokens: How many of the prompt's tokens were in the KV cache.
        candidates: What it has written.
        reranker: Compared several first lines, if anything did.
        texts: The index of the workspace's texts, if it was used.
        steps: How many steps the only candidate took after its first token.
    """
    return {
        "model": model.name,
        "weights": model.details["adapter"] or _UNLEARNED[model.details["taught"]],
        "layout": str(prompt.layout),
        "prompt_tokens": len(prompt.ids),
        "cached_tokens": cached_tokens,
        "tokens_by_source": prompt.tokens_by_source,
        "dropped_by_source": prompt.dropped_by_source,
        "respelled": prompt.spell,
        "prompt": model.tokenizer.describe(prompt.ids),
        "raw": [candidate.raw for candidate in candidates],
        "steps": steps,
        "finish": [str(candidate.finish) for candidate in candidates],
        "cache_model": model.settings.cache is not None,
        "workspace_texts": 0 if texts is None else texts.text_count,
        "workspace_tokens": 0 if texts is None else texts.token_count,
        "workspace_mixed": texts is not None and model.settings.workspace is not None,
        "reranked": [] if reranker is None else reranker.explanation(),
    }
