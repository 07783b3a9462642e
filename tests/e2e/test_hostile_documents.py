"""Documents that no sane editor sends, in many languages, through the whole server: every request is answered."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import CONSOLE_SCRIPT
from tests.e2e.wire import Wire
from tests.scripted_engine import ScriptedEngine

LANGUAGES = (
    *("python", "typescript", "go", "rust", "java", "c", "cpp", "markdown", "html", "json", "yaml", "shellscript"),
    "made-up",
)
# One character of a megabyte a line is enough in these; the others get the beginning of it.
LONG_IN = frozenset({"python", "typescript", "markdown"})
DOCUMENTS = {
    "control characters": "".join(map(chr, range(32))) * 40 + "\x7f\x80\x85\x9b = 1\n",
    "brackets that open": "(" * 100_000,
    "brackets that close": ")]}" * 33_000,
    "brackets of all kinds": "([{<" * 25_000 + "\n" + ">}])" * 25_000,
    "deep indentation": "\n".join(" " * depth + "if x:" for depth in range(400)) + "\n",
    "deep nesting": "f(" * 3_000 + "x" + ")" * 3_000 + "\n",
    "deep lists": "[" * 5_000 + "]" * 5_000,
    "lone surrogates": "a = '\ud800\udfff\udc00'\n\udfff█\n" * 40,
    "a NUL": "a = 1\x00\nb\x00 = \x00\n" * 20,
    "NULs alone": "\x00" * 5_000,
    "a line without an end": "x" * 1_000_000,
    "a line of words": "word " * 200_000,
    "a line of quotes": "\"'`" * 30_000,
    "a line of backslashes": "\\" * 100_000,
    "mixed line ends": "a\r\nb\rc\nd\n\re\r\r\nf\u2028g\u2029h\x0bi\x0cj\x85k\r" * 200,
    "carriage returns": "a = 1\r" * 3_000,
    "a byte order mark": "\ufeffa = 1\n\ufeffb = 2\n\ufeff",
    "invisible characters": "a\u200b\u200c\u200d\u202e\u2066\u00ad\U000e0041 = 1\n" * 50,
    "combining characters": "e" + "\u0301" * 20_000 + "\n",
    "wide characters": "\U0001f468\u200d\U0001f469\u200d\U0001f467 = '\U00020000'\n" * 200,
    "strings that do not end": 'a = """b\n\'c\n`d\n/* e\n<!-- f\n' * 400,
    "comments alone": "# // -- /* ; % \n" * 3_000,
    "fences": "```\n~~~\n" * 3_000,
    "blank lines": "\n" * 20_000,
    "blanks": " \t" * 30_000,
    "control words of models": "<|fim_prefix|><PRE> <SUF> <MID><|endoftext|></s>\n" * 200,
    "nothing": "",
}


@pytest.fixture
async def wire(environment: dict[str, str], tmp_path: Path) -> Any:
    log = tmp_path / "stderr"
    with log.open("wb") as stderr, ScriptedEngine(default="value"):
        process = await asyncio.create_subprocess_exec(
            CONSOLE_SCRIPT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr
        )
        assert process.stdout is not None
        assert process.stdin is not None
        yield Wire(process, process.stdout, process.stdin)
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_every_request_in_a_hostile_document_is_answered(name: str, wire: Wire, tmp_path: Path) -> None:
    options = {"completion": {"debounce_ms": 0}}
    hello = {"processId": None, "rootUri": None, "capabilities": {}, "initializationOptions": options}
    assert "result" in await wire.ask("initialize", hello, 0)
    wire.send({"method": "initialized", "params": {}})
    await _ready(wire)
    number = 0
    for language in _languages(name):
        text = DOCUMENTS[name] if language in LONG_IN else DOCUMENTS[name][:20_000]
        uri = f"file:///w/{language}"
        document = {"uri": uri, "languageId": language, "version": 1, "text": text}
        wire.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        for line, character in ((0, 500), (2_000_000_000, 2_000_000_000)):
            number += 1
            await _ask_all(wire, uri, {"line": line, "character": character}, number)
        _type(wire, uri, "x = ")
        number += 1
        await _ask_all(wire, uri, {"line": 0, "character": 4}, number)
        wire.send({"method": "textDocument/didClose", "params": {"textDocument": {"uri": uri}}})
    await _still_completes(wire)
    assert (await wire.ask("shutdown", None, "end"))["result"] is None
    wire.send({"method": "exit"})
    assert await wire.exit_code() == 0
    logged = (tmp_path / "stderr").read_text("utf-8", "replace")
    assert "Traceback" not in logged
    assert "ERROR" not in logged


def _languages(name: str) -> tuple[str, ...]:
    """Return the languages that a document is opened in: all if INFILL_HOSTILE is set, else some, in turn."""
    if os.environ.get("INFILL_HOSTILE"):
        return LANGUAGES
    first = 5 * list(DOCUMENTS).index(name)
    return tuple(LANGUAGES[(first + step) % len(LANGUAGES)] for step in range(3))


async def _ready(wire: Wire) -> None:
    """Wait until the engine is connected; before that, requests would be answered without asking it."""
    while (message := await wire.receive()).get("method") != "infill/status" or message["params"]["kind"] != "Normal":
        pass


async def _ask_all(wire: Wire, uri: str, position: dict[str, int], number: int) -> None:
    """Ask in all ways at once; the answers come in any order."""
    at = {"textDocument": {"uri": uri}, "position": position}
    asked = {
        f"{number} automatic": ("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 2}}),
        f"{number} invoked": ("textDocument/inlineCompletion", {**at, "context": {"triggerKind": 1}}),
        f"{number} list": ("textDocument/completion", at),
    }
    if not position["line"]:
        asked[f"{number} explain"] = ("workspace/executeCommand", {"command": "infill.explain", "arguments": [at]})
    for key, (method, params) in asked.items():
        wire.send({"id": key, "method": method, "params": params})
    waiting = set(asked)
    while waiting:
        message = await wire.receive()
        if "method" in message:
            continue
        assert "result" in message, message
        waiting.remove(message["id"])


def _type(wire: Wire, uri: str, text: str) -> None:
    start = {"line": 0, "character": 0}
    changes = [{"range": {"start": start, "end": start}, "text": text}]
    params = {"textDocument": {"uri": uri, "version": 2}, "contentChanges": changes}
    wire.send({"method": "textDocument/didChange", "params": params})


async def _still_completes(wire: Wire) -> None:
    document = {"uri": "file:///w/good.py", "languageId": "python", "version": 1, "text": "total = \n"}
    wire.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
    params = {
        "textDocument": {"uri": document["uri"]},
        "position": {"line": 0, "character": 8},
        "context": {"triggerKind": 1},
    }
    found = (await wire.ask("textDocument/inlineCompletion", params, "good"))["result"]
    assert [item["insertText"] for item in found["items"]] == ["total = value"]
