"""A language server with exact answers, for tests of the editor's side.

It follows the documents by the protocol and suggests, after a given text, its continuation from a table.  It writes all
messages to a log, one JSON object per line, so that a test can check what the editor sent.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer

RULES: dict[str, Any] = json.loads(Path(os.environ["SCRIPTED_RULES"]).read_text(encoding="utf-8"))
LOG = Path(os.environ["SCRIPTED_LOG"])

server = LanguageServer("scripted", "1")
asked: set[tuple[str, int]] = set()


def log(event: str, **values: Any) -> None:
    """Append one line to the log."""
    with LOG.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"event": event, **values}) + "\n")


def line_and_cursor(params: types.InlineCompletionParams | types.CompletionParams) -> tuple[str, str, int]:
    """Return the document, the cursor's line without its end, and the cursor in code points."""
    document = server.workspace.get_text_document(params.text_document.uri)
    text = document.source
    lines = text.replace("\r\n", "\n").split("\n")
    line = lines[params.position.line]
    encoding = server.workspace.position_encoding
    if encoding == types.PositionEncodingKind.Utf8:
        before = line.encode()[: params.position.character].decode()
    elif encoding == types.PositionEncodingKind.Utf16:
        before = line.encode("utf-16-le")[: 2 * params.position.character].decode("utf-16-le")
    else:
        before = line[: params.position.character]
    return text, line, len(before)


def character(text: str) -> int:
    """Return the length of ``text`` in the negotiated units."""
    encoding = server.workspace.position_encoding
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode())
    if encoding == types.PositionEncodingKind.Utf16:
        return len(text.encode("utf-16-le")) // 2
    return len(text)


def continuations(before: str, *, invoked: bool) -> tuple[list[str], str]:
    """Return the suggestions after ``before``, and the text after the cursor that they replace."""
    for rule in RULES["rules"]:
        for typed in range(len(rule["behind"]) if rule.get("exact") else 0, len(rule["text"])):
            if before.endswith(rule["behind"] + rule["text"][:typed]):
                rest = [rule["text"][typed:]]
                if invoked and not typed:
                    rest += rule.get("more", [])
                return rest, rule.get("replaces", "")
    return [], ""


def grown(uri: str, rest: str, more: str) -> str:
    """Return a suggestion, and at the second request for a version what it has grown to; the client is told when."""
    version = server.workspace.get_text_document(uri).version or 0
    if (uri, version) in asked:
        return rest + more
    asked.add((uri, version))
    told = {"textDocument": {"uri": uri, "version": version}}
    asyncio.get_running_loop().call_later(RULES["grows_after_s"], server.protocol.notify, "infill/longer", told)
    return rest


@server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
def inline(params: types.InlineCompletionParams) -> types.InlineCompletionList:
    """Answer from the table; the range begins where the line does."""
    text, line, cursor = line_and_cursor(params)
    invoked = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
    before = line[:cursor]
    log("inline", line=line, cursor=cursor, invoked=invoked)
    if delay := RULES.get("delay_s"):
        time.sleep(delay)
    # As the real server does for Neovim: carriage returns only if some lines contain them as text.
    newline = "\r\n" if "\r\n" in text and text.count("\n") > text.count("\r\n") else "\n"
    rests, replaces = continuations(before, invoked=invoked)
    if rests and not invoked and (more := RULES.get("grows")):
        rests = [grown(params.text_document.uri, rests[0], more)]
    end = cursor + (len(replaces) if line[cursor:].startswith(replaces) else 0)
    return types.InlineCompletionList(
        [
            types.InlineCompletionItem(
                insert_text=(before + rest).replace("\n", newline),
                range=types.Range(
                    types.Position(params.position.line, 0), types.Position(params.position.line, character(line[:end]))
                ),
                command=types.Command("Accepted", "scripted.accepted", arguments=[rest]),
            )
            for rest in rests
        ]
    )


@server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=["."]))
def popup(params: types.CompletionParams) -> types.CompletionList:
    """Offer fixed words, and an edit of the rules' ``entry``, which replaces the word before the cursor."""
    log("popup")
    items = [types.CompletionItem(label=word) for word in RULES.get("words", [])]
    if entry := RULES.get("entry"):
        _, line, cursor = line_and_cursor(params)
        start = len(line[:cursor].rstrip("abcdefghijklmnopqrstuvwxyz"))
        end = cursor + len(entry["replaces"])
        place = types.Range(
            types.Position(params.position.line, character(line[:start])),
            types.Position(params.position.line, character(line[:end])),
        )
        items.append(
            types.CompletionItem(
                label=entry["text"].split("\n")[0],
                filter_text=entry["text"],
                text_edit=types.TextEdit(place, entry["text"]),
            )
        )
    return types.CompletionList(False, items)


@server.command("scripted.accepted")
def accepted(*arguments: Any) -> None:
    """Record that an item was accepted."""
    log("accepted", arguments=list(arguments))


@server.command("infill.explain")
def explain(place: Any) -> dict[str, Any]:
    """Explain."""
    log("explain")
    return {"decision": "line", "suggestions": [], "raw": "one\ntwo", "timings_ms": {"total": 12.5}}


@server.command("infill.snooze")
def snooze(minutes: Any) -> dict[str, float | None]:
    """Record for how long."""
    log("snooze", minutes=minutes)
    return {"until": time.time() + 60 * minutes if minutes else None}


@server.feature("textDocument/didPartiallyAcceptCompletion")
def partially(params: Any) -> None:
    """Record a partial acceptance."""
    log("partial", length=params.acceptedLength)


@server.feature("textDocument/didShowCompletion")
def shown(params: Any) -> None:
    """Record that an item was shown."""
    log("shown")


@server.feature(types.INITIALIZED)
def initialized(_params: types.InitializedParams) -> None:
    """Send the status."""
    log("initialized", pid=os.getpid(), encoding=str(server.workspace.position_encoding))
    server.protocol.notify("infill/status", {"kind": "Normal", "busy": False, "reason": ""})


if __name__ == "__main__":
    sys.stdout.flush()
    server.start_io()
