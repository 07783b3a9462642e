"""Gives tokens of a GGUF file that its model never saw other names: infilling marks of the same length."""

from __future__ import annotations

import argparse
import struct
from pathlib import Path

MARKS = {
    "<issue_closed>": "<infill_begin>",
    "<jupyter_text>": "<infill_after>",
    "<jupyter_code>": "<infill_write>",
}
_HEADER_BYTES = 1 << 23  # more than metadata and vocabulary take


def renamed(head: bytes, names: dict[str, str]) -> bytes:
    """Return the start of a GGUF file with other names of tokens.

    Raises:
        ValueError: A name does not occur exactly once, or the new one has another length.
    """
    for old, new in names.items():
        stored = _text(old)
        if head.count(stored) != 1 or len(new.encode()) != len(old.encode()):
            raise ValueError(f"{old} cannot become {new}")
        head = head.replace(stored, _text(new))
    return head


def _text(text: str) -> bytes:
    """Return a text as GGUF files hold it: its length in 8 bytes, and its UTF-8."""
    return struct.pack("<Q", len(text.encode())) + text.encode()


def main() -> None:
    """Write a copy with other names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    content = options.file.read_bytes()
    options.target.write_bytes(renamed(content[:_HEADER_BYTES], MARKS) + content[_HEADER_BYTES:])


if __name__ == "__main__":
    main()
