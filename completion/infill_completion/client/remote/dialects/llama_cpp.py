"""The llama.cpp server's own infill endpoint."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.client.remote.dialects.dialect import Body, Question
from infill_completion.client.remote.models.served import ServedModel, served_model
from infill_completion.client.remote.models.target import Target
from infill_completion.client.wire import text_in
from infill_completion.prompt.rewriting.text import prompt_text
from infill_completion.settings import EngineSettings

_NOT_FOUND, _NOT_IMPLEMENTED = 404, 501
_TIMING_NAMES = {"prompt_ms": "prefill_ms", "predicted_ms": "decode_ms", "predicted_per_second": "tokens_per_s"}


class LlamaCpp:
    """``/infill``.  The server knows the control tokens of its model and builds the infill prompt.

    A model without such tokens gets the prompt as text, at ``/completion``.  Requests name the model: a server in
    router mode needs it, others ignore it.

    Source: tools/server/README.md of llama.cpp.
    """

    models_path = "/v1/models"
    is_line_based = False
    answer_keys: tuple[str, ...] = ("content", "stop")
    has_all_choices = False
    lists_all = False
    reads_messages = False
    loads_on_demand = False

    def __init__(self, settings: EngineSettings) -> None:
        self._is_plain = False

    @property
    def needs_format(self) -> bool:
        """Whether the model has no tokens to infill with, as far as the server knows."""
        return self._is_plain

    def completion_path(self, target: Target, *, is_rewrite: bool = False) -> str:
        """Return the path for infilling, or that for any prompt."""
        return "/completion" if self._is_plain or is_rewrite else "/infill"

    def models(self, body: Any) -> list[ServedModel]:
        """Return the models in ``data``."""
        return [served_model(str(entry["id"]), entry) for entry in body["data"]]

    def questions(self, model: ServedModel) -> list[Question]:
        """Return the question for the server's properties; a router must not load the model for them."""
        return [Question(f"/props?model={quote(model.name, safe='')}&autoload=false" if model.name else "/props")]

    def window_of(self, model: ServedModel) -> int | None:
        """Return the window of one slot."""
        return model.window_tokens

    def request(self, request: CompletionRequest, target: Target, index: int) -> Body:
        """Return the body for one choice; ``prompt`` is the current line, which the server puts after the markers."""
        body: Body = {
            **(self._plain(request, target) if self._is_plain or request.rewrite is not None else _infilling(request)),
            "n_predict": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "cache_prompt": True,
            "stream": True,
        }
        if target.name:
            body["model"] = target.name
        if request.seed is not None:
            body["seed"] = request.seed + index
        return body

    def load_request(self, target: Target) -> Body:
        """Return a request for one token."""
        text: Body = {"prompt": "#"} if self._is_plain else {"input_prefix": "", "input_suffix": "", "prompt": "#"}
        return {**text, **({"model": target.name} if target.name else {}), "n_predict": 1}

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

    def fall_back(self, status: int, refusal: str) -> bool:
        """Send prompts as text if the server says that it or its model cannot infill, or does not know the path."""
        said = refusal.lower()
        cannot = status == _NOT_IMPLEMENTED or "infill" in said or (status == _NOT_FOUND and "model" not in said)
        before, self._is_plain = self._is_plain, self._is_plain or cannot
        return self._is_plain and not before

    def _plain(self, request: CompletionRequest, target: Target) -> Body:
        prompt = prompt_text(target.format, request)
        return {"prompt": prompt.text, "stop": [*prompt.stop, *request.stop]}


def _infilling(request: CompletionRequest) -> Body:
    head, newline, line = request.prefix.rpartition("\n")
    return {
        "input_prefix": head + newline,
        "input_suffix": request.suffix or "",
        "input_extra": [{"filename": item.path, "text": item.text} for item in request.context],
        "prompt": line,
        "stop": list(request.stop),
    }


def _timings(body: Body) -> dict[str, float]:
    given = body.get("timings") or {}
    return {ours: float(given[theirs]) for theirs, ours in _TIMING_NAMES.items() if given.get(theirs) is not None}
