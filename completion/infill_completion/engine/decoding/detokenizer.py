"""Text from a growing list of ids."""

from __future__ import annotations

import codecs

from infill_completion.engine.checkpoints.tokenizer import Tokenizer


class Detokenizer:
    """Decodes a growing list of ids; text is returned as soon as its UTF-8 bytes are complete."""

    def __init__(self, tokenizer: Tokenizer, skip_bytes: int = 0) -> None:
        self._pieces = tokenizer.pieces
        self._skip = skip_bytes
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, id_: int) -> str:
        """Add an id and return the newly completed text, which may be empty."""
        data = self._pieces[id_]
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        return self._decoder.decode(data[skipped:])

    def flush(self) -> str:
        """Return the remaining text; an incomplete character becomes U+FFFD."""
        return self._decoder.decode(b"", True)
