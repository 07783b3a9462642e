"""What the user of a window saw and took, as clients report it: numbers, and of the text only the last item.

Clients of Copilot's protocol report what they show and each part that is taken; all others run an item's command once
the whole item is taken. Some do both.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_server.lsp.positions import Units, column_in_code_points


@dataclass(frozen=True)
class ReportedItem:
    """An inline item that a client reports.

    Attributes:
        uri: The document.
        text: The suggestion that the item was made of; it begins at the cursor.
        typed: How many characters of the item's own text precede it, from the start of the item's range.
        insert_text: The item's own text.
    """

    uri: str
    text: str
    typed: int
    insert_text: str

    @classmethod
    def of(cls, item: object) -> ReportedItem | None:
        """Return an item of ours from the client's JSON; None if it is not one."""
        if not isinstance(item, dict) or not isinstance(insert_text := item.get("insertText"), str):
            return None
        command = item.get("command")
        arguments = command.get("arguments") if isinstance(command, dict) else None
        if not isinstance(arguments, list) or len(arguments) != 2:
            return None
        uri, text = arguments
        if not isinstance(uri, str) or not isinstance(text, str):
            return None
        # Where the client splits at line feeds, the item's own text has those in the place of other line ends.
        return cls(uri, text, max(len(insert_text) - len(_as_in(insert_text, text)), 0), insert_text)

    def taken(self, units: int) -> int:
        """Return how many characters of the suggestion are taken with the first ``units`` of the item's own text.

        Args:
            units: UTF-16 code units.
        """
        return max(column_in_code_points(self.insert_text, units, Units.UTF16) - self.typed, 0)

    @property
    def size(self) -> int:
        """The number of characters of the suggestion, as the item has it."""
        return len(self.insert_text) - self.typed


class Acceptance:
    """Counts the suggestions that were shown, and those that were taken whole or in parts.

    Attributes:
        shown: How many were shown, where the client says so.
        whole: How many were taken to their end.
        partly: Of how many others a part was taken.
        characters: How many characters were taken.
    """

    def __init__(self) -> None:
        self.shown = self.whole = self.partly = self.characters = 0
        self._seen: tuple[str, str] | None = None
        self._item: tuple[str, str] | None = None
        self._taken = 0
        self._is_whole = self._is_reported = False

    def show(self, item: ReportedItem) -> None:
        """Count an item that the client shows; one that it reports again at once counts once."""
        seen = (item.uri, item.insert_text)
        self.shown += seen != self._seen
        self._seen = seen

    def take_part(self, item: ReportedItem, units: int) -> bool:
        """Count a part of an item, and return whether the item has been taken to its end by now.

        Args:
            item: The item.
            units: The end of what was taken in the item's own text, in UTF-16 code units: it grows with each part.
        """
        taken = item.taken(units)
        if not taken:
            return False
        if (item.uri, item.text) != self._item or self._is_whole:
            self._begin(item.uri, item.text)
            self.partly += 1
        self.characters += max(taken - self._taken, 0)
        self._taken = max(taken, self._taken)
        if taken >= item.size:
            self.partly, self.whole = self.partly - 1, self.whole + 1
            self._is_whole = self._is_reported = True
        return self._is_whole

    def take(self, uri: str, text: str) -> bool:
        """Count a whole suggestion, and return whether it is news: a client may have reported its last part already."""
        is_same, is_known = (uri, text) == self._item, self._is_reported
        if is_same and is_known:
            self._is_reported = False
            return False
        if not is_same or self._is_whole:
            self._begin(uri, text)
            self.partly += 1
        self.characters += max(len(text) - self._taken, 0)
        self._taken = len(text)
        self.partly, self.whole = self.partly - 1, self.whole + 1
        self._is_whole = True
        return True

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return {"shown": self.shown, "whole": self.whole, "partly": self.partly, "characters": self.characters}

    def _begin(self, uri: str, text: str) -> None:
        self._item, self._taken, self._is_whole, self._is_reported = (uri, text), 0, False, False


def _as_in(insert_text: str, text: str) -> str:
    """Return ``text`` with the line ends that it has at the end of ``insert_text``; empty if it is not there."""
    for written in (text, text.replace("\r\n", "\n").replace("\r", "\n")):
        if insert_text.endswith(written):
            return written
    return ""
