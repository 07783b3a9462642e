"""Licences of the known models, and which of them the user has to be asked about before a download.

Sources: the model cards on the hub.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.catalog.small import SMALL_ID


@dataclass(frozen=True)
class Licence:
    """The licence of a model.

    Attributes:
        name: Its name.
        is_commercial: Whether it allows commercial use.
        is_gated: Whether the hub asks to accept it before a download.
    """

    name: str
    is_commercial: bool = True
    is_gated: bool = False

    @property
    def concern(self) -> str:
        """What to ask the user about, as the rest of a sentence; empty if there is nothing to ask."""
        concerns = [] if self.is_commercial else ["forbids commercial use"]
        if self.is_gated:
            concerns.append("has to be accepted on the hub first")
        return " and ".join(concerns)


_APACHE, _LLAMA2 = Licence("Apache-2.0"), Licence("Llama 2 Community License")
_DEEPSEEK, _BIGCODE = Licence("DeepSeek Model License"), Licence("BigCode OpenRAIL-M")

LICENCES: dict[str, Licence] = {
    "Qwen/Qwen2.5-Coder-0.5B": _APACHE,
    "Qwen/Qwen2.5-Coder-1.5B": _APACHE,
    "Qwen/Qwen2.5-Coder-3B": Licence("Qwen Research License", is_commercial=False),
    "Qwen/Qwen2.5-Coder-7B": _APACHE,
    "Qwen/Qwen2.5-Coder-14B": _APACHE,
    "Qwen/Qwen2.5-Coder-32B": _APACHE,
    "JetBrains/Mellum-4b-base": _APACHE,
    "ByteDance-Seed/Seed-Coder-8B-Base": Licence("MIT"),
    "mistralai/Codestral-22B-v0.1": Licence("Mistral AI Non-Production License", is_commercial=False, is_gated=True),
    "deepseek-ai/deepseek-coder-1.3b-base": _DEEPSEEK,
    "deepseek-ai/deepseek-coder-6.7b-base": _DEEPSEEK,
    "deepseek-ai/deepseek-coder-33b-base": _DEEPSEEK,
    "bigcode/starcoder2-3b": _BIGCODE,
    "bigcode/starcoder2-7b": _BIGCODE,
    "bigcode/starcoder2-15b": _BIGCODE,
    "google/codegemma-7b": Licence("Gemma Terms of Use", is_gated=True),
    "ibm-granite/granite-3b-code-base-2k": _APACHE,
    "ibm-granite/granite-8b-code-base-4k": _APACHE,
    "ibm-granite/granite-3.3-2b-base": _APACHE,
    "ibm-granite/granite-3.3-8b-base": _APACHE,
    SMALL_ID: _APACHE,
}


def licence(model_id: str) -> Licence | None:
    """Return the licence of a model by its id on the hub, or None if it is unknown.

    CodeLlama is not gated under ``codellama/``, but it is in Meta's own repositories.
    """
    lower = model_id.lower()
    if lower.startswith("codellama/codellama-"):
        return _LLAMA2
    if lower.startswith("meta-llama/codellama-"):
        return Licence(_LLAMA2.name, is_gated=True)
    return next((found for name, found in LICENCES.items() if name.lower() == lower), None)
