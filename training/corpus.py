"""The corpus: Python source files on this machine, deduplicated and split by hash.

It contains the standard library and the installed distributions in :data:`DISTRIBUTIONS`, which the project depends on
and which have permissive licences.  Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

# Distributions under MIT, BSD, Apache-2.0, PSF or HPND terms.  hypothesis, certifi and tqdm (MPL-2.0) are left out.
DISTRIBUTIONS = (
    "accelerate", "anyio", "attrs", "bitsandbytes", "cattrs", "click", "cycler", "filelock", "fonttools", "fsspec",
    "h11", "httpcore", "httpx", "huggingface-hub", "idna", "iniconfig", "Jinja2", "kiwisolver", "lsprotocol",
    "MarkupSafe", "matplotlib", "mpmath", "mypy", "mypy_extensions", "networkx", "numpy", "packaging", "pillow",
    "pip", "platformdirs", "pluggy", "psutil", "pydantic", "pygls", "Pygments", "pyparsing", "pytest",
    "pytest-asyncio", "pytest-lsp", "python-dateutil", "PyYAML", "rich", "safetensors", "setuptools", "six",
    "starlette", "sympy", "tokenizers", "torch", "transformers", "typer", "uvicorn", "wheel",
)  # fmt: skip
MIN_CHARS = 300
MAX_CHARS = 400_000
MAX_LINE_CHARS = 1_000
MAX_DIGIT_SHARE = 0.2
HELD_OUT_PER_MILLE = 20


@dataclass(frozen=True)
class SourceFile:
    """A file of the corpus; ``name`` is ``distribution:path inside it``, ``text`` has LF line endings."""

    name: str
    text: str

    @property
    def held_out(self) -> bool:
        """True for about two percent of the files, which depends only on the SHA-256 of their text."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return int.from_bytes(digest[:4], "big") % 1000 < HELD_OUT_PER_MILLE


def _paths() -> Iterator[tuple[str, Path]]:
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(stdlib.rglob("*.py")):
        relative = path.relative_to(stdlib)
        if relative.parts[0] not in {"site-packages", "config", "lib2to3"}:
            yield f"python:{relative}", path
    for distribution in DISTRIBUTIONS:
        try:
            files = metadata.files(distribution) or []
        except metadata.PackageNotFoundError:
            continue
        for entry in sorted(files, key=str):
            if entry.suffix == ".py":
                yield f"{distribution}:{entry}", Path(str(entry.locate()))


def _readable(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")
    if not MIN_CHARS <= len(text) <= MAX_CHARS or max(map(len, text.split("\n"))) > MAX_LINE_CHARS:
        return None
    if sum(character.isdigit() for character in text) > MAX_DIGIT_SHARE * len(text):  # tables, not code
        return None
    return text


def source_files() -> Iterator[SourceFile]:
    """Yield each distinct readable file once, in a stable order."""
    seen: set[bytes] = set()
    for name, path in _paths():
        text = _readable(path)
        if text is None:
            continue
        digest = hashlib.sha256("".join(text.split()).encode()).digest()
        if digest not in seen:
            seen.add(digest)
            yield SourceFile(name, text)


def write(folder: Path) -> dict[str, int]:
    """Write ``train.jsonl`` and ``held_out.jsonl`` (one ``{"name", "text"}`` per line) and return the counts."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"train_files": 0, "train_chars": 0, "held_out_files": 0, "held_out_chars": 0}
    with (folder / "train.jsonl").open("w") as train, (folder / "held_out.jsonl").open("w") as held_out:
        for file in source_files():
            split = "held_out" if file.held_out else "train"
            counts[f"{split}_files"] += 1
            counts[f"{split}_chars"] += len(file.text)
            (held_out if file.held_out else train).write(json.dumps({"name": file.name, "text": file.text}) + "\n")
    (folder / "corpus.json").write_text(json.dumps(counts, indent=1))
    return counts


def read(path: Path) -> list[SourceFile]:
    """Read one of the files that :func:`write` wrote."""
    with path.open() as lines:
        return [SourceFile(**json.loads(line)) for line in lines]


def main() -> None:
    """Write the corpus to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("training/run"))
    print(write(parser.parse_args().out))


if __name__ == "__main__":
    main()
