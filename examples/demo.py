"""Complete a few places of the files beside this one, through the real language server, as an editor would.

Each place is typed into a buffer by cutting the rest of a line away; the files themselves stay as they are.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types
from pygls.lsp.client import LanguageClient

HERE = Path(__file__).parent
READY_DEADLINE_S = 120
COLOUR = sys.stdout.isatty() or "--colour" in sys.argv
SHOWN_LINES = 5


@dataclass(frozen=True)
class Place:
    """A cursor: behind ``typed``, which is the start of a line of ``file``; the rest of that line is missing."""

    file: str
    language_id: str
    typed: str


PLACES = (
    Place("inventory.py", "python", '        """Return the items with a tag."""\n        return [item for it'),
    Place("inventory.py", "python", "            self.items[item.name].quan"),
    Place("inventory.py", "python", "        inventory = cls()\n        with "),
    Place("shapes.ts", "typescript", "    if (width <= 0 || height <= 0) {\n      throw "),
    Place("queue.go", "go", "func (q *Queue[T]) Len() int {\n\tq.mutex.Lock()\n\tdefer "),
    Place("matrix.rs", "rust", "                result.set(row, column, self.get(row, column) + "),
    Place(
        "matrix.rs", "rust", "        let mut result = Matrix::zeros(self.rows, other.columns);\n        for row in "
    ),
)


def paint(text: str, code: str) -> str:
    """Return ``text`` in a colour where the terminal shows colours."""
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def ghost(text: str) -> str:
    """Return ``text`` as ghost text: dim italics, or marked where there are no colours."""
    return paint(text, "2;3;36") if COLOUR else f"⟦{text}⟧"


def buffer_at(place: Place) -> tuple[str, types.Position, str]:
    """Return the buffer, the cursor in it, and what the file really has there."""
    text = (HERE / place.file).read_text(encoding="utf-8")
    start = text.index(place.typed) + len(place.typed)
    end = text.index("\n", start)
    before = text[:start]
    line = before.count("\n")
    return before + text[end:], types.Position(line, len(before) - before.rfind("\n") - 1), text[start:end]


class Editor:
    """The least an editor does: it opens documents and asks for completions."""

    def __init__(self) -> None:
        self.client = LanguageClient("infill-demo", "1")
        self.ready = asyncio.Event()
        self.status = ""
        self.versions: dict[str, int] = {}
        self.client.feature("infill/status")(self._on_status)
        self.client.feature("window/workDoneProgress/create")(lambda _params: None)
        self.client.feature("workspace/configuration")(lambda params: [None] * len(params.items))

    def _on_status(self, params: object) -> None:
        kind = getattr(params, "kind", "")
        self.status = f"{kind}: {getattr(params, 'reason', '')}"
        if kind in {"ready", "normal", "error"}:
            self.ready.set()

    async def start(self) -> None:
        """Start the server and wait until its model is loaded."""
        await self.client.start_io(sys.executable, "-P", "-m", "infill_server.entry")
        window = types.WindowClientCapabilities(work_done_progress=True)
        inline = types.InlineCompletionClientCapabilities()
        document = types.TextDocumentClientCapabilities(inline_completion=inline)
        capabilities = types.ClientCapabilities(window=window, text_document=document)
        root = types.WorkspaceFolder(HERE.as_uri(), HERE.name)
        await self.client.initialize_async(
            types.InitializeParams(capabilities, workspace_folders=[root], process_id=None, root_uri=None)
        )
        self.client.initialized(types.InitializedParams())
        await asyncio.wait_for(self.ready.wait(), READY_DEADLINE_S)

    def show(self, place: Place, text: str) -> str:
        """Put ``text`` into the buffer of a file and return its URI."""
        uri = (HERE / place.file).as_uri()
        version = self.versions[uri] = self.versions.get(uri, 0) + 1
        if version == 1:
            item = types.TextDocumentItem(uri, place.language_id, version, text)
            self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))
        else:
            change = types.TextDocumentContentChangeWholeDocument(text)
            identifier = types.VersionedTextDocumentIdentifier(version, uri)
            self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
        return uri

    async def ask(self, uri: str, position: types.Position) -> tuple[list[types.InlineCompletionItem], float]:
        """Return the inline items at a place and the milliseconds they took."""
        context = types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked)
        document = types.TextDocumentIdentifier(uri)
        started = time.perf_counter()
        answer = await self.client.text_document_inline_completion_async(
            types.InlineCompletionParams(context, document, position)
        )
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or []
        return list(items), (time.perf_counter() - started) * 1000

    async def stop(self) -> None:
        """End the server; the engine stays for the next editor until it idles out."""
        await self.client.shutdown_async(None)
        self.client.exit(None)
        await self.client.stop()


def report(place: Place, text: str, position: types.Position, truth: str, item: types.InlineCompletionItem) -> None:
    """Print the last lines before the cursor with the suggestion as ghost text, then the item itself."""
    lines = text.split("\n")
    for number in range(max(0, position.line - SHOWN_LINES + 1), position.line):
        print(f"  {lines[number]}")
    insert = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
    start = item.range.start.character if item.range else position.character
    typed = lines[position.line][start : position.character]
    added = insert.removeprefix(typed)
    print(f"  {lines[position.line][: position.character]}{ghost(added)}")
    same = re.sub(r"\s+", " ", added.split("\n")[0]).strip() == re.sub(r"\s+", " ", truth).strip()
    print(paint(f"  the file has: {truth}" + ("  (the same)" if same else ""), "2"))
    place_range = [item.range.start.character, item.range.end.character] if item.range else None
    shown = {"insertText": insert, "range": place_range, "command": item.command.command if item.command else None}
    print(paint(f"  item: {json.dumps(shown, ensure_ascii=False)}", "2"))


async def main() -> int:
    """Run the demo and return its exit code: 0 where at least five places got a suggestion."""
    editor = Editor()
    started = time.perf_counter()
    print(paint("Starting infill-ls and its engine …", "1"))
    await editor.start()
    print(f"  {editor.status} after {time.perf_counter() - started:.1f} s\n")
    answered, first = 0, None
    for place in PLACES:
        text, position, truth = buffer_at(place)
        items, elapsed_ms = await editor.ask(editor.show(place, text), position)
        first = first or time.perf_counter() - started
        print(paint(f"{place.file}:{position.line + 1}:{position.character + 1}", "1") + f"   {elapsed_ms:.0f} ms")
        if items:
            answered += 1
            report(place, text, position, truth, items[0])
        else:
            print("  no suggestion")
        print()
    await editor.stop()
    print(f"{answered} of {len(PLACES)} places completed; the first one {first:.1f} s after the start.")
    return 0 if answered >= 5 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
