"""Ollama's own API."""

from __future__ import annotations

from typing import Any

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.client.remote.dialects.dialect import Body
from infill_completion.client.wire import text_in


class Ollama:
    """``/api/generate``.  With ``suffix``, the server builds the infill prompt from the model's template.

    Source: docs/api.md of Ollama.
    """

    completion_path = "/api/generate"
    models_path = "/api/tags"
    is_line_based = True
    answer_keys: tuple[str, ...] = ("response", "done")
    has_all_choices = False

    def models(self, body: Any) -> list[str]:
        """Return the names of ``models``."""
        return [str(model["name"]) for model in body["models"]]

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return the body for one choice; it has no field for other files, so they go before the prefix."""
        options: Body = {
            "num_predict": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop),
        }
        if request.seed is not None:
            options["seed"] = request.seed + index
        others = "".join(f"# {item.path}\n{item.text.rstrip()}\n\n" for item in request.context)
        body: Body = {"model": model, "prompt": others + request.prefix, "stream": True, "options": options}
        if request.suffix is None:
            return {**body, "raw": True}
        # With an empty suffix the server would apply the chat template.
        return {**body, "suffix": request.suffix or "\n"}

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunk of one line; the last one has ``done``, the reason and the token counts."""
        text = text_in(body.get("response"))
        if not body.get("done"):
            return [Chunk(index, text)]
        reason = FinishReason.LENGTH if body.get("done_reason") == "length" else FinishReason.STOP
        usage = Usage(int(body.get("prompt_eval_count") or 0), 0, int(body.get("eval_count") or 0))
        return [Chunk(index, text, reason, usage=usage)]

    def simplify(self) -> bool:
        """Return False: every field is a documented one."""
        return False
