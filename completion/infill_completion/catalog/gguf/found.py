"""The GGUF files on this machine: those of other programs, and those in folders that the user names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infill_completion.catalog.gguf.description import Description, describe
from infill_completion.catalog.gguf.ollama import ollama_models
from infill_completion.catalog.gguf.places import files_below, llama_cpp_folders, lm_studio_folders
from infill_completion.catalog.gguf.reader import GgufError, GgufFile, printable, read
from infill_completion.catalog.local import hub_folder
from infill_completion.prompt.formats import format_of_tokens, trained_to_infill

_MARKS = (("fim_pre", "prefix"), ("fim_suf", "suffix"), ("fim_mid", "middle"))


@dataclass(frozen=True)
class GgufModel:
    """A GGUF file on this machine.

    Attributes:
        name: What ``engine.model`` may say to get it: its path, or the name that Ollama gives it.
        path: The file.
        source: The program that keeps it, or the folder that the user named.
        bytes: Its size.
        description: What it says about its model; None if it cannot be used.
        infills: Whether it has infilling tokens.
        problem: Why it cannot be used, as a sentence; otherwise empty.
    """

    name: str
    path: Path
    source: str
    bytes: int
    description: Description | None = None
    infills: bool = False
    problem: str = ""


def found(folders: Iterable[Path] = (), wanted: Callable[[str], bool] | None = None) -> list[GgufModel]:
    """Return the GGUF files that other programs keep on this machine, and those below ``folders``.

    Each file is there once, under the first name it is found by.  With ``wanted``, only those are read for whose file
    name or Ollama name it returns True.
    """
    models: dict[Path, GgufModel] = {}
    for name, path, source in _candidates(folders):
        if wanted is not None and not wanted(path.name if name == str(path) else name):
            continue
        try:
            if (real := path.resolve()) not in models:
                models[real] = _model(name, path, source)
        except OSError:
            continue
    return list(models.values())


def in_folder(folder: Path) -> Path | None:
    """Return the GGUF file in a folder; None if it has none.

    Raises:
        GgufError: There are several.
    """
    files = list(files_below(folder, depth=1))
    if len(files) > 1:
        names = ", ".join(printable(file.name) for file in files[:3])
        more = ", ..." if len(files) > 3 else ""
        where = printable(str(folder), 200)
        raise GgufError(f"{where} has several GGUF files ({names}{more}); name one in engine.model.")
    return files[0] if files else None


def _candidates(folders: Iterable[Path]) -> Iterator[tuple[str, Path, str]]:
    """Yield the name, the file and the source of each file."""
    for folder in folders:
        yield from ((str(path), path, str(folder)) for path in files_below(folder))
    yield from ((name, path, "Ollama") for name, path in ollama_models())
    for snapshot in sorted(hub_folder().glob("models--*--*/snapshots/*")):
        yield from ((str(path), path, "Hugging Face") for path in files_below(snapshot))
    for source, places in (("LM Studio", lm_studio_folders()), ("llama.cpp", llama_cpp_folders())):
        for place in places:
            yield from ((str(path), path, source) for path in files_below(place))


def _model(name: str, path: Path, source: str) -> GgufModel:
    size = path.stat().st_size
    try:
        file = read(path)
        description = describe(file)
    except GgufError as error:
        return GgufModel(name, path, source, size, problem=str(error))
    return GgufModel(name, path, source, size, description, _infills(file, (name, *description.names)))


def _infills(file: GgufFile, names: Iterable[str]) -> bool:
    """Return whether the vocabulary has the marks of a known format, or the metadata name marks."""
    tokens, shown = file.metadata.get("tokenizer.ggml.tokens"), " ".join(names)
    has_marks = all(any(f"tokenizer.ggml.{key}_token_id" in file.metadata for key in keys) for keys in _MARKS)
    known = isinstance(tokens, tuple) and format_of_tokens({str(token) for token in tokens}, shown) is not None
    return (has_marks or known) and trained_to_infill(shown)
