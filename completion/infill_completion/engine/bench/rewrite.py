"""What a rewrite of lines costs, with drafts from the old lines and without, on real code.

What is written is given, so that the figures say nothing about the model but how long its steps take: in twenty-one
lines one name is changed wherever it stands, as a next-edit model would that is always right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from torch import Tensor

from infill_completion.api import Chunk, CompletionRequest, PastEdit, Rewrite
from infill_completion.engine.bench.subject import Subject
from infill_completion.engine.bench.workload import code
from infill_completion.engine.decoding.candidate import Candidate
from infill_completion.engine.decoding.generator import Generator
from infill_completion.prompt.rewriting.formats import EDIT_FORMATS, edit_format_called

environment.prepare()
_PLACES, _LINES, _LINES_APART = 12, 21, 300
_MOST_CHANGED = 5
_NAME = re.compile(r"[^\W\d]\w{3,}")


@dataclass(frozen=True)
class RewriteCost:
    """Steps and times of the same rewrites, one token a step and with drafts; the fastest run of each counts.

    Attributes:
        places: Number of rewrites.
        lines: Their lines.
        changed_lines: How many of these were changed.
        tokens: Tokens that were written.
        steps: Steps with drafts, the first token of each rewrite counted as one.
        unchanged_steps: Steps with drafts to write the same lines as they are.
        prompt_ms: Time to read a prompt, at the median.
        single_ms: Time to write, for each rewrite, one token a step.
        drafted_ms: The same with drafts.
    """

    places: int
    lines: int
    changed_lines: int
    tokens: int
    steps: int
    unchanged_steps: int
    prompt_ms: float
    single_ms: float
    drafted_ms: float


class _Dictated(Candidate):
    """A candidate whose tokens are given."""

    def __init__(self, wanted: Sequence[int], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._wanted = wanted

    @property
    def is_plain(self) -> bool:
        """Whether the next token depends on the model alone, so that a device may choose it."""
        return False

    def scores(self, logits: Tensor) -> Tensor:
        """Return scores for the next given token; the model's are computed all the same."""
        chosen = torch.full_like(logits, -100.0)
        chosen[self._wanted[len(self.ids)]] = 100.0
        return chosen


def rewrite_cost(subject: Subject, repeats: int, most_places: int = _PLACES) -> RewriteCost:
    """Measure rewrites one token a step and with drafts, in turn at each place."""
    shipped = subject.generator
    variants = [shipped.with_settings(draft_tokens=0), shipped.with_settings(draft_tokens=4)]
    times, steps, prompts, tokens, unchanged = [0.0, 0.0], [0, 0], [], 0, 0
    lines = changed = 0
    places = list(_places())[:most_places]
    for request, new in places:
        assert request.rewrite is not None
        old = request.rewrite.text
        warm_up, *runs = [[_dictated(variant, request, new) for variant in variants] for _ in range(repeats + 1)]
        for which in range(2):
            times[which] += min(run[which].timings["decode_ms"] for run in runs)
            steps[which] += _steps(runs[0][which])
        prompts.append(warm_up[0].timings["prefill_ms"])  # later it is in the cache
        tokens += runs[0][1].usage.completion_tokens if runs[0][1].usage else 0
        unchanged += _steps(_dictated(variants[1], request, old))
        lines += old.count("\n") + 1
        changed += sum(before != after for before, after in zip(old.split("\n"), new.split("\n"), strict=True))
    count = len(places)
    return RewriteCost(
        count, lines, changed, tokens, steps[1], unchanged, sorted(prompts)[count // 2], times[0] / count,
        times[1] / count,
    )  # fmt: skip


def _places() -> Iterator[tuple[CompletionRequest, str]]:
    """Yield requests to rewrite lines of real code, each with the lines that are to be written."""
    lines = code().split("\n")
    form = EDIT_FORMATS[1]
    for first in range(0, _PLACES * _LINES_APART, _LINES_APART):
        text = "\n".join(lines[first : first + _LINES]).strip("\n")
        in_lines = Counter(name for line in text.split("\n") for name in set(_NAME.findall(line)))
        name = max(in_lines, key=lambda name: (min(in_lines[name], _MOST_CHANGED), len(name)))
        new = re.sub(rf"\b{name}\b", f"{name}_kind", text)
        edit = PastEdit("a.py", 1, f"    {name} = make()", f"    {name}_kind = make()")
        rewrite = Rewrite(form.family, "a.py", "", text, "", 0, text, (edit,))
        yield CompletionRequest("", rewrite=rewrite, max_tokens=512, temperature=0.0, explain=True), new


def _dictated(generator: Generator, request: CompletionRequest, new: str) -> Chunk:
    """Answer a request with given lines, and return the last chunk."""
    assert request.rewrite is not None
    form, tokenizer = edit_format_called(request.rewrite.form), generator.model.tokenizer
    assert form is not None
    written = tokenizer.encode_infilling(form.unchanged(replace(request.rewrite, text=new)))
    dictated = partial(_Dictated, [*written, min(generator.model.stop_tokens)])
    generator.model.candidate_type = dictated  # type: ignore[assignment]
    *_, last = generator.stream(request, lambda: False)
    return last


def _steps(last: Chunk) -> int:
    assert last.explain is not None
    return int(last.explain["steps"]) + 1
