"""Next edits in Neovim, from the real language server; the model answers from a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.drivers.neovim import Neovim, start
from tests.editors.nvim.picture import SIGN
from tests.editors.user_environment import scripted_fixture

pytestmark = pytest.mark.editor

CODE = """\
def total(prices):
    best = max(prices)
    print("😀", len(prices))
    return sum(prices) - best
"""
RENAMED = CODE.replace("prices", "costs")

# Counts the answers of the server, so that a test can wait for one that offers nothing.
COUNTED = """
vim.g.answers = 0
vim.api.nvim_create_autocmd('LspRequest', { callback = function(args)
  local request = args.data.request
  if request.method == 'textDocument/copilotInlineEdit' and request.type == 'complete' then
    vim.g.answers = vim.g.answers + 1
  end
end })
"""

scripted = scripted_fixture({"sum(": ["costs) + 1"]}, lambda environment: None)


@pytest.fixture
def begin(tmp_path: Path, scripted: dict[str, str]) -> Iterator[Callable[..., Neovim]]:
    editors: list[Neovim] = []

    def make(content: str = CODE, name: str = "shop.py", init: str = "", filetype: str = "python") -> Neovim:
        editors.append(start(tmp_path, f"work{len(editors)}", scripted, COUNTED + init))
        editors[-1].api.command("set number")
        editors[-1].open(name, content.encode(), filetype)
        return editors[-1]

    yield make
    for editor in editors:
        editor.close()


def drawn(nvim: Neovim) -> list[str]:
    """Return what is drawn for next edits: virtual text, virtual lines, struck text, in the order of the buffer."""
    code = (
        "local out = {} local n = vim.api.nvim_get_namespaces()['infill.edits'] if not n then return out end"
        " local function text(chunks) local t = '' for _, c in ipairs(chunks) do t = t .. c[1] end return t end"
        " for _, m in ipairs(vim.api.nvim_buf_get_extmarks(0, n, 0, -1, { details = true })) do local d = m[4]"
        "  if d.hl_group then local old = vim.api.nvim_buf_get_text(0, m[2], m[3], d.end_row, d.end_col, {})"
        "   table.insert(out, '-' .. table.concat(old, '\\n')) end"
        "  if d.virt_text then table.insert(out, '+' .. text(d.virt_text)) end"
        "  for _, l in ipairs(d.virt_lines or {}) do table.insert(out, '+' .. text(l)) end"
        " end return out"
    )
    return [str(one) for one in nvim.lua(code)]


def until_drawn(nvim: Neovim, *marks: str) -> None:
    try:
        nvim.until(lambda: drawn(nvim) == list(marks), f"drawn: {marks!r}")
    except AssertionError as error:
        error.add_note(f"drawn: {drawn(nvim)!r}, {answers(nvim)} answers, {statistics(nvim)!r}")
        raise


def row(nvim: Neovim) -> int:
    return int(nvim.api.current.window.cursor[0])


def statistics(nvim: Neovim) -> Any:
    code = (
        "local c = vim.lsp.get_clients({ name = 'infill_ls' })[1]"
        " return c:request_sync('workspace/executeCommand', { command = 'infill.statistics' }, 5000, 0).result.edits"
    )
    return nvim.lua(code)


def answers(nvim: Neovim) -> int:
    return int(nvim.lua("return vim.g.answers"))


def rename(nvim: Neovim) -> None:
    """Change the parameter's name where it is defined."""
    nvim.type("gg0fpcwcosts<Esc>")
    until_drawn(nvim, *["-prices", "+costs"] * 3)


