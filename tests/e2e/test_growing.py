"""A user who pauses sees a suggestion grow, over real stdio."""

from __future__ import annotations

import asyncio

import pytest

from infill_completion.api import CompletionRequest, FinishReason
from tests.e2e.editor import Buffer, Editor, visual_studio_code
from tests.scripted_engine import Reply, ScriptedEngine

CODE = "def f(a):\n    x = |\n"
WHOLE = "def f(a):\n    x = a + 1\n    y = x * 2\n    return x + y\n"
SURE = -0.002


def writes(whole: str) -> object:
    """Return a model that knows the text and is sure of it."""

    def script(request: CompletionRequest) -> Reply:
        rest = whole.removeprefix(request.prefix) if whole.startswith(request.prefix) else ""
        return Reply([*rest], FinishReason.STOP, SURE)

    return script


def longer(editor: Editor) -> list[tuple[str, int]]:
    """Return the documents, with their versions, for which the editor was told that it would get more."""
    found = [params.textDocument for method, params in editor.notes if method == "infill/longer"]
    return [(document.uri, document.version) for document in found]


async def ghost(buffer: Buffer) -> str | None:
    items = await buffer.ghosts()
    return str(items[0].insert_text) if items else None


@pytest.fixture
async def telling(engine: ScriptedEngine, window: Editor) -> Editor:
    """Open an editor that wants to know when a suggestion has grown."""
    engine.default = writes(WHOLE)  # type: ignore[assignment]
    capabilities = visual_studio_code()
    capabilities.experimental = {"infillLonger": True}
    await window.initialize(capabilities)
    await window.ready()
    return window


async def test_an_editor_that_wants_to_know_is_told(telling: Editor) -> None:
    buffer = telling.open(CODE)
    assert await ghost(buffer) == "    x = a + 1"
    await telling.wait_for(lambda: longer(telling) or None)
    assert longer(telling)[0] == (buffer.uri, buffer.version)
    assert await ghost(buffer) == "    x = a + 1\n    y = x * 2\n    return x + y"


async def test_after_keys_that_only_type_it_nothing_need_be_asked(telling: Editor) -> None:
    """The Neovim plugin sends no request for them."""
    buffer = telling.open(CODE)
    await ghost(buffer)
    buffer.type("a")
    buffer.type(" ")
    await telling.wait_for(lambda: longer(telling) or None)
    assert longer(telling)[-1] == (buffer.uri, buffer.version)
    assert await ghost(buffer) == "    x = a + 1\n    y = x * 2\n    return x + y"


async def test_another_editor_gets_it_with_the_next_key(editor: Editor, engine: ScriptedEngine) -> None:
    engine.default = writes(WHOLE)  # type: ignore[assignment]
    buffer = editor.open(CODE)
    assert await ghost(buffer) == "    x = a + 1"
    await asyncio.to_thread(
        engine.wait_for, lambda: any(one.prefix.endswith("x + y") for one in engine.requests) or None
    )
    buffer.type("a")
    assert await ghost(buffer) == "    x = a + 1\n    y = x * 2\n    return x + y"
    assert not longer(editor)
