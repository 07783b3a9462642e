"""OpenAI's completions, as vLLM and most other servers offer them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.client.remote.dialects.dialect import Body, Question
from infill_completion.client.remote.models.products import OURS, product_of
from infill_completion.client.remote.models.served import ServedModel, served_model
from infill_completion.client.remote.models.target import Target
from infill_completion.client.wire import chunks_from_json
from infill_completion.prompt.recognition import ModelFormat
from infill_completion.prompt.rewriting.text import prompt_text
from infill_completion.settings import EngineSettings

# docs.mistral.ai: the request of a completion with `suffix`, the answer of a chat.
_FIM_PATH = "/fim/completions"


class OpenAI:
    """``/v1/completions``.  Most of these servers do not infill by ``suffix``: the infill prompt is sent as text.

    If the family of the model is unknown, ``suffix`` is sent all the same: some servers use it, some ignore it, and
    one that refuses it is asked again without it. Our own engine behind a URL is recognised by the owner of its models,
    and gets the request unchanged.
    """

    models_path = "/v1/models"
    is_line_based = False
    answer_keys: tuple[str, ...] = ("choices",)
    has_all_choices = True
    lists_all = False
    loads_on_demand = False

    def __init__(self, settings: EngineSettings) -> None:
        self._is_mistral = urlsplit(settings.url or "").path.rstrip("/").endswith(_FIM_PATH)

    @property
    def needs_format(self) -> bool:
        """Whether the server leaves it to us to write the infill prompt."""
        return not self._is_mistral

    @property
    def reads_messages(self) -> bool:
        """Whether answers come in the shape of a chat: Mistral's do."""
        return self._is_mistral

    def completion_path(self, target: Target, *, is_rewrite: bool = False) -> str:
        """Return OpenAI's path, or Mistral's for infilling."""
        return f"/v1{_FIM_PATH}" if self._is_mistral and not is_rewrite else "/v1/completions"

    def models(self, body: Any) -> list[ServedModel]:
        """Return the models in ``data``; some servers send the bare list."""
        listed = body if isinstance(body, list) else body["data"]
        found = [served_model(str(entry["id"]), entry) for entry in listed]
        self._is_mistral = self._is_mistral or any(model.owner == "mistralai" for model in found)
        return found

    def questions(self, model: ServedModel) -> list[Question]:
        """Return the places where llama.cpp, LM Studio and Text Generation Inference say more than in their list."""
        if product_of(model.owner).says_all:
            return []
        lm_studio = [f"/api/v0/models/{quote(model.name, safe='/')}"] if model.name else []
        return [Question(path) for path in (_props(model.name), *lm_studio, "/info")]

    def window_of(self, model: ServedModel) -> int | None:
        """Return the window that the server names."""
        return model.window_tokens

    def request(self, request: CompletionRequest, target: Target, index: int) -> Body:
        """Return OpenAI's body."""
        if target.model.owner == OURS:
            return {**request.to_json(), "model": target.name, "stream": True}
        known = ModelFormat(by_suffix=True) if self._is_mistral else target.format
        prompt = prompt_text(known, request)
        body: Body = {
            "model": target.name or None,
            "prompt": prompt.text,
            "suffix": request.suffix if (known.by_suffix or known.is_unknown) and request.rewrite is None else None,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "n": request.n,
            "stop": [*prompt.stop, *request.stop] or None,
            "seed": None if request.seed is None else request.seed + index,
            "logprobs": request.logprobs,
            "stream": True,
            "stream_options": {"include_usage": True},
            # Otherwise vLLM drops control tokens from the text before it looks for stops like `<EOT>` in it.
            "skip_special_tokens": False,
        }
        return {name: value for name, value in body.items() if value is not None}

    def load_request(self, target: Target) -> Body:
        """Return a request for one token."""
        body: Body = {"model": target.name, "prompt": "#", "max_tokens": 1}
        return body if target.name else {name: value for name, value in body.items() if name != "model"}

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the choices of one event."""
        return chunks_from_json(_as_text(body) if self._is_mistral else body)

    def fall_back(self, status: int, refusal: str) -> bool:
        """Return False: there is no other way."""
        return False


def _as_text(body: Body) -> Body:
    """Return an event of a chat as one of a completion."""
    choices = [{**choice, "text": _content(choice)} for choice in body.get("choices") or []]
    return {**body, "choices": choices}


def _content(choice: dict[str, Any]) -> Any:
    message = choice.get("delta") or choice.get("message") or {}
    content = message.get("content")
    return "".join(part.get("text") or "" for part in content) if isinstance(content, list) else content


def _props(name: str) -> str:
    """Return the path of llama.cpp's properties; a router must not load the model for them."""
    return f"/props?model={quote(name, safe='')}&autoload=false" if name else "/props"