def test_a_rename_by_example_in_three_places_with_tab_tab_tab_and_one_more(begin: Callable[..., Neovim]) -> None:
    nvim = begin()
    rename(nvim)
    screen = nvim.screen()
    assert [line for line in screen[:4] if line.startswith(SIGN)] == screen[1:4]
    assert screen[1].endswith("max(pricescosts)")
    assert row(nvim) == 1  # the cursor has not moved
    nvim.type("<Tab>")
    nvim.until(lambda: row(nvim) == 2, "the cursor is at the first place")
    assert "\n".join(nvim.lines()[1:]) + "\n" == CODE.split("\n", 1)[1]  # going there changes nothing
    for place in (2, 3, 4):
        assert row(nvim) == place
        until_drawn(nvim, *["-prices", "+costs"] * (5 - place))
        nvim.type("<Tab>")
        nvim.until(lambda: "costs" in nvim.lines()[place - 1], "the edit is made")  # noqa: B023
    assert nvim.lines() == RENAMED.splitlines()
    until_drawn(nvim)
    assert statistics(nvim) == {"offered": 3, "shown": 3, "accepted": 3}


def test_the_keys_work_in_insert_mode_too(begin: Callable[..., Neovim]) -> None:
    nvim = begin()
    nvim.type("gg0fpcwcosts")
    until_drawn(nvim, *["-prices", "+costs"] * 3)
    nvim.type("<Tab><Tab><Tab><Tab>")
    nvim.until(lambda: nvim.lines() == RENAMED.splitlines(), "all places are changed")
    assert nvim.mode() == "i"


def test_each_edit_is_undone_by_itself_and_does_not_come_back(begin: Callable[..., Neovim]) -> None:
    nvim = begin()
    rename(nvim)
    nvim.type("<Tab><Tab>")
    nvim.until(lambda: "max(costs)" in nvim.lines()[1], "the first edit is made")
    nvim.type("u")
    nvim.until(lambda: "max(prices)" in nvim.lines()[1], "it is undone")
    assert nvim.lines()[0] == "def total(costs):"
    before = answers(nvim)
    nvim.type("Go# more<Esc>")
    nvim.until(lambda: nvim.lines()[-1].endswith("# more") and answers(nvim) > before, "asked again")
    until_drawn(nvim)


def test_a_dismissed_edit_does_not_come_back(begin: Callable[..., Neovim]) -> None:
    nvim = begin(init="require('infill').map('<Esc>', 'edit_dismiss')")
    rename(nvim)
    nvim.type("<Esc>")
    until_drawn(nvim)
    assert statistics(nvim) == {"offered": 3, "shown": 3, "rejected": 3}
    assert nvim.lines() == [CODE.splitlines()[0].replace("prices", "costs"), *CODE.splitlines()[1:]]
    before = answers(nvim)
    nvim.type("Go# more<Esc>")
    nvim.until(lambda: nvim.lines()[-1].endswith("# more") and answers(nvim) > before, "asked again")
    until_drawn(nvim)


def test_typing_on_drops_the_edits(begin: Callable[..., Neovim]) -> None:
    nvim = begin()
    rename(nvim)
    nvim.type("Go<C-u>#")
    nvim.until(lambda: nvim.mode() == "i" and drawn(nvim) == [], "nothing is drawn")


def test_an_edit_out_of_sight_is_hinted_at_beside_the_cursor(begin: Callable[..., Neovim]) -> None:
    nvim = begin("def f(prices):\n" + "    print('x')\n" * 60 + "    return prices\n")
    nvim.type("gg0fpcwcosts<Esc>")
    until_drawn(nvim, "+ ↓ next edit: line 62", "-prices", "+costs")
    assert nvim.screen()[0].endswith("def f(costs):  ↓ next edit: line 62")
    nvim.type("<Tab>")
    nvim.until(lambda: row(nvim) == 62, "the cursor is there")
    until_drawn(nvim, "-prices", "+costs")
    nvim.type("<C-o>")
    nvim.until(lambda: row(nvim) == 1, "CTRL-O leads back")
    until_drawn(nvim, "+ ↓ next edit: line 62", "-prices", "+costs")


