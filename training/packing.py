"""The tokenised corpus in one folder small enough to travel: compressed parts, names, check rows, tokenizer.

``python -m training.packing`` writes it; :func:`load` reads it with all cores.  xz (Python's ``lzma``) needs nothing
that is not part of Python.
"""

from __future__ import annotations

import argparse
import json
import lzma
import shutil
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from training.corpus import SourceFile, read
from training.rows import SENTINEL, Ids, TokenisedCorpus, TokenRowMaker

PARTS = 16
CHECK_ROWS = 24  # of each language
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 26, "lc": 3, "lp": 1, "pb": 1}]


def tokenised(files: list[SourceFile], tokenizer: Tokenizer) -> TokenisedCorpus:
    """Encode files, which must be sorted by language."""
    skip = len(tokenizer.encode(SENTINEL, add_special_tokens=False).ids)
    parts: list[Ids] = []
    for start in range(0, len(files), 500):
        texts = [SENTINEL + file.text for file in files[start : start + 500]]
        parts += [np.array(e.ids[skip:], np.uint16) for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    starts = np.array([0, *accumulate(len(part) for part in parts)], np.int64)
    return TokenisedCorpus(np.concatenate(parts), starts, [file.name for file in files], _ranges(files))


def _ranges(files: list[SourceFile]) -> dict[str, tuple[int, int]]:
    ranges: dict[str, tuple[int, int]] = {}
    for index, file in enumerate(files):
        first, _ = ranges.get(file.language, (index, index))
        ranges[file.language] = (first, index + 1)
    return ranges


def _compressed(part: bytes) -> bytes:
    return lzma.compress(part, filters=FILTERS)


def write(run: Path, site: Path, length: int) -> None:
    """Write the corpus of ``run`` to ``site``."""
    site.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    held_out = TokenRowMaker(tokenised(read(run / "held_out.jsonl"), tokenizer), tokenizer, length)
    checks = {language: held_out.rows(CHECK_ROWS, "check", language) for language in held_out.corpus.languages}
    np.savez_compressed(site / "checks.npz", allow_pickle=False, **checks)
    corpus = tokenised(read(run / "train.jsonl"), tokenizer)
    about = {
        "names": corpus.names, "languages": corpus.languages, "sizes": np.diff(corpus.starts).tolist(),
        "dtype": "uint16",
    }  # fmt: skip
    (site / "files.json.xz").write_bytes(_compressed(json.dumps(about).encode()))
    parts = [part.tobytes() for part in np.array_split(corpus.ids, PARTS)]
    with ProcessPoolExecutor(2) as pool:
        for number, data in enumerate(pool.map(_compressed, parts)):
            (site / f"ids-{number:02}.xz").write_bytes(data)
    shutil.copyfile(run / "tokenizer.json", site / "tokenizer.json")
    print(f"{len(corpus.ids):,} tokens, {sum(file.stat().st_size for file in site.iterdir()):,} bytes")


def _decompressed(file: Path) -> bytes:
    return lzma.decompress(file.read_bytes())


def load(site: Path) -> TokenisedCorpus:
    """Read what :func:`write` wrote."""
    about = json.loads(_decompressed(site / "files.json.xz"))
    with ThreadPoolExecutor(PARTS) as pool:  # Decompression does not hold the interpreter's lock.
        data = b"".join(pool.map(_decompressed, sorted(site.glob("ids-*.xz"))))
    starts = np.array([0, *accumulate(about["sizes"])], np.int64)
    languages = {language: (first, last) for language, (first, last) in about["languages"].items()}
    return TokenisedCorpus(np.frombuffer(data, np.uint16), starts, about["names"], languages)


def main() -> None:
    """Write the site."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--site", type=Path, default=Path(".train-site"))
    parser.add_argument("--length", type=int, default=1024)
    options = parser.parse_args()
    write(options.run, options.site, options.length)


if __name__ == "__main__":
    main()
