"""One gathering of context: the cursor, the time, and the documents that it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infill_completion.context.drafts import is_draft
from infill_completion.context.time_budget import TimeBudget
from infill_completion.document.view import View
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy.rules import Privacy, path_of, relative_path
from infill_completion.settings import Settings

# Lines above and below the cursor that other text is compared with.
QUERY_LINES = 24


@dataclass(frozen=True)
class Gathering:
    """The input of one gathering, and the documents that it may show.

    Attributes:
        view: The cursor.
        others: The other open documents, the last focused first.
        roots: The folders of the workspace.
        settings: The user's settings.
        privacy: The ignore rules.
        time: The time that it may take.
        allowed: Those of ``others`` that may be shown, by URI.
        private: The URIs of those that are private.
        withheld: What was left out, with the reason.
    """

    view: View
    others: Sequence[OpenDocument]
    roots: Sequence[Path]
    settings: Settings
    privacy: Privacy
    time: TimeBudget
    allowed: dict[str, OpenDocument] = field(default_factory=dict)
    private: set[str] = field(default_factory=set)
    withheld: list[str] = field(default_factory=list)

    def check_documents(self) -> None:
        """Fill ``allowed``, ``private`` and ``withheld``; a document that there is no time to check is not allowed."""
        for document in self.others:
            if not self.time.allows("open documents"):
                break
            rule = self.privacy.rule_for(document.uri, self.roots)
            if rule is not None:
                self.private.add(document.uri)
                self.withheld.append(f"{relative_path(document.uri, self.roots)}: matches {rule}")
            elif is_draft(document.uri, document.language_id):
                continue
            elif (
                self.settings.completion.is_language_enabled(document.language_id) and "\0" not in document.text[:1000]
            ):
                self.allowed[document.uri] = document

    def is_private(self, file: Path) -> bool:
        """Return whether a file must not be read."""
        return self.privacy.rule_for(file.as_uri(), self.roots) is not None

    @property
    def surroundings(self) -> str:
        """The lines around the cursor's line; without that line, since it changes with every key."""
        above = self.view.window.above.split("\n")[-QUERY_LINES:]
        return "\n".join(above + self.view.window.below.split("\n")[: QUERY_LINES // 2])


def has_vanished(uris: Iterable[str], others: Sequence[OpenDocument]) -> bool:
    """Return whether one of some files is neither open nor on the disk any more.

    Args:
        uris: The files.
        others: The open documents.
    """
    opened = {document.uri for document in others}
    paths = [path_of(uri) for uri in uris if uri not in opened]
    return any(path is None or not path.exists() for path in paths)


def while_in_time(is_in_time: Callable[[], bool], uris: Iterable[str]) -> Iterator[str]:
    """Yield URIs while there is time for another."""
    for uri in uris:
        if not is_in_time():
            return
        yield uri
