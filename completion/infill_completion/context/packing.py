"""Packs snippets of other files into the budget: none twice, no secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infill_completion.api import ContextItem
from infill_completion.context.snippet import Snippet, trimmed
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy.masking import mask_secrets
from infill_completion.privacy.rules import relative_path

# A snippet with a larger share of lines that the model already sees adds nothing.
_KNOWN_SHARE = 0.6
_LEAST_CHARACTERS = 20


@dataclass(frozen=True)
class ContextSource:
    """The origin of a part of the prompt."""

    path: str
    kind: str
    characters: int


@dataclass(frozen=True)
class Context:
    """Text of other files.

    Attributes:
        items: The parts for the request, most stable first.
        sources: Their origins, for explanations.
        versions: The versions of the open documents among them, by URI.
        uris: Their files.
        withheld: What was left out, and why; also each source that there was no time to search completely.
        is_cut: Whether the time ran out, so that another gathering would find more.
        workspace: The engine's name for the workspace's texts that it counts; empty for none.
        document: Its name for the document.
    """

    items: tuple[ContextItem, ...] = ()
    sources: tuple[ContextSource, ...] = ()
    versions: tuple[tuple[str, int], ...] = ()
    uris: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    is_cut: bool = False
    workspace: str = ""
    document: str = ""


def new_ones(snippets: Sequence[Snippet], view: View) -> list[Snippet]:
    """Leave out snippets that overlap an earlier one, and those that the window already shows."""
    shown = {line.strip() for line in (view.window.prefix + view.window.suffix).split("\n")}
    kept: list[Snippet] = []
    for snippet in snippets:
        lines = [line.strip() for line in snippet.text.split("\n") if line.strip()]
        is_known = lines and sum(line in shown for line in lines) > _KNOWN_SHARE * len(lines)
        if not is_known and not any(snippet.overlaps(other) for other in kept):
            kept.append(snippet)
    return kept


def packed(
    snippets: Sequence[Snippet],
    roots: Sequence[Path],
    budget: int,
    masks: bool,
    allowed: dict[str, OpenDocument],
    withheld: list[str],
) -> Context:
    """Fill the budget in the order of ``snippets``; none takes more than half of it.

    Args:
        snippets: The candidates, most valuable first.
        roots: The folders of the workspace.
        budget: The largest number of characters.
        masks: Whether secrets are masked.
        allowed: Open documents, by URI.
        withheld: What was left out so far; kinds of masked secrets are added.
    """
    items, sources, versions, uris, left = [], [], {}, dict[str, None](), budget
    for snippet in snippets:
        fitting = trimmed(snippet, min(left, budget // 2))
        if fitting is None or len(fitting.text) < _LEAST_CHARACTERS:
            continue
        path, text = relative_path(fitting.uri, roots), fitting.text
        if masks:
            start = len(fitting.lead)
            masked = mask_secrets(fitting.lead + text + fitting.tail, start, start + len(text))
            withheld += [f"{path}: {kind}" for kind in masked.kinds]
            text = masked.text
        items.append(ContextItem(path, text))
        sources.append(ContextSource(path, fitting.kind, len(text)))
        uris[fitting.uri] = None
        if fitting.uri in allowed:
            versions[fitting.uri] = allowed[fitting.uri].version
        left -= len(text) + len(path)
    return Context(tuple(items), tuple(sources), tuple(versions.items()), tuple(uris), tuple(withheld))
