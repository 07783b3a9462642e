"""What a remote server says about its models: names, the size of the window, whether the weights are loaded.

Each product has its own names for the same facts; what a server does not say stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

# The window that is loaded comes before the one that the model was trained for.
_WINDOW_KEYS = (
    "loaded_context_length",  # LM Studio
    "max_model_len",  # vLLM, SGLang
    "max_total_tokens",  # Text Generation Inference
    "n_ctx",  # llama.cpp
    "max_seq_len",  # TabbyAPI
    "context_length",  # Ollama, OpenRouter, Together
    "context_window",  # Groq
    "max_context_length",  # LM Studio, Mistral
    "max_context_window_tokens",  # GitHub Models
    "max_input_length",  # Text Generation Inference: of the prompt alone
    "max_input_tokens",  # LiteLLM, newer Text Generation Inference
    "n_ctx_train",  # llama.cpp
)
_INNER_KEYS = ("meta", "parameters", "limits", "model_info", "litellm_params", "default_generation_settings", "details")
_NAME_KEYS = (
    "root",  # vLLM: the hub id or the path behind --served-model-name
    "parent",
    "parent_model",
    "path",
    "model_path",
    "model_id",
    "base_model",
    "hugging_face_id",
    "general.basename",
    "general.name",
    "model",
    "model_name",
    "display_name",
    "family",
    "arch",
    "general.architecture",
)
_LOADED = frozenset({"loaded", "running", "ready", "active", "hot"})
_NOT_LOADED = frozenset({"not-loaded", "unloaded", "loading", "sleeping", "stopped", "starting", "cold", "downloading"})
# A window below this is a mistake of the server's, or a number that means something else.
_LEAST_WINDOW_TOKENS = 64


@dataclass(frozen=True)
class ServedModel:
    """One model of a server; empty and None where the server does not say.

    Attributes:
        name: The server's name for it, which requests carry; empty lets the server choose.
        owner: Who owns it: in practice, the product that serves it.
        other_names: More names of it, most telling first.
        window_tokens: The most tokens of a prompt and its answer.
        is_loaded: Whether its weights are loaded.
        is_for_text: False for a model that embeds or ranks text instead of writing any.
    """

    name: str = ""
    owner: str = ""
    other_names: tuple[str, ...] = ()
    window_tokens: int | None = None
    is_loaded: bool | None = None
    is_for_text: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """All its names, most telling first."""
        return (self.name, *self.other_names)

    def with_details(self, details: Any) -> ServedModel:
        """Return the model with what an answer about it alone adds; its window replaces the one of the listing."""
        if not isinstance(details, Mapping):
            return self
        more = served_model(self.name, details)
        return replace(
            self,
            other_names=(*self.other_names, *(name for name in more.other_names if name not in self.names)),
            window_tokens=more.window_tokens or self.window_tokens,
            is_loaded=self.is_loaded if more.is_loaded is None else more.is_loaded,
        )


def served_model(name: str, entry: Mapping[str, Any]) -> ServedModel:
    """Return the model that ``entry`` describes, in the words of any of the known products."""
    names = dict.fromkeys(str(value) for value in _values(entry, _NAME_KEYS) if isinstance(value, str) and value)
    names.pop(name, None)
    return ServedModel(
        name,
        str(entry.get("owned_by") or ""),
        tuple(names),
        next((size for value in _values(entry, _WINDOW_KEYS) if (size := _window(value)) is not None), None),
        _is_loaded(entry),
        not _embeds(name, entry),
    )


def _values(entry: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[Any]:
    tables = [entry, *(inner for key in _INNER_KEYS if isinstance(inner := entry.get(key), Mapping))]
    for key in keys:
        for table in tables:
            # Ollama puts the architecture before the key, as in `qwen2.context_length`.
            yield from (value for name, value in table.items() if name == key or str(name).endswith(f".{key}"))


def _window(value: object) -> int | None:
    try:
        size = int(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else 0
    except (ValueError, OverflowError):
        return None
    return size if size >= _LEAST_WINDOW_TOKENS else None


def _is_loaded(entry: Mapping[str, Any]) -> bool | None:
    status = entry.get("status")
    state = status.get("value") if isinstance(status, Mapping) else status or entry.get("state")
    if isinstance(entry.get("is_sleeping"), bool):
        return not entry["is_sleeping"]
    word = str(state or "").lower()
    return True if word in _LOADED else False if word in _NOT_LOADED else None


def _embeds(name: str, entry: Mapping[str, Any]) -> bool:
    kind = str(entry.get("type") or "").lower()
    words = name.lower()
    return kind.startswith(("embedding", "rerank", "image", "audio")) or any(
        mark in words for mark in ("embed", "rerank", "whisper", "bge-", "clip-", "tts")
    )
