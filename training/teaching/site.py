"""The folder that travels to a GPU for `training.teaching.run`: weights and corpus in pieces beside the repository.

``python -m training.teaching.site pack --base MARKED.gguf --run FOLDER --site .teach-site`` writes ``1``, ``2``
and so on in it.  Each is carried by a call of its own; ``join`` makes one folder of them there.
"""

from __future__ import annotations

import argparse
import lzma
from collections.abc import Iterator
from pathlib import Path

CALL_BYTES = 64 << 20  # travel at once at most, the repository, 51 MiB, with each piece
PIECE_BYTES = 8 << 20
WEIGHTS, TRAIN, HELD_OUT = "base.gguf", "train.jsonl", "held_out.jsonl"
_COUNT = "count"  # in each piece: how many there are
_PRESET = 6


def pack(base: Path, run: Path, site: Path, piece_bytes: int = PIECE_BYTES) -> list[Path]:
    """Write the pieces and return them.

    Args:
        base: The weights.
        run: Holds the corpus.
        site: Where the pieces go; must not have older ones.
        piece_bytes: Most bytes of a piece.
    """
    pieces: list[Path] = []
    contents = [(WEIGHTS, base.read_bytes())]
    contents += [(f"{name}.xz", lzma.compress((run / name).read_bytes(), preset=_PRESET)) for name in (HELD_OUT, TRAIN)]
    for name, content, number in _cut(contents, piece_bytes):
        piece = site / str(number)
        piece.mkdir(parents=True, exist_ok=True)
        count = len(list(site.glob(f"*/{name}.*")))
        (piece / f"{name}.{count:03}").write_bytes(content)
        pieces.append(piece)
    pieces = sorted(set(pieces))
    for piece in pieces:
        (piece / _COUNT).write_text(str(len(pieces)), encoding="ascii")
    return pieces


def _cut(contents: list[tuple[str, bytes]], piece_bytes: int) -> Iterator[tuple[str, bytes, int]]:
    """Yield parts of the contents with the number of the piece that each belongs to."""
    number, room = 1, piece_bytes
    for name, content in contents:
        at = 0
        while at < len(content):
            if not room:
                number, room = number + 1, piece_bytes
            part = content[at : at + room]
            yield name, part, number
            at, room = at + len(part), room - len(part)


def join(site: Path, target: Path) -> None:
    """Write what was packed to ``target``.

    Raises:
        SystemExit: A piece is missing.
    """
    counts = {int(file.parent.name): int(file.read_text(encoding="ascii")) for file in site.glob(f"*/{_COUNT}")}
    if missing := sorted(set(range(1, max(counts.values(), default=1) + 1)) - set(counts)):
        raise SystemExit(f"{site} lacks {', '.join(map(str, missing))}; bring it along and run this again.")
    target.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, f"{TRAIN}.xz", f"{HELD_OUT}.xz"):
        parts = sorted(site.glob(f"*/{name}.*"), key=lambda part: part.name)
        content = b"".join(part.read_bytes() for part in parts)
        (target / name.removesuffix(".xz")).write_bytes(lzma.decompress(content) if name.endswith(".xz") else content)


def main() -> None:
    """Pack or join."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("pack", "join"))
    parser.add_argument("--base", type=Path)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--site", type=Path, default=Path(".teach-site"))
    options = parser.parse_args()
    if options.action == "join":
        join(options.site, options.run)
        return
    for piece in pack(options.base, options.run, options.site):
        print(piece, f"{sum(file.stat().st_size for file in piece.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
