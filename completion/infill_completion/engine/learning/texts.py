"""Files of a commit as text that a model may learn."""

from __future__ import annotations

from infill_completion.privacy.masking import mask_secrets

MAX_CHARS, MIN_CHARS = 150_000, 200
FILE_MODES = ("100644", "100755")


def readable(data: bytes | None) -> str | None:
    """Return the text of a file, or None if a model should not learn it: other encodings, and files with secrets."""
    if data is None:
        return None
    try:
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None
    if not MIN_CHARS <= len(text) <= MAX_CHARS or "\0" in text:
        return None
    return None if mask_secrets(text).kinds else text


def shown(path: str) -> str:
    """Return a path as a model can read it: without bytes that are not UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
