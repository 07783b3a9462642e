"""Fit the weights of the workspace's counts, by the likelihood of the true text in holes of checked-out projects.

The weights of the prompt's index stay as the model has them.  The projects must be none that figures are reported of.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from infill_completion.api import CompletionRequest
from infill_completion.document.lines import to_lf
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.decoding.prefill import prefill
from infill_completion.engine.ngram.mixture import MixtureParameters
from infill_completion.engine.ngram.text_index import TextIndex
from infill_completion.languages.registry import language_id_of
from infill_completion.settings import EngineSettings
from infill_server.commands.bench.quality.cutting import holes, read_sources
from infill_server.commands.bench.quality.hole import CodeHole
from infill_server.commands.bench.source_files import source_files
from training.tune import TrueToken, fit

SEED = 11
_AFTER_CHARS = 100  # longer than a token
START = MixtureParameters(
    bias=-8.0, order_gain=1.5, count_gain=0.3, purity_gain=4.5, half_life_tokens=0.0, end_tokens=0
)


def indexes(generator: Generator, paths: Sequence[Path]) -> dict[str, TextIndex]:
    """Return an index of the files of each language, by language id; the texts are named by their paths."""
    tokenizer = generator.model.tokenizer
    texts: dict[str, dict[str, np.ndarray]] = {}
    for path in paths:
        ids = tokenizer.encode_infilling(to_lf(path.read_text("utf-8", "replace")))
        texts.setdefault(language_id_of(path.name), {})[str(path)] = np.array(ids, np.uint32)
    return {language: TextIndex(each, tokenizer.vocab_size) for language, each in texts.items()}


def probabilities(generator: Generator, request: CompletionRequest, truth: Sequence[int]) -> list[float]:
    """Return the model's probability of each true token."""
    model = generator.model
    prompt = model.prompt(request)
    slot, _ = model.slots.acquire(prompt.ids)
    try:
        rows = [prefill(model.forward_pass, slot, prompt.ids, lambda: None)[0].log_softmax(-1)]
        if len(truth) > 1:
            rows += [row.log_softmax(-1) for row in model.scores(slot.cache, truth[:-1], len(prompt.ids))]
    finally:
        model.slots.release(slot)
    return [float(row[id_].exp()) for row, id_ in zip(rows, truth, strict=True)]


def true_ids(tokenizer: Tokenizer, spell: str, hole: CodeHole) -> Sequence[int]:
    """Return the tokens of a hole from its spelled beginning to its line end, as the tokenizer makes them of the file.

    Many join a line end with the indentation after it, so a line end alone is a token that no file and no answer has.
    """
    text = spell + hole.expected
    ids = tokenizer.encode_infilling(text + (hole.suffix[:_AFTER_CHARS] or "\n"))
    ends = (count for count in range(1, len(ids)) if len(tokenizer.decode(ids[:count])) > len(text))
    return ids[: next(ends, len(ids))]


def true_tokens(generator: Generator, hole: CodeHole, texts: TextIndex) -> Iterator[TrueToken]:
    """Yield the true tokens of a hole, with the levels of the index at their places."""
    model, request = generator.model, CompletionRequest(hole.prefix, hole.suffix)
    prompt = model.prompt(request)
    truth = true_ids(model.tokenizer, prompt.spell, hole)
    counts = model.counts(prompt, request, None, drafts=False)
    tail = list(prompt.before[-1])
    for id_, chance in zip(truth, probabilities(generator, request, truth), strict=True):
        left, masses = counts.blend() if counts is not None else (1.0, {})
        yield TrueToken(chance, texts.levels(tail, str(hole.path)), id_, masses.get(id_, 0.0), left)
        tail.append(id_)
        if counts is not None:
            counts.append(id_)


def main() -> None:
    """Fit, and print the parameters."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("projects", nargs="+", type=Path, help="folders")
    parser.add_argument("--model", required=True, help="`embedded`, a folder or a GGUF file")
    parser.add_argument("--count", type=int, default=12, help="holes in each project")
    options = parser.parse_args()
    settings = EngineSettings(model=options.model, device="cpu", context_tokens=1024)
    generator = Generator.load(settings, lambda _share, _what: None)
    found: list[TrueToken] = []
    for project in options.projects:
        paths = source_files(project)
        random.Random(SEED).shuffle(paths)
        texts = indexes(generator, paths)
        for hole in holes(read_sources(paths), options.count, SEED):
            found += true_tokens(generator, hole, texts[language_id_of(hole.path.name)])
        print(f"{project}: {len(found)} tokens so far", flush=True)
    without = fit([TrueToken(one.probability, [], one.target, one.inner, one.left) for one in found], START)[1]
    fitted, loss = fit(found, START)
    print(f"{without:.4f} nats per token without, {loss:.4f} with {fitted}")


if __name__ == "__main__":
    main()
