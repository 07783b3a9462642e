"""The llama.cpp server's own infill endpoint."""

from __future__ import annotations

from typing import Any

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.client.remote.dialects.dialect import Body
from infill_completion.client.wire import text_in

_TIMING_NAMES = {"prompt_ms": "prefill_ms", "predicted_ms": "decode_ms", "predicted_per_second": "tokens_per_s"}


class LlamaCpp:
    """``/infill``.  The server knows the control tokens of its model and builds the infill prompt.

    Source: tools/server/README.md of llama.cpp.
    """

    completion_path = "/infill"
    models_path = "/v1/models"
    is_line_based = False
    answer_keys: tuple[str, ...] = ("content", "stop")
    has_all_choices = False

    def models(self, body: Any) -> list[str]:
        """Return the ids of ``data``."""
        return [str(model["id"]) for model in body["data"]]

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return the body for one choice; ``prompt`` is the current line, which the server puts after the markers."""
        head, newline, line = request.prefix.rpartition("\n")
        body: Body = {
            "input_prefix": head + newline,
            "input_suffix": request.suffix or "",
            "input_extra": [{"filename": item.path, "text": item.text} for item in request.context],
            "prompt": line,
            "n_predict": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop),
            "cache_prompt": True,
            "stream": True,
        }
        if request.seed is not None:
            body["seed"] = request.seed + index
        return body

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunk of one event; the last one has ``stop``, the reason and the token counts."""
        if not body.get("stop"):
            return [Chunk(index, text_in(body.get("content")))]
        limit = body.get("stop_type") == "limit" or bool(body.get("stopped_limit"))
        usage = Usage(
            int(body.get("tokens_evaluated") or 0),
            int((body.get("timings") or {}).get("cache_n") or 0),
            int(body.get("tokens_predicted") or 0),
        )
        reason = FinishReason.LENGTH if limit else FinishReason.STOP
        return [Chunk(index, text_in(body.get("content")), reason, usage=usage, timings=_timings(body))]

    def simplify(self) -> bool:
        """Return False: every field is a documented one."""
        return False


def _timings(body: Body) -> dict[str, float]:
    given = body.get("timings") or {}
    return {ours: float(given[theirs]) for theirs, ours in _TIMING_NAMES.items() if given.get(theirs) is not None}
