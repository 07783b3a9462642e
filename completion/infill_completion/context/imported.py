"""Signatures of the definitions that a document imports."""

from __future__ import annotations

from infill_completion.context.gathering import Gathering
from infill_completion.context.imports import Files, ImportSite, OutlineCache, definitions
from infill_completion.context.snippet import Snippet
from infill_completion.privacy.rules import path_of

# Characters read from the beginning of a file, where imports are, if the window does not reach it.
BEGINNING_CHARACTERS = 6000


def imported(gathering: Gathering, outlines: OutlineCache, budget: int) -> list[Snippet]:
    """Return the signatures behind the imports of the document, about ``budget`` characters at most."""
    view = gathering.view
    path = path_of(view.uri)
    if path is None or not path.is_absolute():
        return []
    # Without a workspace the file's own folder takes its place.
    roots = gathering.roots or (path.parent,)
    allowed = gathering.allowed.values()
    opened = {found: document for document in allowed if (found := path_of(document.uri)) is not None}
    files = Files(roots, outlines, gathering.is_private, gathering.time.for_source("imports"), opened)
    window = view.window
    text = near = window.prefix + window.suffix
    if not window.starts_document:  # As saved last; imports seldom change.
        text = files.text(path)[:BEGINNING_CHARACTERS] + "\n" + near
    return definitions(ImportSite(text, near, view.language_id, path, roots), files, budget)
