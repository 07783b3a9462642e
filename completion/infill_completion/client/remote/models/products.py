"""The products that serve models, by the owner that they name in their list of models."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "infill-ls"


@dataclass(frozen=True)
class Product:
    """What is known about a product.

    Attributes:
        lists_all: Whether its list is complete, so that a model that is not there does not exist.
        is_loaded: Whether it answers only once the model is loaded.
        says_all: Whether it says all it knows in its list, and has no other place to ask.
        infills_by_suffix: Whether it infills by OpenAI's ``suffix``.
    """

    lists_all: bool = False
    is_loaded: bool = False
    says_all: bool = False
    infills_by_suffix: bool = False


_UNKNOWN = Product()
_SELF_HOSTED = Product(lists_all=True, is_loaded=True, says_all=True)
_HOSTED = Product(says_all=True)
_HOSTED_WITH_SUFFIX = Product(says_all=True, infills_by_suffix=True)
_BY_OWNER = {
    OURS: _SELF_HOSTED,
    "vllm": _SELF_HOSTED,
    "sglang": _SELF_HOSTED,
    "openai": _HOSTED,
    "system": _HOSTED,
    "deepseek": _HOSTED_WITH_SUFFIX,
    "library": _HOSTED_WITH_SUFFIX,  # Ollama
    "mistralai": _HOSTED_WITH_SUFFIX,
}


def product_of(owner: str) -> Product:
    """Return what is known about the product that calls itself ``owner``; nothing about an unknown one."""
    return _BY_OWNER.get(owner, _UNKNOWN)
