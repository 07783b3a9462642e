"""OpenAI's completions, as vLLM and most other servers offer them."""

from __future__ import annotations

from typing import Any

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.remote.dialects.dialect import Body
from infill_completion.client.wire import chunks_from_json
from infill_completion.prompt.text import fim_text

# OpenAI's limit.
_MOST_STOPS = 4


class OpenAI:
    """``/v1/completions``.  These servers do not infill by ``suffix``, so the infill prompt is sent as text.

    Our own engine behind a URL is recognised by the owner of its models, and gets the request unchanged.
    """

    completion_path = "/v1/completions"
    models_path = "/v1/models"
    is_line_based = False
    answer_keys: tuple[str, ...] = ("choices",)
    has_all_choices = True

    def __init__(self) -> None:
        self._is_our_engine = False
        self._is_simple = False

    def models(self, body: Any) -> list[str]:
        """Return the ids of ``data``."""
        self._is_our_engine = any(model.get("owned_by") == "infill-ls" for model in body["data"])
        return [str(model["id"]) for model in body["data"]]

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return OpenAI's body."""
        if self._is_our_engine:
            return {**request.to_json(), "model": model, "stream": True}
        prompt = fim_text(model, request.prefix, request.suffix, request.context)
        body: Body = {
            "model": model,
            "prompt": prompt.text,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "n": request.n,
            "stop": [*prompt.stop, *request.stop] or None,
            "seed": request.seed,
            "logprobs": request.logprobs,
            "stream": True,
        }
        if self._is_simple:
            # The template's own stops come first: without them the answer would never end.
            body["stop"] = (body["stop"] or [])[:_MOST_STOPS] or None
        else:
            # Otherwise vLLM drops control tokens from the text before it looks for stops like `<EOT>` in it.
            body |= {"stream_options": {"include_usage": True}, "skip_special_tokens": False}
        return {name: value for name, value in body.items() if value is not None}

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the choices of one event."""
        return chunks_from_json(body)

    def simplify(self) -> bool:
        """Omit the fields that only some servers know."""
        before, self._is_simple = self._is_simple, True
        return not (before or self._is_our_engine)
