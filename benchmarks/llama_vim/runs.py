"""One run of the texts in one editor: type, watch the screen, and count what it cost."""

from __future__ import annotations

import time

from benchmarks.drivers.neovim import Neovim
from benchmarks.llama_vim import probe, typed_keys
from benchmarks.llama_vim.side import Side, cpu_s
from benchmarks.llama_vim.texts import TEXTS, WARM_UP, TypedText
from benchmarks.llama_vim.typed_keys import Key

CALM_CORES = 1.0  # what other programs may use during a run, besides the editors and servers themselves
RESTING_S = 0.1  # processor time within two seconds
Figures = dict[str, float | None]


def _place(side: Side, nvim: Neovim, text: TypedText) -> None:
    path = nvim.workspace / text.name
    path.write_text(text.before + text.after, encoding="utf-8")
    nvim.api.command(f"edit {path}")
    if side.name.startswith("infill-ls"):
        nvim.until(nvim.is_served, "the server serves the buffer")
    nvim.api.current.window.cursor = (text.before.count("\n") + 1, 0)
    nvim.type("A")
    nvim.until_mode("i")


def warm(side: Side) -> None:
    """Trigger all one-time work of a side, such as compiling, and wait until it is idle."""
    nvim = side.start()
    probe.prepare(nvim)
    _place(side, nvim, WARM_UP)
    probe.type_settled(nvim, WARM_UP.keys, lambda: side.is_settled(nvim))
    spent, before = cpu_s(side)[0], -1.0
    while spent - before > RESTING_S:
        time.sleep(2)
        spent, before = cpu_s(side)[0], spent
    nvim.close()


def run(side: Side, manner: str) -> Figures:
    """Type the texts in a new editor and return the figures of what it showed and what it cost.

    Raises:
        AssertionError: A text in the editor is not the one that was typed.
    """
    nvim = side.start()
    spent: dict[str, float] = {}
    typed: list[tuple[list[Key], list[str]]] = []
    try:
        probe.prepare(nvim)
        _place(side, nvim, WARM_UP)
        probe.type_settled(nvim, WARM_UP.keys, lambda: side.is_settled(nvim))
        for text in TEXTS:
            nvim.escape()
            _place(side, nvim, text)
            before = _spent(side, nvim)
            if manner == "settled":
                keys = probe.type_settled(nvim, text.keys, lambda: side.is_settled(nvim))
            else:
                keys = probe.type_steadily(nvim, text.keys)
            for name, value in _spent(side, nvim).items():
                spent[name] = spent.get(name, 0.0) + value - before[name]
            if nvim.lines() != text.lines or len(keys) != len(text.keys):
                raise AssertionError(f"{side.name} left {nvim.lines()!r}")
            typed.append((keys, text.lines))
    finally:
        nvim.close()
    count = sum(len(keys) for keys, _ in typed)
    disturbed = max(0.0, spent.pop("others_s") / spent.pop("wall_s"))
    rates: Figures = {f"{name}_a_key": value / count for name, value in spent.items()}
    return typed_keys.rounded(typed_keys.figures(typed) | rates | {"others_cores": disturbed})


def _spent(side: Side, nvim: Neovim) -> dict[str, float]:
    own, others = cpu_s(side)
    return side.counted(nvim) | {"cpu_ms": 1000 * own, "others_s": others, "wall_s": time.monotonic()}


def calm_run(side: Side, manner: str) -> Figures:
    """Run, and again if other work on the machine disturbed the run; return the figures of the calmer one."""
    runs = [run(side, manner)]
    if (runs[0]["others_cores"] or 0.0) > CALM_CORES:
        runs.append(run(side, manner))
    return min(runs, key=lambda one: one["others_cores"] or 0.0)
