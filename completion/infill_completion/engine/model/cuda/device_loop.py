"""Decoding on a CUDA device without waiting for it: the static step as a graph, one step ahead of the token read.

While the host looks at a token, the device computes the one behind it.  What it computed in vain when the answer ends,
or another answer has its turn, stands behind the length of the cache, where nothing counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.static_step import StaticStep, bucket_of
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.fused_ops import PLAIN, Glue
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling

log = logging.getLogger(__name__)

_WARM_UPS = 2  # libraries allocate their workspaces in the first runs, which a capture does not allow
# Rows of the wide step at least: bitsandbytes' kernels for few rows cost about the same from one row to five, and typed
# characters and candidates are about so many.
_LEAST_WIDTH = 5
# A forward pass operator by operator is bound by its launches, and takes about as long as so many replays.
_MOST_REPLAYS = 8


class Token(NamedTuple):
    """A chosen token and its log-probability (nats)."""

    id: int
    logprob: float


class DeviceLoop:
    """Runs the static steps of one decoder, for any number of answers in turn; all on the thread that loaded the model.

    The first cache gets its graphs in :meth:`prepare`.  On another one a step runs operator by operator the first time
    that it is needed at a bucket, and is captured by :meth:`settle` when the answer is out, so that no answer waits.

    Args:
        decoder: Of any device; graphs need a single CUDA device.
        draft_tokens: Most drafts of a step.
        glue: What is computed between the products; see :func:`infill_completion.engine.model.fused_ops.compiled`.

    Attributes:
        width: Most tokens of a step.
        captures: Whether steps become graphs.
        steps: How many were run.
    """

    def __init__(self, decoder: Decoder, draft_tokens: int, glue: Glue = PLAIN) -> None:
        on_cuda = decoder.device.type == "cuda"
        self._single = StaticStep(decoder, glue=glue)
        self._wide = StaticStep(decoder, max(1 + draft_tokens, _LEAST_WIDTH), glue)
        self.width = self._wide.width
        self.captures = on_cuda and len(set(decoder.kv_shape.devices)) == 1
        # A graph holds bare addresses of its cache, so it must not outlive it.
        self._graphs: WeakKeyDictionary[KVCache, dict[tuple[int, int], torch.cuda.CUDAGraph]] = WeakKeyDictionary()
        self._missing: WeakKeyDictionary[KVCache, set[tuple[int, int]]] = WeakKeyDictionary()
        self._pool = torch.cuda.graph_pool_handle() if self.captures else None
        # Two of each: the step that is read, and the one ahead of it.
        self._read_back = [torch.zeros(1, 2, dtype=torch.float64, pin_memory=on_cuda) for _ in range(2)]
        cuda: Any = torch.cuda  # parts of it have no types
        self._arrived = [cuda.Event() for _ in self._read_back] if on_cuda else []
        self._ahead: tuple[Sampling, KVCache, int] | None = None  # whose step is under way, and its place
        self._last = Token(-1, 0.0)
        self.steps = 0

    def follow(self, sampling: Sampling, cache: KVCache, id_: int, place: int) -> Token:
        """Return the token behind ``id_``, which stands at ``place`` of the cache, and begin the next step."""
        if self._ahead != (sampling, cache, place) or self._last.id != id_:
            self._single.feed([id_], place)
            self._launch(sampling, cache, place)
        self._ahead = None
        if place + 1 < cache.capacity:
            self._launch(sampling, cache, place + 1)
            self._ahead = (sampling, cache, place + 1)
        self._last = self._read(place)
        return self._last

    def reach(self, cache: KVCache, place: int) -> int:
        """Return how many tokens from ``place`` on are best read in wide steps; more are for a pass of their own.

        Steps that are no graph yet save nothing, so there it is one of them; none where not even that fits the cache.
        """
        is_graph = (self.width, bucket_of(place + self.width, cache.capacity)) in self._graphs.get(cache, {})
        return self.width * min(_MOST_REPLAYS if is_graph else 1, (cache.capacity - place) // self.width)

    def check(self, sampling: Sampling, cache: KVCache, fed: Sequence[int], place: int) -> list[Token]:
        """Return the token behind each of ``fed``, from ``place`` on: one that was chosen, and drafts."""
        self._ahead = None
        self._wide.feed(fed, place)
        self._wide.prepare(sampling.temperature, sampling.top_p, sampling.seed, place)
        self._run(self._wide, cache, place)
        return [Token(int(id_), logprob) for id_, logprob in self._wide.result[: len(fed)].tolist()]

    def score(self, cache: KVCache, ids: Sequence[int], place: int, fork: Fork | None = None) -> Tensor:
        """Return the model's scores behind each of ``ids``, ``(len(ids), vocabulary)``, where the host has a say.

        At most :meth:`reach` of them come from ``place`` on, in as many steps as they need.
        """
        self._ahead = None
        scores = []
        for at in range(0, len(ids), self.width):
            part = ids[at : at + self.width]
            self._wide.feed(part, place + at, fork)
            self._run(self._wide, cache, place + at)
            # A copy, because another answer may have its turn before the scores are read.
            scores.append(self._wide.logits[: len(part)].clone())
        return torch.cat(scores)

    def prepare(self, cache: KVCache) -> None:
        """Capture every step that ``cache``, which holds nothing yet, can need."""
        lengths = range(1, cache.capacity + 1)
        buckets = {bucket_of(length, cache.capacity) for length in lengths}
        self._missing[cache] = {(step.width, bucket) for step in (self._single, self._wide) for bucket in buckets}
        self.settle(cache, 0)

    def settle(self, cache: KVCache, length: int) -> None:
        """Capture what ran operator by operator on ``cache``, whose first ``length`` tokens count and stay as they are.

        Where that fails there is one line in the log, and no graph from then on.
        """
        self._ahead = None
        for width, bucket in sorted(self._missing.pop(cache, ())):
            step = self._single if width == 1 else self._wide
            if not self.captures or length + width + _WARM_UPS > cache.capacity:
                return
            try:
                self._graphs.setdefault(cache, {})[width, bucket] = self._captured(step, cache, bucket, length)
            except RuntimeError as error:  # a kernel that cannot be captured, or no memory for the graph
                self.captures = False
                self._graphs.clear()
                log.warning("CUDA graphs are off: capturing failed with %s.", type(error).__name__)

    def graphs(self, cache: KVCache) -> int:
        """Return how many graphs there are for a cache."""
        return len(self._graphs.get(cache, ()))

    def _captured(self, step: StaticStep, cache: KVCache, bucket: int, length: int) -> torch.cuda.CUDAGraph:
        step.feed([0], length)  # the trial runs write keys behind what counts
        cuda: Any = torch.cuda
        side = cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                step.run(cache, bucket)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            step.run(cache, bucket)
        return graph

    def _launch(self, sampling: Sampling, cache: KVCache, place: int) -> None:
        self._single.prepare(sampling.temperature, sampling.top_p, sampling.seed, place)
        self._run(self._single, cache, place)
        self._read_back[place % 2].copy_(self._single.result, non_blocking=True)
        if self._arrived:
            self._arrived[place % 2].record()

    def _read(self, place: int) -> Token:
        if self._arrived:
            self._arrived[place % 2].synchronize()
        id_, logprob = self._read_back[place % 2][0].tolist()
        return Token(int(id_), logprob)

    def _run(self, step: StaticStep, cache: KVCache, place: int) -> None:
        self.steps += 1
        bucket = bucket_of(place + step.width, cache.capacity)
        graph = self._graphs.get(cache, {}).get((step.width, bucket))
        if graph is not None:
            graph.replay()
            return
        self._missing.setdefault(cache, set()).add((step.width, bucket))
        step.run(cache, bucket)
