"""A screenshot of Neovim, painted from the cells that it sends to its user interface.

``python -m tests.editors.nvim.picture FILE.png`` makes the one in the documentation, with the embedded model, and with
``--edits`` that of next edits.
"""

from __future__ import annotations

import argparse
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.drivers.installation import home
from benchmarks.drivers.neovim import Neovim, ready, start
from tests.editors.sample import CODE, SHOP

FONT_SIZE = 26
MARGIN = 24
SIGN = "»"


@dataclass
class Grid:
    """The cells of the screen, as Neovim's ``ext_linegrid`` events describe them."""

    width: int = 0
    height: int = 0
    cells: list[list[tuple[str, int]]] = field(default_factory=list)
    styles: dict[int, dict[str, Any]] = field(default_factory=dict)
    foreground: int = 0xFFFFFF
    background: int = 0
    cursor: tuple[int, int] = (0, 0)
    flushes: int = 0

    def take(self, name: str, arguments: list[Any]) -> None:
        """Apply one event; those that do not touch the cells are left out."""
        if name == "grid_resize":
            _, self.width, self.height = arguments[:3]
            self.cells = [[(" ", 0)] * self.width for _ in range(self.height)]
        elif name == "default_colors_set":
            self.foreground, self.background = arguments[0], arguments[1]
        elif name == "hl_attr_define":
            self.styles[arguments[0]] = arguments[1]
        elif name == "grid_cursor_goto":
            self.cursor = (arguments[1], arguments[2])
        elif name == "grid_clear":
            self.cells = [[(" ", 0)] * self.width for _ in range(self.height)]
        elif name == "grid_line":
            self._line(*arguments[1:4])
        elif name == "flush":
            self.flushes += 1

    def _line(self, row: int, column: int, cells: list[list[Any]]) -> None:
        style = 0
        for cell in cells:
            text = cell[0]
            style = cell[1] if len(cell) > 1 else style
            for _ in range(cell[2] if len(cell) > 2 else 1):
                self.cells[row][column] = (text, style)
                column += 1


def _grid(nvim: Neovim) -> Grid:
    width, height = nvim.lua("return vim.o.columns"), nvim.lua("return vim.o.lines")
    nvim.api.ui_detach()
    nvim.api.ui_attach(width, height, rgb=True, ext_linegrid=True)
    grid = Grid()
    while not (grid.flushes and any(text.strip() for row in grid.cells for text, _ in row)):
        message = nvim.api.next_message()
        if message[0] == "notification" and message[1] == "redraw":
            for name, *batches in message[2]:
                for arguments in batches:
                    grid.take(name, arguments)
    return grid


def _font() -> Any:
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf"), FONT_SIZE)


def photograph(nvim: Neovim, target: Path) -> None:
    """Write the editor's screen to a PNG file."""
    from PIL import Image, ImageDraw

    grid, font = _grid(nvim), _font()
    cell_width = round(font.getlength("M"))
    cell_height = round(FONT_SIZE * 1.3)
    size = (grid.width * cell_width + 2 * MARGIN, grid.height * cell_height + 2 * MARGIN)
    image = Image.new("RGB", size, f"#{grid.background:06x}")
    draw = ImageDraw.Draw(image)
    for row, cells in enumerate(grid.cells):
        for column, (text, style_id) in enumerate(cells):
            style = grid.styles.get(style_id, {})
            ink = style.get("foreground", grid.foreground)
            paper = style.get("background", grid.background)
            if style.get("reverse"):
                ink, paper = paper, ink
            x, y = MARGIN + column * cell_width, MARGIN + row * cell_height
            wide = 2 if text and unicodedata.east_asian_width(text[0]) in "WF" else 1
            if paper != grid.background:
                draw.rectangle((x, y, x + wide * cell_width - 1, y + cell_height - 1), fill=f"#{paper:06x}")
            if text.strip():
                draw.text((x, y + 2), text, font=font, fill=f"#{ink:06x}")
            if style.get("strikethrough"):
                middle = y + cell_height * 11 // 20
                draw.line((x, middle, x + wide * cell_width - 1, middle), fill=f"#{ink:06x}", width=2)
    x, y = MARGIN + grid.cursor[1] * cell_width, MARGIN + grid.cursor[0] * cell_height
    draw.rectangle((x, y, x + 2, y + cell_height - 1), fill=f"#{grid.foreground:06x}")
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, optimize=True)


def main() -> None:
    """Make the picture for the documentation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    parser.add_argument("--edits", action="store_true", help="of next edits instead of ghost text")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, home(Path(folder)) as environment:
        nvim = start(Path(folder), "work", environment)
        nvim.api.ui_try_resize(72, 7 if arguments.edits else 19)
        nvim.open("names.py", SHOP if arguments.edits else CODE, "python")
        nvim.api.command("syntax enable | set number noruler noshowcmd laststatus=0")
        ready(nvim)
        if arguments.edits:
            nvim.api.command("set cmdheight=0")
            nvim.type("gg0fpcwcosts<Esc>")
            nvim.until(lambda: SIGN in "".join(nvim.screen()), "next edits")
        else:
            nvim.type("Go<C-u><CR><CR>def read_lines(path):<CR>")
            nvim.until(nvim.ghost, "ghost text", 30)
        nvim.settled()
        photograph(nvim, arguments.target)
        nvim.close()


if __name__ == "__main__":
    main()