def test_the_next_one_is_ready_when_one_is_taken(begin: Callable[..., Neovim]) -> None:
    nvim = begin("get(a)\nget(b)\nget(c)\nget(d)\nprint(a)\n")
    nvim.type("ggf)i, timeout=5<Esc>j0f)i, timeout=5<Esc>")
    until_drawn(nvim, "+, timeout=5")
    nvim.type("<Tab><Tab>")
    nvim.until(lambda: nvim.lines()[2] == "get(c, timeout=5)", "the third is made")
    assert row(nvim) == 3
    until_drawn(nvim, "+, timeout=5")
    assert row(nvim) == 3  # the next one has come without moving the cursor
    nvim.type("<Tab><Tab>")
    made = [f"get({name}, timeout=5)" for name in "abcd"]
    nvim.until_lines(*made, "print(a)")


def test_crlf_tabs_and_emoji_stay_as_they_are(begin: Callable[..., Neovim]) -> None:
    code = CODE.replace("    ", "\t").replace("\n", "\r\n")
    nvim = begin(code)
    path = nvim.workspace / "shop.py"
    rename(nvim)
    nvim.type("<Tab><Tab><Tab><Tab>")
    nvim.until(lambda: "sum(costs)" in nvim.lines()[-1], "the last edit is made")
    assert nvim.save(path) == code.replace("prices", "costs").encode()


def test_ghost_text_and_a_menu_come_first(begin: Callable[..., Neovim]) -> None:
    nvim = begin()
    rename(nvim)
    nvim.type("Goprint(sum(")
    nvim.until_ghost("costs) + 1")
    nvim.settled()
    assert drawn(nvim) == []
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lines()[-1].endswith("sum(costs) + 1"), "Tab has taken the ghost text")


def test_tab_keeps_its_meaning_where_no_edit_is_shown(begin: Callable[..., Neovim]) -> None:
    init = "vim.keymap.set('n', '<Tab>', function() vim.g.counted = vim.v.count1 end)"
    init += " require('infill').map('<Tab>', 'accept')"
    nvim = begin(init=init)
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lua("return vim.g.counted") == 1, "the former mapping runs")
    nvim.type("ggO<Tab>x<Esc>")
    nvim.until(lambda: nvim.lines()[0] == "    x", "a tab indents")


def test_a_tab_in_the_indentation_indents(begin: Callable[..., Neovim]) -> None:
    nvim = begin()
    rename(nvim)
    nvim.type("I")
    nvim.until_mode("i")
    until_drawn(nvim, *["-prices", "+costs"] * 3)
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lines()[0] == "    def total(costs):", "the line is indented")


def test_the_plug_names_go_there_take_and_dismiss(begin: Callable[..., Neovim]) -> None:
    init = "vim.keymap.set('n', 'gj', '<Plug>(infill-edit-next)')"
    init += " vim.keymap.set('n', 'gk', '<Plug>(infill-edit-dismiss)')"
    nvim = begin(init=init)
    rename(nvim)
    nvim.type("gjgj")
    nvim.until(lambda: "max(costs)" in nvim.lines()[1], "the first edit is made")
    nvim.type("gk")
    until_drawn(nvim)
    assert statistics(nvim) == {"offered": 3, "shown": 3, "accepted": 1, "rejected": 2}


@pytest.mark.parametrize("init", ["require('infill').setup({ edits = false })", "vim.g.infill_enabled = false"])
def test_nothing_is_proposed_where_it_is_off(begin: Callable[..., Neovim], init: str) -> None:
    nvim = begin(init=init)
    nvim.type("gg0fpcwcosts<Esc>")
    nvim.until(lambda: nvim.mode() == "n" and nvim.lines()[0] == "def total(costs):", "the name is changed")
    nvim.settled()
    assert statistics(nvim) == {}


def test_an_import_is_drawn_as_a_line_of_its_own(begin: Callable[..., Neovim]) -> None:
    nvim = begin("import json\n\nprint(json.dumps(1))\n", "a.py")
    nvim.open("b.py", b"import ast\n\nprint(ast.parse('2'))\n", "python")
    nvim.type("Goprint(json.dumps(2))<Esc>k")
    until_drawn(nvim, "+import json")
    nvim.type("<Tab><Tab>")
    nvim.until(lambda: nvim.lines()[1] == "import json", "the import is made")
