"""Complete code at several places in the files of this folder, through the real language server, as an editor would.

For each place the demo opens a buffer in which the rest of a line is cut off; the files themselves do not change.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types

from infill_server.harness import Editor, EditorDocument

HERE = Path(__file__).parent
READY_DEADLINE_S = 120
COLOUR = sys.stdout.isatty() or "--colour" in sys.argv
SHOWN_LINES = 5


@dataclass(frozen=True)
class DemoPlace:
    """A cursor after ``typed``, the start of a line of ``file``; the rest of that line is missing."""

    file: str
    language_id: str
    typed: str


PLACES = (
    DemoPlace("inventory.py", "python", '        """Return the items with a tag."""\n        return [item for it'),
    DemoPlace("inventory.py", "python", "            self.items[item.name].quan"),
    DemoPlace("inventory.py", "python", "        inventory = cls()\n        with "),
    DemoPlace("shapes.ts", "typescript", "    if (width <= 0 || height <= 0) {\n      throw "),
    DemoPlace("queue.go", "go", "func (q *Queue[T]) Len() int {\n\tq.mutex.Lock()\n\tdefer "),
    DemoPlace("matrix.rs", "rust", "                result.set(row, column, self.get(row, column) + "),
    DemoPlace(
        "matrix.rs", "rust", "        let mut result = Matrix::zeros(self.rows, other.columns);\n        for row in "
    ),
)


def paint(text: str, code: str) -> str:
    """Return ``text`` with the terminal style ``code``, if the terminal shows colours."""
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def ghost(text: str) -> str:
    """Return ``text`` as ghost text: in dim italics, or in brackets without colours."""
    return paint(text, "2;3;36") if COLOUR else f"⟦{text}⟧"


def buffer_at(place: DemoPlace) -> tuple[str, int, str]:
    """Return the buffer, the offset of the cursor, and the text that was cut off."""
    text = (HERE / place.file).read_text(encoding="utf-8")
    start = text.index(place.typed) + len(place.typed)
    end = text.index("\n", start)
    return text[:start] + text[end:], start, text[start:end]


def report(editor: Editor, document: EditorDocument, truth: str, item: types.InlineCompletionItem) -> None:
    """Print the last lines before the cursor with the suggestion as ghost text, then the item itself."""
    before = document.text[: document.offset].split("\n")[-SHOWN_LINES:]
    added = editor.ghost(document, item)
    print("\n".join(f"  {line}" for line in before) + ghost(added))
    same = added.split("\n")[0].strip() == truth.strip()
    print(paint(f"  the file has: {truth}" + ("  (the same)" if same else ""), "2"))
    place = [item.range.start.character, item.range.end.character] if item.range else None
    shown = {"insertText": item.insert_text, "range": place, "command": item.command.command if item.command else None}
    print(paint(f"  item: {json.dumps(shown, ensure_ascii=False)}", "2"))


async def main() -> int:
    """Run the demo and return its exit code: 0 if at least five places got a suggestion."""
    editor = Editor()
    started = time.perf_counter()
    print(paint("Starting infill-ls and its engine …", "1"))
    await editor.start(HERE)
    status = await editor.loaded(READY_DEADLINE_S)
    if status.kind == "Error":
        print(f"  {status.reason}")
        await editor.stop()
        return 1
    print(f"  ready after {time.perf_counter() - started:.1f} s\n")
    answered, first_s = 0, 0.0
    for place in PLACES:
        text, offset, truth = buffer_at(place)
        document = editor.open(HERE / place.file, place.language_id, text, offset)
        asked = time.perf_counter()
        items = await editor.inline(document, invoked=True)
        elapsed_ms = (time.perf_counter() - asked) * 1000
        first_s = first_s or time.perf_counter() - started
        position = document.position()
        print(paint(f"{place.file}:{position.line + 1}:{position.character + 1}", "1") + f"   {elapsed_ms:.0f} ms")
        if items:
            answered += 1
            report(editor, document, truth, items[0])
        else:
            print("  no suggestion")
        print()
        editor.close(document)
    await editor.stop()
    print(f"{answered} of {len(PLACES)} places completed; the first one {first_s:.1f} s after the start.")
    return 0 if answered >= 5 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
