"""The GGUF files on this machine, as part of ``infill-ls models list``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.catalog import Quantization
from infill_completion.catalog.gguf import GgufModel, found
from infill_server.errors import UsageError

_GIB = 2**30
_HEADING = f"{'GiB':>6}{'bf16':>7}  {'type':<8}name for engine.model; support, where it is"


@dataclass(frozen=True)
class GgufRow:
    """One GGUF file of the list.

    Attributes:
        name: What ``engine.model`` may say to get it.
        path: The file.
        source: The program that keeps it, or the folder that the user named.
        file_bytes: Its size.
        support: What the engine can do with it.
        problem: Why it cannot be used, as a sentence; otherwise empty.
        stored_as: The type of most of its weights; empty if unknown.
        parameters: Number of weights; None if unknown.
        bf16_bytes: Memory of the weights in 16 bits; None if unknown.
    """

    name: str
    path: str
    source: str
    file_bytes: int
    support: str
    problem: str = ""
    stored_as: str = ""
    parameters: int | None = None
    bf16_bytes: int | None = None


def gguf_rows(folders: Sequence[str] = ()) -> list[GgufRow]:
    """Return the GGUF files of other programs, and those below ``folders``.

    Raises:
        UsageError: A folder does not exist.
    """
    places = [Path(folder).expanduser() for folder in folders]
    for place in places:
        if not place.is_dir():
            raise UsageError(f"Folder not found: {place}; name one with GGUF files.")
    return [_row(model) for model in found(place.absolute() for place in places)]


def _row(model: GgufModel) -> GgufRow:
    if model.description is None:
        return GgufRow(
            model.name, str(model.path), model.source, model.bytes, support="not supported", problem=model.problem
        )
    shape = model.description.shape
    return GgufRow(
        name=model.name,
        path=str(model.path),
        source=model.source,
        file_bytes=model.bytes,
        support="infills" if model.infills else "left to right only",
        stored_as=model.description.stored_as,
        parameters=shape.parameters,
        bf16_bytes=shape.weight_bytes(Quantization.BF16),
    )


def gguf_lines(rows: Sequence[GgufRow]) -> Iterator[str]:
    """Yield the lines of the list; none without files."""
    if not rows:
        return
    yield "\nGGUF files on this machine: GiB of the file, and of its weights in 16 bits:\n"
    yield _HEADING
    for row in rows:
        memory = "-" if row.bf16_bytes is None else f"{row.bf16_bytes / _GIB:.1f}"
        told = row.problem or f"{row.support}, {row.source}"
        yield f"{row.file_bytes / _GIB:>6.1f}{memory:>7}  {row.stored_as or '-':<8}{row.name}; {told}"
