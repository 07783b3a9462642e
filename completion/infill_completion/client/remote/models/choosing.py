"""The choice among a server's models."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from infill_completion.client.remote.models.served import ServedModel
from infill_completion.prompt.recognition import format_of_names


def best_model(listed: Sequence[ServedModel]) -> ServedModel | None:
    """Return the model for ``auto``: one that infills before one that does not, a loaded one before the others.

    Among equals the first one counts, and a name with a wildcard names no model.
    """
    possible = [model for model in listed if model.is_for_text and model.name and "*" not in model.name]
    return min(possible, key=_rank, default=None)


def model_called(wanted: str, listed: Sequence[ServedModel]) -> ServedModel | None:
    """Return the listed model that the user means by ``wanted``: in other letters, without its tag, or by its path."""
    by_name = {model.name: model for model in listed}
    if wanted in by_name:
        return by_name[wanted]
    lower, tagged = wanted.lower(), f"{wanted}:latest".lower()  # Ollama adds a tag to names without one
    return next((model for model in listed if model.name.lower() in {lower, tagged}), None) or next(
        (model for model in listed if lower in {name.lower() for name in model.other_names}), None
    )


def is_covered(wanted: str, listed: Sequence[ServedModel]) -> bool:
    """Return whether a wildcard of the listing, such as LiteLLM's ``openai/*``, matches ``wanted``."""
    return any("*" in model.name and fnmatchcase(wanted, model.name) for model in listed)


def wildcards(listed: Sequence[ServedModel]) -> list[str]:
    """Return the names of ``listed`` that stand for any number of models."""
    return [model.name for model in listed if "*" in model.name]


def _rank(model: ServedModel) -> tuple[bool, bool]:
    known = format_of_names(model.names)
    return known.form is None or not known.infills, model.is_loaded is False
