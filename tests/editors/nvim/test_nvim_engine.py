"""The real language server, the real engine, the embedded model, a real Neovim."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.drivers.installation import home, infill
from benchmarks.drivers.neovim import Neovim, ready, start
from tests.editors.nvim.latency import measure
from tests.editors.nvim.picture import photograph
from tests.editors.sample import CODE

pytestmark = pytest.mark.editor

PAGE = Path(__file__).parents[3] / "docs" / "neovim.md"
ROOT = PAGE.parents[1]
# Next to the measurements of VS Code; docs/ has the published ones.
KEPT = ROOT / ".cache" / "nvim" / "latency.json"
TYPED = "Go<CR><CR>def read_lines(path):<CR>with open(path, enc"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with home(tmp_path_factory.mktemp("home")) as environment:
        yield environment


@pytest.fixture
def nvim(tmp_path: Path, environment: dict[str, str]) -> Iterator[Neovim]:
    editor = start(tmp_path, "work", environment)
    yield editor
    editor.close()


def test_the_three_lines_of_the_page_are_a_whole_configuration(tmp_path: Path, environment: dict[str, str]) -> None:
    lines = PAGE.read_text(encoding="utf-8").split("```lua\n")[1].split("```")[0]
    assert len(lines.splitlines()) == 3
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "infill-ls").symlink_to(ROOT)
    (tmp_path / ".config" / "nvim").mkdir(parents=True)
    (tmp_path / ".config" / "nvim" / "init.lua").write_text(lines, encoding="utf-8")
    nvim = start(tmp_path, "three", environment, home=tmp_path)
    try:
        nvim.open("names.py", CODE)
        ready(nvim)
        nvim.type(TYPED)
        ghost = nvim.until(nvim.ghost, "ghost text", 30)
        before = nvim.lines()
        nvim.type("<Tab>")
        nvim.until(lambda: "\n".join(nvim.lines()) == "\n".join(before) + ghost, "the suggestion is in")
    finally:
        nvim.close()


def test_one_undo_removes_a_suggestion_of_the_model(nvim: Neovim) -> None:
    nvim.open("names.py", CODE)
    ready(nvim)
    nvim.type(TYPED)
    ghost = nvim.until(nvim.ghost, "ghost text", 30)
    before = nvim.lines()
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lines() != before, "the suggestion is in")
    nvim.escape()
    assert "\n".join(nvim.lines()) == "\n".join(before) + ghost
    nvim.type("u")
    nvim.until(lambda: nvim.lines() == before, "one undo takes it back")


def test_a_hostile_workspace_runs_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    workspace = tmp_path / "hostile"
    workspace.mkdir()
    for name in ("types", "attrs", "infill_server", "sitecustomize"):
        (workspace / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').write({name!r})\n")
    # Neovim's own Python provider looks for a Python in the workspace's environment; which this test is not about.
    nvim = start(tmp_path, "hostile", {**environment, "PYTHONPATH": "."}, "vim.g.loaded_python3_provider = 0")
    try:
        nvim.open("names.py", CODE)
        ready(nvim)
        nvim.type(TYPED)
        nvim.until(nvim.ghost, "ghost text", 30)
    finally:
        nvim.close()
    assert not (tmp_path / "ran").exists()


def test_the_popup_of_neovim_offers_the_suggestion_too(tmp_path: Path, environment: dict[str, str]) -> None:
    init = (
        "vim.o.completeopt = 'menuone,noselect'\n"
        "vim.api.nvim_create_autocmd('LspAttach', { callback = function(args)"
        " vim.lsp.completion.enable(true, args.data.client_id, args.buf) end })"
    )
    nvim = start(tmp_path, "popup", environment, init)
    try:
        path = nvim.open("names.py", CODE)
        ready(nvim)
        nvim.type(TYPED)
        nvim.until(nvim.ghost, "ghost text", 30)
        before = nvim.lines()
        nvim.type("<C-x><C-o>")
        nvim.until(lambda: nvim.api.funcs.pumvisible() == 1, "the popup menu is open", 30)
        nvim.until_ghost("")
        entry = nvim.api.funcs.complete_info(["items"])["items"][0]
        edit = entry["user_data"]["nvim"]["lsp"]["completion_item"]["textEdit"]
        kept = before[-1].encode()[: edit["range"]["start"]["character"]].decode()
        expected = "\n".join([*before[:-1], kept + edit["newText"]])
        nvim.type("<C-n><C-y>")
        nvim.until(lambda: "\n".join(nvim.lines()) == expected, "the entry is in")
        assert nvim.save(path).decode() == expected + "\n"
    finally:
        nvim.close()


def test_crlf_stays_crlf(nvim: Neovim) -> None:
    path = nvim.open("names.py", CODE.replace(b"\n", b"\r\n"))
    ready(nvim)
    nvim.type(TYPED)
    ghost = nvim.until(nvim.ghost, "ghost text", 30)
    before = nvim.lines()
    nvim.type("<Tab>")
    nvim.until(lambda: nvim.lines() != before, "the suggestion is in")
    expected = "\n".join(before) + ghost + "\n"
    assert nvim.save(path) == expected.replace("\n", "\r\n").encode()


def test_two_editors_share_one_engine(nvim: Neovim, tmp_path: Path, environment: dict[str, str]) -> None:
    other = start(tmp_path, "other", environment)
    try:
        for editor in (nvim, other):
            editor.open("names.py", CODE)
            ready(editor)
            editor.type(TYPED)
            editor.until(editor.ghost, "ghost text", 30)
    finally:
        other.close()
    assert len(list(Path(environment["XDG_RUNTIME_DIR"]).rglob("*.sock"))) == 1
    assert infill(environment, "engine", "status").count("ready") == 1


def test_neovims_own_inline_completion_if_it_exists(tmp_path: Path, environment: dict[str, str]) -> None:
    nvim = start(tmp_path, "native", environment, "require('infill').setup({ renderer = 'native' })")
    try:
        if not nvim.lua("return require('infill.builtin').exists()"):
            pytest.skip("needs Neovim 0.12; name one in NVIM_BIN")
        nvim.open("names.py", CODE)
        ready(nvim)
        nvim.type(TYPED)
        drawn = "local n = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion'] return n and"
        drawn += " #vim.api.nvim_buf_get_extmarks(0, n, 0, -1, {}) > 0"
        nvim.until(lambda: nvim.lua(drawn), "Neovim's own ghost text", 30)
        assert nvim.ghost() == ""
        before = nvim.lines()
        nvim.type("<Tab>")
        nvim.until(lambda: nvim.lines() != before, "the suggestion is in")
    finally:
        nvim.close()


def test_health_reports_no_problem(nvim: Neovim) -> None:
    nvim.open("names.py", CODE)
    ready(nvim)
    nvim.api.command("checkhealth infill")
    report = nvim.lines()
    assert [line for line in report if "ERROR" in line or "WARNING" in line] == []
    assert any("infill-ls 0." in line and "OK" in line for line in report)
    assert any("serves 1 buffer(s)" in line for line in report)
    assert any("packages: torch" in line for line in report)
    assert any("<Tab>" in line and "OK" in line for line in report)


def test_explain_describes_the_cursor_position(nvim: Neovim) -> None:
    nvim.open("names.py", CODE)
    ready(nvim)
    nvim.api.command("normal! G$")
    nvim.api.command("Infill explain")
    nvim.until(lambda: any(line.startswith("decision:") for line in nvim.lines()), "the explanation", 30)


def test_a_suggestion_typed_through_needs_no_request(nvim: Neovim) -> None:
    nvim.open("names.py", CODE)
    ready(nvim)
    figures = measure(nvim)
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    assert figures["fresh"]["samples"] > 0
    assert figures["known"]["samples"] > 0


def test_a_screenshot(nvim: Neovim, tmp_path: Path) -> None:
    nvim.open("names.py", CODE, "python")
    ready(nvim)
    nvim.type(TYPED)
    ghost = nvim.until(nvim.ghost, "ghost text", 30)
    target = tmp_path / "nvim.png"
    photograph(nvim, target)
    from PIL import Image

    with Image.open(target) as image:
        colours = image.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 2, f"a page with {ghost!r} has more than ink and paper"
