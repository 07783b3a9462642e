"""Draws the extension's icon: two lines of code and, between them, a suggestion in grey.

``python editors/vscode/scripts/icon.py`` writes ``media/icon.svg`` and ``media/icon.png`` from the same shapes, using
only the standard library.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

MEDIA = Path(__file__).resolve().parents[1] / "media"
SIZE = 128
SAMPLES = 4


@dataclass(frozen=True)
class Bar:
    """A rectangle with round corners, in the icon's own units of 1/128."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    colour: tuple[int, int, int]

    def holds(self, x: float, y: float) -> bool:
        """Return whether the point is inside."""
        dx = max(self.x + self.radius - x, x - (self.x + self.width - self.radius), 0.0)
        dy = max(self.y + self.radius - y, y - (self.y + self.height - self.radius), 0.0)
        inside = self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height
        return inside and dx * dx + dy * dy <= self.radius * self.radius

    def svg(self) -> str:
        """Return the shape as an SVG element."""
        place = f'x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="{self.radius}"'
        return f'<rect {place} fill="#{bytes(self.colour).hex()}"/>'


GROUND, CODE, GHOST, CURSOR = (30, 41, 59), (226, 232, 240), (100, 116, 139), (56, 189, 248)
SHAPES = (
    Bar(0, 0, 128, 128, 26, GROUND),
    Bar(24, 28, 56, 12, 6, CODE),
    Bar(24, 58, 22, 12, 6, CODE),
    Bar(52, 48, 6, 32, 3, CURSOR),
    Bar(64, 58, 42, 12, 6, GHOST),
    Bar(24, 88, 40, 12, 6, CODE),
)


def pixel(column: int, row: int) -> bytes:
    """Return one pixel as RGBA: the mean of its samples, each the colour of the topmost shape there."""
    total, covered = [0, 0, 0], 0
    for sample in range(SAMPLES * SAMPLES):
        x = column + (sample % SAMPLES + 0.5) / SAMPLES
        y = row + (sample // SAMPLES + 0.5) / SAMPLES
        top = next((shape for shape in reversed(SHAPES) if shape.holds(x, y)), None)
        if top is not None:
            covered += 1
            total = [mass + part for mass, part in zip(total, top.colour, strict=True)]
    colour = [round(mass / covered) for mass in total] if covered else [0, 0, 0]
    return bytes([*colour, round(255 * covered / SAMPLES**2)])


def png() -> bytes:
    """Return the icon as a PNG file."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"".join(pixel(column, row) for column in range(SIZE)) for row in range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def svg() -> str:
    """Return the icon as an SVG file."""
    shapes = "\n  ".join(shape.svg() for shape in SHAPES)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE}">\n  {shapes}\n</svg>\n'


if __name__ == "__main__":
    (MEDIA / "icon.svg").write_text(svg(), "utf-8")
    (MEDIA / "icon.png").write_bytes(png())
