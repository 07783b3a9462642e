"""An explanation of next edits: the last change, what was learnt from it, and what came of each place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from infill_completion.document.lines import line_at
from infill_completion.edits.candidates import EditCandidate
from infill_completion.edits.history import Hunk
from infill_completion.edits.proposal import Proposal, Silence, lines_of
from infill_completion.privacy.masking import mask_secrets

# Places of one kind that are listed.
MAX_PLACES = 50


@dataclass
class ExplainedPlace:
    """A place that was looked at.

    Attributes:
        line: Its line, from 1.
        before: The lines around it.
        after: What they would become.
        likeness: How much they are like the lines of the example, from 0 to 1; None if that was not asked for.
        verdict: What became of it.
    """

    line: int
    before: str
    after: str
    likeness: float | None = None
    verdict: str = ""


@dataclass
class ExplainedKind:
    """What one rule makes of the change.

    Attributes:
        kind: The kind of the proposals.
        learnt: What was learnt: the pattern, or the name before and after.
        examples: The number of changes that it was learnt from.
        least: How much a place must be like the example; None if that was not asked for.
        places: The places that were looked at, from top to bottom.
        more: How many other places were looked at.
    """

    kind: str
    learnt: str
    examples: int
    least: float | None
    places: list[ExplainedPlace]
    more: int


@dataclass
class ExplainedModel:
    """What a next-edit model was given and answered.

    Attributes:
        name: The model.
        form: Its format.
        prompt: What it was given, with the names of control tokens; empty if it was not asked.
        answer: What it wrote.
        steps: How many steps it took after the first token; None if a remote server did not say.
        tokens: How many tokens it wrote.
        verdict: What came of it, or why it was not asked.
    """

    name: str = ""
    form: str = ""
    prompt: str = ""
    answer: str = ""
    steps: int | None = None
    tokens: int = 0
    verdict: str = ""

    def to_text(self) -> list[str]:
        """Return the lines of a page to read."""
        asked = [f"  {self.name}, asked in the format of {self.form}: {self.verdict}"]
        if not self.prompt:
            return [f"  {self.verdict}"] if not self.form else asked
        steps = f" in {self.steps + 1} steps" if self.steps is not None else ""
        parts = (("it was given:", self.prompt), (f"it answered {self.tokens} tokens{steps}:", self.answer))
        return asked + [
            line for title, text in parts for line in (f"  {title}", *(f"    {row}" for row in text.split("\n")))
        ]


@dataclass
class EditExplanation:
    """Why there are or are not next edits.

    Attributes:
        uri: The document that was asked for.
        changed: The document of the last change; empty if there is none.
        before: The lines of the last change before it.
        after: The lines after it.
        kinds: What each rule makes of it, in their order; the first with places that are allowed is shown.
        model: What a next-edit model was asked; None where it was not its turn.
        silence: Why nothing is shown.
    """

    uri: str = ""
    changed: str = ""
    before: str = ""
    after: str = ""
    kinds: list[ExplainedKind] = field(default_factory=list)
    model: ExplainedModel | None = None
    silence: Silence | None = None

    def example(self, hunk: Hunk) -> None:
        """Note the last change."""
        self.changed, self.before, self.after = hunk.uri, "".join(hunk.before), "".join(hunk.after)

    def add(self, candidate: EditCandidate, text: str, found: Sequence[tuple[Proposal, str]]) -> None:
        """Note what one rule makes of the change; each place comes with the reason why it is left out, or none."""
        places = sorted([*found, *candidate.left_out], key=lambda place: place[0].start)
        if not places and not candidate.learnt:
            return
        shown = [_place(text, proposal, reason or "due") for proposal, reason in places[:MAX_PLACES]]
        more = len(places) - len(shown)
        learnt, least = candidate.learnt, candidate.least
        self.kinds.append(ExplainedKind(candidate.kind.value, learnt, candidate.examples, least, shown, more))

    def to_json(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        return {**asdict(self), "silence": self.silence.value if self.silence else None}

    def to_text(self) -> str:
        """Return the explanation as a page to read."""
        lines = [self.uri]
        if self.changed:
            where = "" if self.changed == self.uri else f" in {self.changed}"
            lines += [f"the example is the last change{where}:", *_diff(self.before, self.after, "  ")]
        for kind in self.kinds:
            lines += ["", f"{kind.kind}: {kind.learnt}" if kind.learnt else f"{kind.kind}:"]
            lines += ["  learnt from two changes that are alike"] if kind.examples > 1 else []
            lines += [_threshold(kind.least, kind.examples)] if kind.least is not None else []
            for place in kind.places:
                figures = [f"likeness {place.likeness:.2f}"] if place.likeness is not None else []
                lines.append(f"  line {place.line}: {', '.join([place.verdict, *figures])}")
                lines += _diff(place.before, place.after, "    ")
            lines += [f"  and {kind.more} more places"] if kind.more else []
        if self.model is not None:
            lines += ["", "a next-edit model:", *self.model.to_text()]
        return "\n".join([*lines, "", self.silence.value if self.silence else "proposed"])


def _place(text: str, proposal: Proposal, verdict: str) -> ExplainedPlace:
    line = line_at(text, proposal.start) + 1
    before, after = (mask_secrets(lines).text for lines in lines_of(text, proposal))
    return ExplainedPlace(line, before, after, proposal.likeness, verdict)


def _threshold(least: float, examples: int) -> str:
    if least > 1 and examples > 1:
        return "  no place can be like enough for changes of this form"
    if least > 1:
        return "  one change of this form is too little evidence; a second one like it is asked for"
    return f"  a place must be like the example by {least:.2f}"


def _diff(before: str, after: str, indent: str) -> list[str]:
    old = [f"{indent}- {line}" for line in before.splitlines()]
    return old + [f"{indent}+ {line}" for line in after.splitlines()]
