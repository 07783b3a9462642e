"""The figures of a run: shares with their 95 % intervals, by kind of hole and by language."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from infill_server.commands.bench.keystroke_report import percentile
from infill_server.commands.bench.quality.hole import HoleKind
from infill_server.commands.bench.quality.intervals import Ratio, bootstrap, paired_difference, wilson
from infill_server.commands.bench.quality.outcome import Outcome

THRESHOLDS = (0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9)
TITLES = {HoleKind.REST: "rest of the line", HoleKind.LINE: "whole line", HoleKind.BLOCK: "block"}


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the figures of a run; shares are between 0 and 1, and equal answers have an equal hash."""
    languages = sorted({outcome.hole.language_id for outcome in outcomes})
    return {
        "holes": len(outcomes),
        **shares(outcomes),
        "similarity": sum(outcome.similarity for outcome in outcomes) / max(1, len(outcomes)),
        "parses_share": _parses_share(outcomes),
        "p50_ms": percentile([outcome.elapsed_ms for outcome in outcomes], 0.5),
        "p95_ms": percentile([outcome.elapsed_ms for outcome in outcomes], 0.95),
        "answers_sha256": answers_sha256(outcomes),
        "without_suggestion": dict(Counter(each.reason.name.lower() for each in outcomes if each.reason is not None)),
        "by_kind": {name: shares(group) for name, group in kinds(outcomes)},
        "by_language": {
            language: {name: shares(group) for name, group in kinds([o for o in outcomes if _is(o, language)])}
            for language in languages
        },
        "by_confidence": [_at(outcomes, threshold) for threshold in THRESHOLDS],
    }


def kinds(outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[Outcome]]]:
    """Yield the kinds of holes that there are, those of the rest of a line also by where the cursor is."""
    for kind, title in TITLES.items():
        group = [outcome for outcome in outcomes if outcome.hole.kind is kind]
        if group:
            yield title, group
        if group and kind is HoleKind.REST:
            for inside, place in ((False, "at token borders"), (True, "inside words")):
                some = [outcome for outcome in group if outcome.hole.is_in_word is inside]
                if some:
                    yield f"{title}, {place}", some


def shares(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the shares of some outcomes.

    The interval of ``exact_share`` and ``first_line_share`` is Wilson's; that of ``saved_share`` is by bootstrap over
    files.
    """
    count = len(outcomes)
    hits = sum(outcome.is_exact for outcome in outcomes)
    firsts = sum(outcome.has_first_line for outcome in outcomes)
    ratios = saved(outcomes)
    return {
        "count": count,
        "hits": hits,
        "exact_share": hits / max(1, count),
        "exact_interval": wilson(hits, count),
        "first_line_share": firsts / max(1, count),
        "first_line_interval": wilson(firsts, count),
        "saved_share": _share(ratios),
        "saved_interval": bootstrap(ratios, files(outcomes)),
        "shown_share": sum(outcome.text is not None for outcome in outcomes) / max(1, count),
    }


def difference(first: Sequence[Outcome], second: Sequence[Outcome]) -> dict[str, Any]:
    """Return by how much ``second`` is better over the same holes: exact answers and characters saved, paired.

    The interval of the former is Newcombe's for paired proportions, that of the latter by bootstrap over files.
    """
    before, after = ([outcome.is_exact for outcome in side] for side in (first, second))
    exact, low, high = paired_difference(before, after)
    pairs = zip(saved(first), saved(second), strict=True)
    ratios = [(ours - theirs, whole) for (theirs, _), (ours, whole) in pairs]
    return {
        "exact_difference": exact,
        "exact_interval": (low, high),
        "gained": sum(new and not old for old, new in zip(before, after, strict=True)),
        "lost": sum(old and not new for old, new in zip(before, after, strict=True)),
        "relative": sum(after) / sum(before) - 1 if any(before) else None,
        "saved_difference": _share(ratios),
        "saved_interval": bootstrap(ratios, files(first)),
    }


def answers_sha256(outcomes: Sequence[Outcome]) -> str:
    """Return the hash of the suggestions in their order."""
    return hashlib.sha256(json.dumps([each.text for each in outcomes]).encode()).hexdigest()


def saved(outcomes: Sequence[Outcome]) -> list[Ratio]:
    """Return the characters that each suggestion saves, and those that were removed."""
    return [(outcome.saved_chars, len(outcome.hole.wanted)) for outcome in outcomes]


def files(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the file of each outcome."""
    return [str(outcome.hole.path) for outcome in outcomes]


def _is(outcome: Outcome, language: str) -> bool:
    return outcome.hole.language_id == language


def _share(ratios: Sequence[Ratio]) -> float:
    return sum(part for part, _ in ratios) / max(1, sum(whole for _, whole in ratios))


def _parses_share(outcomes: Sequence[Outcome]) -> float | None:
    parsed = [outcome.parses for outcome in outcomes if outcome.parses is not None]
    return sum(parsed) / len(parsed) if parsed else None


def _at(outcomes: Sequence[Outcome], threshold: float) -> dict[str, float]:
    """Return the figures if only suggestions of at least this confidence were shown.

    Precision is the share of exact suggestions among those shown; recall is the share of all exact suggestions that
    would be shown.
    """
    shown = [outcome for outcome in outcomes if outcome.text is not None and outcome.confidence >= threshold]
    precision = sum(outcome.is_exact for outcome in shown) / len(shown) if shown else 0.0
    right = sum(outcome.is_exact for outcome in outcomes)
    recall = sum(outcome.is_exact for outcome in shown) / right if right else 0.0
    ratios = {"shown_share": len(shown) / max(1, len(outcomes)), "precision": precision, "recall": recall}
    return {"threshold": threshold, **ratios}
