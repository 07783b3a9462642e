"""The corpus: source files in seven languages, deduplicated, balanced and split by hash.

It contains the standard library, the installed distributions in :data:`DISTRIBUTIONS`, which the project depends on,
and the projects in ``sources.toml`` that are on this machine; all have permissive licences.  Nothing is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from training.sources import files_of, is_test, is_wanted, language_of, sources

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
MAX_CHARS = 150_000
MAX_LINE_CHARS = 500
MAX_MEAN_LINE_CHARS = 90
MAX_DIGIT_SHARE = 0.15
MAX_FOREIGN_SHARE = 0.05
HELD_OUT_PER_MILLE = 20
# Of the characters of the corpus.
SHARES = {"python": 0.34, "script": 0.2, "go": 0.1, "rust": 0.1, "java": 0.1, "c": 0.08, "cpp": 0.08}
MAX_PROJECT_SHARE = 0.15  # of a language's characters
# A file is a near duplicate if most of its long lines occurred before.
LONG_LINE_CHARS = 20
MAX_SEEN_SHARE = 0.7
_WRITTEN_BY_PROGRAM = re.compile(
    r"@generated|do not (edit|modify)|(auto[- ]?|automatically |machine )generated|generated (by|from|code)",
    re.IGNORECASE,
)
# A comment at the start of a file; it is dropped if it is a licence, since a model has nothing to learn from it.
_FIRST_COMMENT = re.compile(r"\A\s*(/\*.*?\*/|(?:(?://|#)[^\n]*\n)+)\s*", re.DOTALL)
_CPP = re.compile(r"^\s*(namespace|class|template)\b", re.MULTILINE)
_LICENCE = re.compile(r"licen[cs]e|copyright", re.IGNORECASE)


@dataclass(frozen=True)
class SourceFile:
    """A file of the corpus; ``name`` is ``project:path inside it``, ``text`` has LF line endings."""

    name: str
    text: str

    @property
    def project(self) -> str:
        """The project that the file belongs to."""
        return self.name.partition(":")[0]

    @property
    def language(self) -> str:
        """The language of the file, a key of `SHARES`."""
        if self.name.endswith(".h") and _CPP.search(self.text):
            return "cpp"
        return language_of(self.name) or "python"

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def held_out(self) -> bool:
        """True for about two percent of the files, which depends only on the SHA-256 of their text."""
        return int.from_bytes(self.digest[:4], "big") % 1000 < HELD_OUT_PER_MILLE


def _installed() -> Iterator[tuple[str, bytes]]:
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(stdlib.rglob("*.py")):
        relative = path.relative_to(stdlib)
        if relative.parts[0] not in {"site-packages", "config", "lib2to3", "test", "idlelib"}:
            yield f"python:{relative}", path.read_bytes()
    for distribution in DISTRIBUTIONS:
        try:
            files = metadata.files(distribution) or []
        except metadata.PackageNotFoundError:
            continue
        for entry in sorted(files, key=str):
            path = Path(str(entry.locate()))
            if is_wanted(str(entry)) and path.is_file():
                yield f"{distribution}:{entry}", path.read_bytes()


def _listed(repositories: Path, wheels: Path) -> Iterator[tuple[str, bytes]]:
    for source in sources():
        for path, data in files_of(source, repositories, wheels):
            yield f"{source.name}:{path}", data


def _without_licence(text: str) -> str:
    comment = _FIRST_COMMENT.match(text)
    return text[comment.end() :] if comment and _LICENCE.search(comment.group()) else text


def readable(data: bytes) -> str | None:
    """Return the text of a file that people wrote, or None for tables, output of programs and other encodings."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")
    if _WRITTEN_BY_PROGRAM.search(text[:2000]):
        return None
    text = _without_licence(text)
    return text if _is_code(text) else None


def _is_code(text: str) -> bool:
    lines = text.split("\n")
    return (
        MIN_CHARS <= len(text) <= MAX_CHARS
        and max(map(len, lines)) <= MAX_LINE_CHARS
        and len(text) <= MAX_MEAN_LINE_CHARS * len(lines)
        and sum(map(text.count, "0123456789")) <= MAX_DIGIT_SHARE * len(text)  # more digits: a table
        and len(text.encode()) - len(text) <= MAX_FOREIGN_SHARE * len(text)
    )


