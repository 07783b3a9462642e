"""The same buffers, the same history and the same seed give the same prompt and the same tokens in any process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.editor import CONSOLE_SCRIPT, Editor, neovim

SETTINGS = {"completion": {"deadline_ms": 60_000, "debounce_ms": 0, "seed": 7}}
SHAPES = "class Circle:\n    def __init__(self, radius):\n        self.radius = radius\n\n    def area(self):\n"
FILES = {"shapes.py": SHAPES, "prices.py": "def price_of(basket):\n    return basket.total()\n", "area.py": SHAPES * 2}


async def session(home: Path, workspace: Path, hash_seed: str) -> tuple[list[str], dict[str, Any]]:
    """Replay one history in new processes; return the suggestions and the last explanation."""
    environment = {
        "XDG_RUNTIME_DIR": str(home / "run"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "INFILL_LS_CONFIG": str(home / "config.toml"),
        "PYTHONHASHSEED": hash_seed,
    }
    editor = Editor()
    try:
        await editor.start(environment, folder=workspace)
        await editor.initialize(neovim(), SETTINGS, workspace)
        await editor.ready()
        for name, text in FILES.items():
            editor.open(f"|{text}", (workspace / name).as_uri())
        here = editor.open(
            "from shapes import Circle\n\n\nclass Square(Circle):\n    |\n", (workspace / "a.py").as_uri()
        )
        said = []
        for typed in ("def area(self):\n        ", "re", "turn "):
            here.type(typed)
            said += [str(item.insert_text) for item in await here.ghosts(by_key=True)]
        place = {"textDocument": {"uri": here.uri}, "position": {"line": 5, "character": here.position().character}}
        return said, await editor.command("infill.explain", place)
    finally:
        await editor.close()
        stop = await asyncio.create_subprocess_exec(CONSOLE_SCRIPT, "engine", "stop", env={**os.environ, **environment})
        assert await stop.wait() == 0


@pytest.mark.parametrize("seeds", [("1", "2")])
async def test_two_engines_and_two_servers_produce_the_same_tokens(tmp_path: Path, seeds: tuple[str, str]) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name, text in FILES.items():
        (workspace / name).write_text(text)
    for seed in seeds:
        (tmp_path / seed / "run").mkdir(parents=True, mode=0o700)
    (said, one), (repeated, other) = [await session(tmp_path / seed, workspace, hash_seed=seed) for seed in seeds]
    assert said
    assert said == repeated
    assert one["engine"]["prompt"] == other["engine"]["prompt"]
    assert one["sources"] == other["sources"]
    assert one["sources"]
    assert [item["raw"] for item in one["candidates"]] == [item["raw"] for item in other["candidates"]]
