"""The rows of the table: models, and parts of the pipeline switched off, over weights that are loaded once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from collections.abc import Generator as Chunks
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infill_completion.api import Chunk, CompletionRequest, FinishReason, TextUpdate, Usage
from infill_completion.catalog.small import small_model
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram.text_store import TextStore
from infill_completion.settings import EngineSettings
from infill_server.errors import UsageError
from training.compare import PredictionSource, Predictor

EMBEDDED = "embedded"
SMALL = "small"
UNTAUGHT = "untaught"  # the small model's file without what the package teaches to it
SUBJECT = ("model", "sha256", "taught", "quantization", "device", "layout", "context_tokens")
Answer = Callable[[CompletionRequest], Chunks[Chunk, None, None]]


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        title: What readers see.
        model: ``embedded``, ``small``, ``untaught`` or a path.
        changes: Changes of the model's settings (`ModelSettings`).
        is_ngrams: Whether the n-gram index answers alone; the model only lends its tokenizer.
        has_workspace: Whether the other files of the project are counted too.
        has_files: Whether similar parts of them are in the prompt too, as where an editor has the project open.
    """

    title: str
    model: str
    changes: dict[str, Any] = field(default_factory=dict)
    is_ngrams: bool = False
    has_workspace: bool = False
    has_files: bool = False


ROWS = {
    "ngrams": Row("n-grams alone", EMBEDDED, is_ngrams=True),
    "embedded-plain": Row("embedded, without n-grams", EMBEDDED, {"cache": None}),
    "embedded": Row("embedded", EMBEDDED),
    "embedded-workspace": Row("embedded, workspace counted", EMBEDDED, has_workspace=True),
    "embedded-files": Row(
        "embedded, workspace counted and in the prompt", EMBEDDED, has_workspace=True, has_files=True
    ),
    "embedded-own-files": Row(
        "embedded, its own lines, workspace counted and in the prompt",
        EMBEDDED,
        {"rerank": None},
        has_workspace=True,
        has_files=True,
    ),
    "small-plain": Row("small, untaught", UNTAUGHT, {"cache": None, "rerank": None}),
    "small-ngrams": Row("small, n-grams", SMALL, {"rerank": None}),
    "small-untaught-files": Row(
        "small, untaught, n-grams, re-ranked, workspace counted and in the prompt",
        UNTAUGHT,
        has_workspace=True,
        has_files=True,
    ),
    "small-reranked": Row("small, re-ranked", SMALL, {"cache": None}),
    "small": Row("small, n-grams, re-ranked", SMALL),
    "small-workspace": Row("small, n-grams, re-ranked, workspace counted", SMALL, has_workspace=True),
    "small-files": Row(
        "small, n-grams, re-ranked, workspace counted and in the prompt", SMALL, has_workspace=True, has_files=True
    ),
}
DEFAULT_ROWS = (
    "ngrams", "embedded", "embedded-workspace", "small-plain", "small-reranked", "small", "small-workspace",
    "small-untaught-files", "small-files",
)  # fmt: skip


def row_of(name: str) -> Row:
    """Return the row of a name in :data:`ROWS`, or of a model's folder or file as it is."""
    return ROWS.get(name) or Row(name, name)


class LocalModels:
    """Models in this process, so that rows over the same weights share them, and the prompt that was read for a hole.

    Args:
        settings: Device, quantization and prompt budget.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._loaded: dict[str, Generator] = {}
        self._thread = ThreadPoolExecutor(1, "model")
        self._folder = TemporaryDirectory()

    async def engine(self, row: Row) -> LocalAnswers:
        """Return the engine of a row.

        Raises:
            UsageError: The small model is not on this machine.
            ModelError: The model cannot be loaded.
        """
        path = self._model_path(row.model)
        if path not in self._loaded:
            settings = replace(self._settings, model=path)
            loaded = self._thread.submit(Generator.load, settings, lambda _share, _what: None)
            self._loaded[path] = await asyncio.wrap_future(loaded)
        base = self._loaded[path]
        subject = {name: base.details[name] for name in SUBJECT} | {"changes": row.changes}
        subject["model"] = Path(subject["model"]).name
        if row.is_ngrams:
            predictor = Predictor(base, PredictionSource.NGRAM)
            return LocalAnswers(lambda request: _copied(predictor, request), self._thread, subject | {"ngrams": True})
        changed = base.with_settings(**row.changes)
        changed.model.slots = base.model.slots  # the prompt is the same
        texts = changed.model.texts if row.has_workspace else None
        if row.has_workspace:
            subject["workspace"] = True
        return LocalAnswers(lambda request: _streamed(changed, request), self._thread, subject, texts)

    def _model_path(self, name: str) -> str:
        if name not in (SMALL, UNTAUGHT):
            return name if name == EMBEDDED else str(Path(name).absolute())
        found = small_model()
        if found is None:
            raise UsageError("The small model is not on this machine; fetch it with `infill-ls models pull small`.")
        if name == SMALL:
            return str(found)
        other = Path(self._folder.name) / "untaught.gguf"  # the package teaches files by their names
        if not other.exists():
            other.symlink_to(found)
        return str(other)


class LocalAnswers:
    """An engine whose model is in this process; implements :class:`infill_completion.api.Engine`.

    Args:
        answer: Answers a request.
        thread: The model's thread.
        subject: As below.
        texts: Where the files of projects are counted; None where they are not.

    Attributes:
        subject: What answers.
    """

    def __init__(
        self, answer: Answer, thread: ThreadPoolExecutor, subject: dict[str, Any], texts: TextStore | None = None
    ) -> None:
        self.subject = subject
        self._answer, self._thread, self._texts = answer, thread, texts
        self._names = ("", "")

    async def open(self, file: Path, folder: Path) -> None:
        """Prepare for requests about a file: count the other files of its project, the top folder in ``folder``."""
        if self._texts is None:
            return
        project = folder / file.relative_to(folder).parts[0]
        self._names = (project.name, str(file.relative_to(folder)))
        if self._texts.index(project.name) is None:
            paths = sorted(path for path in project.rglob("*") if path.is_file())
            texts = tuple((str(path.relative_to(folder)), text) for path in paths if (text := _text(path)) is not None)
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, self._texts.update, TextUpdate(project.name, texts))

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[Chunk, None]:
        """Yield chunks; the machine may be busy or the process stopped, so there is no deadline."""
        loop = asyncio.get_running_loop()
        workspace, document = self._names
        chunks = self._answer(replace(request, deadline_ms=None, workspace=workspace, document=document))
        try:
            while (chunk := await loop.run_in_executor(self._thread, next, chunks, None)) is not None:
                yield chunk
        finally:
            await loop.run_in_executor(self._thread, chunks.close)


def _text(path: Path) -> str | None:
    """Return the text of a file; None if it is in another encoding than UTF-8, as pictures and old sources are."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return None


def _streamed(generator: Generator, request: CompletionRequest) -> Chunks[Chunk, None, None]:
    yield from generator.stream(request, lambda: False)


def _copied(predictor: Predictor, request: CompletionRequest) -> Chunks[Chunk, None, None]:
    text = predictor.copied(request)
    yield Chunk(0, text, FinishReason.STOP, token_count=1, usage=Usage(1, 0, 1))