class NewFiles:
    """Tells new files from copies and near copies of those before."""

    def __init__(self) -> None:
        self._texts: set[bytes] = set()
        self._lines: set[int] = set()

    def add(self, text: str) -> bool:
        """Return whether ``text`` is new."""
        digest = hashlib.sha256("".join(text.split()).encode()).digest()
        lines = {hash(line) for each in text.split("\n") if len(line := each.strip()) >= LONG_LINE_CHARS}
        if digest in self._texts or len(lines & self._lines) > MAX_SEEN_SHARE * max(1, len(lines)):
            return False
        self._texts.add(digest)
        self._lines |= lines
        return True


def source_files(repositories: Path, wheels: Path) -> Iterator[SourceFile]:
    """Yield each distinct readable file once, and half of the tests, in a stable order."""
    new = NewFiles()
    for files in (_installed(), _listed(repositories, wheels)):
        for name, data in files:
            text = readable(data)
            if text is None or (is_test(name) and hashlib.sha256(data).digest()[5] % 2):
                continue
            if new.add(text):
                yield SourceFile(name, text)


def _cap(sizes: Iterable[int], budget: float) -> float:
    """Return the cap on each of ``sizes`` under which their sum is ``budget``."""
    left = sorted(sizes)
    while left and left[0] * len(left) < budget:
        budget -= left.pop(0)
    return budget / len(left) if left else float("inf")


def balanced(files: Iterable[SourceFile], chars: int) -> list[SourceFile]:
    """Return files of about ``chars`` characters in the shares of `SHARES`, large projects cut down by hash."""
    kinds: dict[str, dict[str, list[SourceFile]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        kinds[file.language][file.project].append(file)
    chosen: list[SourceFile] = []
    for language, projects in kinds.items():
        budget = chars * SHARES[language]
        sizes = [sum(len(file.text) for file in project) for project in projects.values()]
        cap = min(MAX_PROJECT_SHARE * budget, _cap(sizes, budget))
        for project in projects.values():
            room = cap
            for file in sorted(project, key=lambda each: each.digest[6:]):
                room -= len(file.text)
                if room >= 0:
                    chosen.append(file)
    return sorted(chosen, key=lambda file: (file.language, file.name))


def write(folder: Path, files: list[SourceFile]) -> dict[str, object]:
    """Write ``train.jsonl`` and ``held_out.jsonl`` (one ``{"name", "text"}`` per line) and return the counts."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {"train_files": 0, "train_chars": 0, "held_out_files": 0, "held_out_chars": 0}
    chars: dict[str, int] = defaultdict(int)
    projects: dict[str, int] = defaultdict(int)
    with (folder / "train.jsonl").open("w") as train, (folder / "held_out.jsonl").open("w") as held_out:
        for file in files:
            split = "held_out" if file.held_out else "train"
            counts[f"{split}_files"] += 1
            counts[f"{split}_chars"] += len(file.text)
            chars[file.language] += len(file.text)
            projects[file.project] += len(file.text)
            (held_out if file.held_out else train).write(json.dumps({"name": file.name, "text": file.text}) + "\n")
    report = counts | {"chars_by_language": chars, "chars_by_project": projects}
    (folder / "corpus.json").write_text(json.dumps(report, indent=1))
    return counts | {"chars_by_language": dict(chars)}


def read(path: Path) -> list[SourceFile]:
    """Read one of the files that :func:`write` wrote."""
    with path.open() as lines:
        return [SourceFile(**json.loads(line)) for line in lines]


def main() -> None:
    """Write the corpus to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("training/run"))
    parser.add_argument(
        "--repositories", type=Path, default=Path("repositories"), help="git directories owner+name/repo"
    )
    parser.add_argument("--wheels", type=Path, default=Path("wheels"))
    parser.add_argument("--chars", type=int, default=180_000_000)
    options = parser.parse_args()
    print(write(options.out, balanced(source_files(options.repositories, options.wheels), options.chars)))


if __name__ == "__main__":
    main()
