"""Decoding on a CUDA device without waiting for it: the static step as a graph, one step ahead of the token being read.

While the host processes a token, the device computes the next one.  If the answer ends there, or another request runs
next, that step was in vain: it has written after the valid tokens of the cache, where nothing counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.capture import WARM_UPS, GraphCapture
from infill_completion.engine.model.cuda.choice import Token
from infill_completion.engine.model.cuda.kernel_step import KernelStep
from infill_completion.engine.model.cuda.kernels.products import MAX_ROWS
from infill_completion.engine.model.cuda.kernels.step_kernels import StepKernels
from infill_completion.engine.model.cuda.noise import Draw
from infill_completion.engine.model.cuda.static_step import StaticStep, bucket_of
from infill_completion.engine.model.cuda.step import Step
from infill_completion.engine.model.cuda.step_costs import StepCosts, measure
from infill_completion.engine.model.decoder import Decoder
from infill_completion.engine.model.fork import Fork
from infill_completion.engine.model.fused_ops import PLAIN, FusedOps
from infill_completion.engine.model.kv_cache import KVCache
from infill_completion.engine.model.sampling import Sampling

# Minimum width of the wide step: bitsandbytes' kernels for few rows take about the same time for one row as for five,
# and typed characters and candidates are about that many.
_MIN_WIDTH = 5
# A forward pass run operator by operator is bound by its launches up to about this many replays' tokens.
_MAX_REPLAYS = 16
_WHOLE_TOKENS = 64  # of the pass that is measured


class DeviceLoop:
    """Runs the static steps of one decoder for any number of requests, all on the thread that loaded the model.

    The first cache gets its graphs in :meth:`prepare`.  On another cache a step runs operator by operator when a bucket
    first needs it, and :meth:`settle` captures it once the answer is complete, so that no answer waits.

    Args:
        decoder: On any device; graphs need a single CUDA device.
        draft_tokens: Most draft tokens of a step.
        ops: The operations between the matrix products; see :mod:`infill_completion.engine.model.fused_ops`.
        kernels: Run the steps in these kernels; None: in torch's operators.

    Attributes:
        width: Most tokens of a step.
        capture: Captures the steps as graphs, and reports what came of it.
        costs: What steps cost; see :meth:`measure`.
        steps: Number of steps run.
    """

    def __init__(
        self, decoder: Decoder, draft_tokens: int, ops: FusedOps = PLAIN, kernels: StepKernels | None = None
    ) -> None:
        on_cuda = decoder.device.type == "cuda"
        self._decoder, self._ops, self._kernels = decoder, ops, kernels
        self._single = self.new_step(1)
        self._wide = self.new_step(max(1 + draft_tokens, _MIN_WIDTH) if kernels is None else MAX_ROWS)
        self.width = self._wide.width
        devices = len(set(decoder.kv_shape.devices))
        self.capture = GraphCapture(is_possible=on_cuda and devices == 1)
        if on_cuda and devices > 1:
            self.capture.error = f"The layers are on {devices} devices, and a graph belongs to one."
        # A graph holds plain addresses of its cache, so it must not outlive it.
        self._graphs: WeakKeyDictionary[KVCache, dict[tuple[int, int], torch.cuda.CUDAGraph]] = WeakKeyDictionary()
        self._missing: WeakKeyDictionary[KVCache, set[tuple[int, int]]] = WeakKeyDictionary()
        # Two of each: for the step being read, and for the one ahead of it.
        self._read_back = [torch.zeros(1, 2, dtype=torch.float64, pin_memory=on_cuda) for _ in range(2)]
        cuda: Any = torch.cuda  # parts of it have no types
        self._arrived = [cuda.Event() for _ in self._read_back] if on_cuda else []
        # The step that is running, and its index.  It holds no cache, which has to go where memory runs out.
        self._ahead: tuple[Sampling, ref[KVCache], int] | None = None
        self._last = Token(-1, 0.0)
        self.costs = StepCosts()
        self.steps = 0

    @property
    def mode(self) -> str:
        """How steps run, in a few words, with the reason where they are slower than they might be."""
        what = "torch's operators" if self._kernels is None else "own kernels"
        if self.capture.is_on:
            return f"{what} in CUDA graphs"
        return f"{what}, one launch at a time" + f": {self.capture.error}" * bool(self.capture.error)

    @property
    def has_kernels(self) -> bool:
        """Whether the steps run in the project's kernels."""
        return self._kernels is not None

    def new_step(self, width: int) -> Step:
        """Return another step as those of this loop."""
        if self._kernels is None:
            return StaticStep(self._decoder, width, self._ops)
        return KernelStep(self._kernels, width)

    def follow(self, sampling: Sampling, cache: KVCache, id_: int, index: int, *, ahead: bool = True) -> Token:
        """Return the token after ``id_``, which belongs at ``index`` of the cache, and start the next step.

        Not with ``ahead`` False: a draft, which is checked in a step of its own, would have to wait for that step.
        """
        if not self.is_ahead(sampling, cache, id_, index):
            self._single.feed([id_], index)
            self._launch(sampling, cache, index)
        self._ahead = None
        if ahead and index + 1 < cache.capacity:
            self._launch(sampling, cache, index + 1)
            self._ahead = (sampling, ref(cache), index + 1)
        self._last = self._read(index)
        return self._last

    def is_ahead(self, sampling: Sampling, cache: KVCache, id_: int, index: int) -> bool:
        """Return whether the step for ``id_`` is running already, so that its token costs nothing more."""
        return self._ahead == (sampling, ref(cache), index) and self._last.id == id_

    def reach(self, cache: KVCache, index: int) -> int:
        """Return how many tokens from ``index`` on are best computed in wide steps; more deserve a normal pass.

        A step that is not captured yet saves nothing, so it counts once.  The result is 0 where not even one step fits
        the cache.
        """
        is_graph = (self.width, bucket_of(index + self.width, cache.capacity)) in self._graphs.get(cache, {})
        replays = max(1, min(_MAX_REPLAYS, int(self.costs.whole))) if is_graph else 1
        return self.width * min(replays, (cache.capacity - index) // self.width)

    def check(self, sampling: Sampling, cache: KVCache, fed: Sequence[int], index: int) -> list[Token]:
        """Return the token after each of ``fed``, from ``index`` on: a token that was chosen, and drafts."""
        self._ahead = None
        self._wide.feed(fed, index)
        self._wide.prepare(sampling, [Draw(sampling.seed, index + row) for row in range(len(fed))])
        self._run(self._wide, cache, index)
        return _tokens(self._wide.result[: len(fed)])

    def fork(
        self, sampling: Sampling, cache: KVCache, ids: Sequence[int], index: int, fork: Fork
    ) -> tuple[list[Token], Tensor]:
        """Return the next token of each candidate of a fork, and the logits that it was chosen from.

        Args:
            sampling: Of the request; candidate ``c`` draws as a single candidate with the seed plus ``c`` does.
            cache: The cache that the candidates share.
            ids: Their last tokens, at most :meth:`reach` from ``index`` on.
            index: Cache index of the first of them.
            fork: How they share the cache.
        """
        position = fork.shared + (index - fork.shared) // fork.ways
        draws = [Draw(sampling.seed + number, position) for number in range(len(ids))]
        results, logits = self._steps(cache, ids, index, fork, sampling, draws)
        return _tokens(results), logits

    def score(self, cache: KVCache, ids: Sequence[int], index: int, fork: Fork | None = None) -> Tensor:
        """Return the logits after each of ``ids``, ``(len(ids), vocabulary)``, for choices that the host makes.

        Takes at most :meth:`reach` tokens from ``index`` on, in as many steps as they need.
        """
        return self._steps(cache, ids, index, fork)[1]

    def prepare(self, cache: KVCache) -> None:
        """Capture every step that ``cache``, which must be empty, can need."""
        lengths = range(1, cache.capacity + 1)
        buckets = {bucket_of(length, cache.capacity) for length in lengths}
        self._missing[cache] = {(step.width, bucket) for step in (self._single, self._wide) for bucket in buckets}
        self.settle(cache, 0)

    def measure(self, cache: KVCache) -> None:
        """Measure what steps cost in the middle of ``cache``, which is prepared and holds nothing.

        Without graphs nothing is measured: all steps are then bound by their launches.
        """
        index, sampling, device = cache.capacity // 2, Sampling(0.0, 1.0, 0), self._decoder.device
        if not self.graphs(cache) or index + _WHOLE_TOKENS > cache.capacity:
            return
        places, ids = count(index), torch.ones(1, _WHOLE_TOKENS, dtype=torch.long, device=device)
        self._last = Token(0, 0.0)

        def single() -> None:
            self.follow(sampling, cache, self._last.id, next(places))

        def wide() -> None:
            self.check(sampling, cache, [0] * self.width, index)

        def whole() -> None:
            self._decoder.forward(ids, cache, index).argmax().item()

        self.costs = measure(single, wide, whole)
        self._ahead = None

    def settle(self, cache: KVCache, length: int) -> None:
        """Capture the steps that ran operator by operator on ``cache``; its first ``length`` tokens stay as they are.

        If a capture fails, no graphs are used any more.
        """
        self._ahead = None
        for width, bucket in sorted(self._missing.pop(cache, ())):
            step = self._single if width == 1 else self._wide
            if not self.capture.is_on or length + width + WARM_UPS > cache.capacity:
                return
            step.feed([0], length)  # the trial runs write keys after the valid tokens
            graph = self.capture.record(partial(step.run, cache, bucket))
            if graph is None:
                self._graphs.clear()
            else:
                self._graphs.setdefault(cache, {})[width, bucket] = graph

    def graphs(self, cache: KVCache) -> int:
        """Return the number of graphs captured for a cache."""
        return len(self._graphs.get(cache, ()))

    def _steps(
        self, cache: KVCache, ids: Sequence[int], index: int, fork: Fork | None,
        sampling: Sampling | None = None, draws: Sequence[Draw] = (),
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Return the results and the logits after each of ``ids``, in as many wide steps as they need."""
        self._ahead = None
        results, logits = [], []
        for at in range(0, len(ids), self.width):
            part = ids[at : at + self.width]
            self._wide.feed(part, index + at, fork)
            if sampling is not None:
                self._wide.prepare(sampling, draws[at : at + self.width])
            self._run(self._wide, cache, index + at)
            # Copies, because another request may run before they are read.
            results.append(self._wide.result[: len(part)].clone())
            logits.append(self._wide.logits[: len(part)].clone())
        return torch.cat(results), torch.cat(logits)

    def _launch(self, sampling: Sampling, cache: KVCache, index: int) -> None:
        self._single.prepare(sampling, [Draw(sampling.seed, index)])
        self._run(self._single, cache, index)
        self._read_back[index % 2].copy_(self._single.result, non_blocking=True)
        if self._arrived:
            self._arrived[index % 2].record()

    def _read(self, index: int) -> Token:
        if self._arrived:
            self._arrived[index % 2].synchronize()
        id_, logprob = self._read_back[index % 2][0].tolist()
        return Token(int(id_), logprob)

    def _run(self, step: Step, cache: KVCache, index: int) -> None:
        self.steps += 1
        bucket = bucket_of(index + step.width, cache.capacity)
        graph = self._graphs.get(cache, {}).get((step.width, bucket))
        if graph is not None:
            graph.replay()
            return
        self._missing.setdefault(cache, set()).add((step.width, bucket))
        step.run(cache, bucket)


def _tokens(results: Tensor) -> list[Token]:
    return [Token(int(id_), logprob) for id_, logprob in results.tolist()]
