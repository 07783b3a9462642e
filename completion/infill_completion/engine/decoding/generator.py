"""Answers completion requests with a loaded model.

Everything here runs on one thread, the one that loaded the model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Generator as Steps
from typing import Any

from infill_completion.api import Chunk, CompletionRequest
from infill_completion.engine import memory
from infill_completion.engine.checkpoints.checkpoint import load as load_checkpoint
from infill_completion.engine.decoding.loaded_model import LoadedModel
from infill_completion.engine.decoding.run import Run
from infill_completion.engine.ngram.text_store import TextStore
from infill_completion.engine.progress import Progress
from infill_completion.settings import EngineSettings


class Generator:
    """Answers requests with one model.

    Attributes:
        model: The model, and what its requests share.
        name: The model's name as users see it.
        device: The device it runs on.
    """

    def __init__(self, model: LoadedModel) -> None:
        self.model = model
        self.name, self.device = model.name, model.device

    @classmethod
    def load(cls, settings: EngineSettings, progress: Progress, *, without_transformers: bool = False) -> Generator:
        """Load the model that the settings name; ``progress`` gets a share from 0 to 1 and a few words.

        ``without_transformers`` as in :func:`infill_completion.engine.checkpoints.checkpoint.load`.

        Raises:
            ModelError: The model cannot be loaded.
        """
        checkpoint = load_checkpoint(settings, progress, without_transformers=without_transformers)
        generator = cls(LoadedModel(checkpoint, settings.context_tokens, settings.kv_bits))
        generator.warm_up()
        progress(1.0, "ready")
        return generator

    @property
    def details(self) -> dict[str, Any]:
        """What ``GET /health`` and `infill-ls doctor` show about the model."""
        return self.model.details

    @property
    def concurrency(self) -> int:
        """How many requests may run at once: as many as there are slots, but at least two."""
        return max(2, self.model.slots.count)

    @property
    def texts(self) -> TextStore:
        """The texts of workspaces that are counted."""
        return self.model.texts

    def warm_up(self) -> None:
        """Run one short request, so that the first real one does not pay for lazy initialisation.

        Then give back what only loading needed.
        """
        request = CompletionRequest(prefix="def f():\n    return ", suffix="\n", max_tokens=2, temperature=0.0)
        model, loop = self.model, self.model.device_loop
        if loop is not None:
            slot, _ = model.slots.acquire([0])
            loop.prepare(slot.cache)
            loop.measure(slot.cache)
            model.slots.release(slot)
        for _ in self.stream(request, lambda: False):
            pass
        # The slot whose cache has graphs is kept: graphs end with their cache.
        model.slots.clear() if loop is None else model.slots.forget()
        model.recent_texts.clear()
        memory.return_free()
        memory.unmap_code()

    def stream(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Iterator[Chunk]:
        """Answer a request, at least one chunk per token.

        ``cancelled`` and the deadline are checked before each token and between chunks of the prefill.  When memory
        runs out, the context is halved and the answer goes on from there.

        Yields:
            Chunks; the last of each candidate has a ``finish_reason``, the very last one ``usage``, ``timings`` and,
            if asked for, ``explain``.

        Raises:
            ModelError: There is not enough memory for even a short prompt.
        """
        steps = self.steps(request, cancelled)
        try:
            yield from (chunk for chunk in steps if chunk is not None)
        finally:
            steps.close()

    def steps(self, request: CompletionRequest, cancelled: Callable[[], bool]) -> Steps[Chunk | None, None, None]:
        """Answer a request as :meth:`stream` does, with None wherever a long prefill may give way to another request.

        Several requests may run at once, one step of each after another; each gets the tokens it would get alone.
        """
        yield from Run(self.model, request, cancelled).steps()

    def with_settings(self, **changes: Any) -> Generator:
        """Return a generator over the same weights with other model settings, to compare them."""
        return Generator(self.model.with_settings(**changes))

    def settle(self) -> None:
        """Give memory that only running requests need back to the system, up to 40 MB after a long prompt."""
        memory.return_free()

    def close(self) -> None:
        """Free the weights and all caches."""
        self.model.close()
