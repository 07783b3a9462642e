"""How servers of other makers want to be asked, and how they answer: OpenAI's completions, llama.cpp, Ollama."""

from __future__ import annotations

from typing import Any, Protocol

from infill_completion.api import Chunk, CompletionRequest, FinishReason, Usage
from infill_completion.client.wire import chunks_from_json
from infill_completion.prompt.text import fim_text

Body = dict[str, Any]


class Dialect(Protocol):
    """One protocol.

    Attributes:
        path: Where completions are asked for.
        listing: Where the models are listed.
        lines: Whether the answer is one JSON object a line, in place of server-sent events.
        at_once: Whether one request gives all ``n`` choices.
    """

    path: str
    listing: str
    lines: bool
    at_once: bool

    def models(self, body: Any) -> list[str]:
        """Return the names in the answer of ``listing``."""
        ...

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return the body that asks for choice ``index``, or for all of them."""
        ...

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunks in one part of the answer."""
        ...

    def simplify(self) -> bool:
        """Leave out from now on what a strict server refuses; False where there is nothing left to leave out."""
        ...


class OpenAI:
    """``/v1/completions`` of vLLM and its like, which do not infill by ``suffix``: the prompt is written out.

    Our own engine behind a URL is told by who owns its models, and gets the request as it is.
    """

    path = "/v1/completions"
    listing = "/v1/models"
    lines = False
    at_once = True

    def __init__(self) -> None:
        self._ours = False
        self._plain = False

    def models(self, body: Any) -> list[str]:
        """Return the ids of ``data``."""
        self._ours = any(model.get("owned_by") == "infill-ls" for model in body["data"])
        return [str(model["id"]) for model in body["data"]]

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return OpenAI's body."""
        if self._ours:
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
        if self._plain:
            # OpenAI allows four; the template's own come first, because without them the answer never ends.
            body["stop"] = (body["stop"] or [])[:4] or None
        else:
            # vLLM would otherwise drop control tokens from the text before it looks for stops like `<EOT>` in it.
            body |= {"stream_options": {"include_usage": True}, "skip_special_tokens": False}
        return {name: value for name, value in body.items() if value is not None}

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the choices of one event."""
        return chunks_from_json(body)

    def simplify(self) -> bool:
        """Leave out what only some servers know."""
        before, self._plain = self._plain, True
        return not (before or self._ours)


class LlamaCpp:
    """``/infill`` of the llama.cpp server, which knows the markers of the model that it runs.

    Source: tools/server/README.md of llama.cpp.
    """

    path = "/infill"
    listing = "/v1/models"
    lines = False
    at_once = False

    def models(self, body: Any) -> list[str]:
        """Return the ids of ``data``."""
        return [str(model["id"]) for model in body["data"]]

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return the body for one choice; the current line goes behind the markers, as the server expects it."""
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
        """Return the chunk of one event; the last has ``stop``, the reason and the counts."""
        if not body.get("stop"):
            return [Chunk(index, str(body.get("content") or ""))]
        limit = body.get("stop_type") == "limit" or bool(body.get("stopped_limit"))
        usage = Usage(
            int(body.get("tokens_evaluated") or 0),
            int((body.get("timings") or {}).get("cache_n") or 0),
            int(body.get("tokens_predicted") or 0),
        )
        reason = FinishReason.LENGTH if limit else FinishReason.STOP
        return [Chunk(index, str(body.get("content") or ""), reason, usage=usage, timings=_timings(body))]

    def simplify(self) -> bool:
        """Everything asked for is documented."""
        return False


class Ollama:
    """``/api/generate`` of Ollama with ``suffix``, which it infills by the template of the model.

    Source: docs/api.md of Ollama.
    """

    path = "/api/generate"
    listing = "/api/tags"
    lines = True
    at_once = False

    def models(self, body: Any) -> list[str]:
        """Return the names of ``models``."""
        return [str(model["name"]) for model in body["models"]]

    def request(self, request: CompletionRequest, model: str, index: int) -> Body:
        """Return the body for one choice; other files have no place of their own, so they go before the prefix."""
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
        # An empty suffix would ask for chat.
        return {**body, "suffix": request.suffix or "\n"}

    def chunks(self, body: Body, index: int) -> list[Chunk]:
        """Return the chunk of one line; the last has ``done``, the reason and the counts."""
        text = str(body.get("response") or "")
        if not body.get("done"):
            return [Chunk(index, text)]
        reason = FinishReason.LENGTH if body.get("done_reason") == "length" else FinishReason.STOP
        usage = Usage(int(body.get("prompt_eval_count") or 0), 0, int(body.get("eval_count") or 0))
        return [Chunk(index, text, reason, usage=usage)]

    def simplify(self) -> bool:
        """Everything asked for is documented."""
        return False


def dialect(name: str) -> Dialect:
    """Return the protocol that ``engine.api`` names."""
    if name == "llama.cpp":
        return LlamaCpp()
    return Ollama() if name == "ollama" else OpenAI()


def _timings(body: Body) -> dict[str, float]:
    given = body.get("timings") or {}
    names = {"prompt_ms": "prefill_ms", "predicted_ms": "decode_ms", "predicted_per_second": "tokens_per_s"}
    return {ours: float(given[theirs]) for theirs, ours in names.items() if given.get(theirs) is not None}
