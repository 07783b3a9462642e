"""The journal of a run: one JSON object a line, so that a run that was interrupted goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infill_completion.document.snapshot import SkipReason
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.quality.outcome import Outcome
from infill_server.errors import UsageError

Key = tuple[str, str, int]


class Journal:
    """Outcomes by row, language and number of the hole.

    Args:
        path: The file; None keeps nothing.
        identity: What must not change between two parts of a run, such as the seed and the revision of the code.

    Raises:
        UsageError: The file is the journal of another run, or cannot be read.
    """

    def __init__(self, path: Path | None, identity: dict[str, Any]) -> None:
        self._path = path
        self._known: dict[Key, dict[str, Any]] = {}
        self._subjects: dict[str, dict[str, Any]] = {}
        if path is None:
            return
        lines = _read(path)
        found = lines[0].get("run") if lines else None
        if lines and found != identity:
            raise UsageError(f"{path} is the journal of another run ({found}); name another file, or remove it.")
        for line in lines[1:]:
            if "subject" in line:
                self._subjects[line["row"]] = line["subject"]
            else:
                self._known[line["row"], line["language"], line["number"]] = line
        if not lines:
            self._write({"run": identity})

    def begin(self, row: str, subject: dict[str, Any]) -> None:
        """Record what answers in a row.

        Raises:
            UsageError: It was something else in the part of the run before.
        """
        known = self._subjects.setdefault(row, subject)
        if known != subject:
            raise UsageError(f"{self._path} has other weights or settings for {row}; name another file, or remove it.")
        self._write({"row": row, "subject": subject})

    def add(self, row: str, language: str, number: int, outcome: Outcome) -> None:
        """Record an outcome."""
        line = {
            "row": row, "language": language, "number": number, "wanted": outcome.hole.expected, "text": outcome.text,
            "confidence": outcome.confidence, "ms": round(outcome.elapsed_ms, 2), "asked": outcome.is_asked,
            "reason": outcome.reason.name if outcome.reason is not None else None,
        }  # fmt: skip
        self._known[row, language, number] = line
        self._write(line)

    def has(self, row: str, language: str, number: int) -> bool:
        """Return whether an outcome is recorded."""
        return (row, language, number) in self._known

    def outcomes(self, row: str, language: str, holes: Sequence[CodeHole]) -> list[Outcome] | None:
        """Return the outcomes of a row, or None if some are missing or belong to other holes."""
        lines = [self._known.get((row, language, number)) for number in range(len(holes))]
        pairs = [(line, hole) for line, hole in zip(lines, holes, strict=True) if line is not None]
        if len(pairs) < len(holes) or any(line["wanted"] != hole.expected for line, hole in pairs):
            return None
        return [_outcome(line, hole) for line, hole in pairs]

    @property
    def subjects(self) -> dict[str, dict[str, Any]]:
        """What answered in each row."""
        return self._subjects

    def _write(self, line: dict[str, Any]) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _outcome(line: dict[str, Any], hole: CodeHole) -> Outcome:
    reason = SkipReason[line["reason"]] if line["reason"] else None
    return Outcome(hole, line["text"], line["confidence"], line["ms"], reason, line["asked"])


def _read(path: Path) -> list[dict[str, Any]]:
    """Return the lines; a last one that was cut off is removed from the file."""
    try:
        data = path.read_bytes() if path.exists() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            path.write_bytes(whole)
        return [json.loads(line) for line in whole.splitlines()]
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); name another file, or remove it.") from error
