"""Ollama's own API."""

from __future__ import annotations

from typing import Any

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.client.remote.dialects.dialect import Body, Question
from infill_completion.client.remote.models.served import ServedModel, served_model
from infill_completion.client.remote.models.target import Target
from infill_completion.client.wire import text_in
from infill_completion.prompt.rewriting.text import prompt_text
from infill_completion.settings import EngineSettings


class Ollama:
    """``/api/generate``.  With ``suffix``, the server builds the infill prompt from the model's template.

    A model whose template does not know ``suffix`` gets the prompt as text.  The server loads a model for the first
    request, and aborts the load if that request is cancelled.  Its window is what each request says, or else a small
    one that cuts prompts without a word; another value than before makes the server load the model again, so it is
    always the same.

    Source: docs/api.md of Ollama.
    """

    models_path = "/api/tags"
    is_line_based = True
    answer_keys: tuple[str, ...] = ("response", "done")
    has_all_choices = False
    lists_all = True
    reads_messages = False
    loads_on_demand = True

    def __init__(self, settings: EngineSettings) -> None:
        self._window_tokens = settings.context_tokens
        self._keep_alive = f"{settings.idle_unload_s:.0f}s"
        self._is_plain = False

    @property
    def needs_format(self) -> bool:
        """Whether the model's template cannot infill."""
        return self._is_plain

    def completion_path(self, target: Target, *, is_rewrite: bool = False) -> str:
        """Return the path of completions."""
        return "/api/generate"

    def models(self, body: Any) -> list[ServedModel]:
        """Return the models in ``models``."""
        return [served_model(str(entry["name"]), entry) for entry in body["models"]]

    def questions(self, model: ServedModel) -> list[Question]:
        """Return the question for the model's architecture and the window that it was trained for."""
        return [Question("/api/show", {"model": model.name})] if model.name else []

    def window_of(self, model: ServedModel) -> int | None:
        """Return the window that requests ask for: the user's limit, unless the model was trained for less."""
        return min(self._window_tokens, model.window_tokens or self._window_tokens)

    def request(self, request: CompletionRequest, target: Target, index: int) -> Body:
        """Return the body for one choice; it has no field for other files, so they go before the prefix."""
        options: Body = {
            "num_predict": request.max_tokens,
            "num_ctx": self.window_of(target.model),
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop),
        }
        if request.seed is not None:
            options["seed"] = request.seed + index
        body: Body = {"model": target.name, "stream": True, "keep_alive": self._keep_alive, "options": options}
        if self._is_plain or request.suffix is None:
            prompt = prompt_text(target.format, request)
            options["stop"] = [*prompt.stop, *request.stop]
            return {**body, "prompt": prompt.text, "raw": True}
        others = "".join(f"# {item.path}\n{item.text.rstrip()}\n\n" for item in request.context)
        # With an empty suffix the server would apply the chat template.
        return {**body, "prompt": others + request.prefix, "suffix": request.suffix or "\n"}

    def load_request(self, target: Target) -> Body:
        """Return a request without a prompt, which only loads the model."""
        options = {"num_ctx": self.window_of(target.model)}
        return {
            "model": target.name,
            "prompt": "",
            "stream": False,
            "keep_alive": self._keep_alive,
            "options": options,
        }

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunk of one line; the last one has ``done``, the reason and the token counts."""
        text = text_in(body.get("response"))
        if not body.get("done"):
            return [Chunk(index, text)]
        reason = FinishReason.LENGTH if body.get("done_reason") == "length" else FinishReason.STOP
        usage = Usage(int(body.get("prompt_eval_count") or 0), 0, int(body.get("eval_count") or 0))
        return [Chunk(index, text, reason, usage=usage)]

    def fall_back(self, status: int, refusal: str) -> bool:
        """Send prompts as text if the server says that the model's template cannot infill."""
        before, self._is_plain = self._is_plain, self._is_plain or "support insert" in refusal.lower()
        return self._is_plain and not before
