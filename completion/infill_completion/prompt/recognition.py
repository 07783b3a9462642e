"""Which format a remote model has: as the user says, or as the names that its server knows it by suggest."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infill_completion.prompt.formats import FORMATS, FimFormat, format_of_model, trained_to_infill

_AUTO, _NONE, _SUFFIX = "auto", "none", "suffix"


@dataclass(frozen=True)
class ModelFormat:
    """What is known of how a model infills.

    Attributes:
        form: Its format, if its family is known.
        infills: Whether it was trained to infill, as far as is known.
        by_suffix: Whether the server builds the infill prompt itself if it gets the suffix in a separate field.
    """

    form: FimFormat | None = None
    infills: bool = True
    by_suffix: bool = False

    @property
    def is_unknown(self) -> bool:
        """Whether it is unknown how the model infills."""
        return self.form is None and self.infills and not self.by_suffix


def format_choices() -> tuple[str, ...]:
    """Return the values of the setting ``engine.format``."""
    return (_AUTO, *(form.family.lower() for form in FORMATS), _SUFFIX, _NONE)


def format_called(choice: str) -> ModelFormat | None:
    """Return the format for a value of ``engine.format``; None for ``auto``."""
    if choice == _AUTO:
        return None
    if choice == _NONE:
        return ModelFormat(infills=False)
    if choice == _SUFFIX:
        return ModelFormat(by_suffix=True)
    return ModelFormat(next(form for form in FORMATS if form.family.lower() == choice))


def format_of_names(names: Iterable[str]) -> ModelFormat:
    """Return what the first known one of a model's names says about it.

    Args:
        names: What the server calls the model: its id, root, parent, the path of its file, its architecture.
    """
    for name in (part for whole in names for part in parts_of_name(whole)):
        form = format_of_model(name)
        if form is not None or not trained_to_infill(name):
            return ModelFormat(form, trained_to_infill(name))
    return ModelFormat()


def parts_of_name(name: str) -> Iterator[str]:
    """Yield what may name a model, the last part of a path or id first: a folder may be named after something else."""
    whole = name.replace("\\", "/").rstrip("/")
    *folders, last = whole.split("/")
    yield last
    if re.search(r"\.gguf$", last, re.IGNORECASE):
        yield from reversed(folders[-2:])  # OWNER/MODEL-GGUF/FILE.gguf
    elif folders:
        yield whole
