"""Fit the weights of the n-gram cache to held-out text, by the likelihood of the true text in the holes.

For each combination of the parameters that have no gradient, the model's probability of each true token and the levels
of the index are collected once; then the four gains are fitted by gradient descent.  Only the half of the held-out
files that is not used for the scores takes part.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from infill_completion.api import CompletionRequest
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram.index import MatchLevel
from infill_completion.engine.ngram.mixture import MixtureParameters, ngram_index
from infill_completion.settings import EngineSettings
from training.evaluate import HeldOutHole, holes
from training.export import EMBEDDED

HALF_LIVES = (0.0, 300.0, 1000.0)
END_TOKENS = (0, 4, 8)
MAX_LEVELS = 24


@dataclass(frozen=True)
class TrueToken:
    """A token of the true text.

    Attributes:
        probability: Its probability in the model.
        levels: The levels of the index at its place.
        target: Its id.
        inner: What an inner scope of counts gives it.
        left: The weight that the inner scope leaves to the index and the model.
    """

    probability: float
    levels: list[MatchLevel]
    target: int
    inner: float = 0.0
    left: float = 1.0


@torch.inference_mode()
def _probabilities(model: LlamaForCausalLM, ids: list[int], truth: list[int]) -> list[float]:
    logits = model(torch.tensor([ids + truth])).logits[0, len(ids) - 1 : -1]
    chances: list[float] = logits.softmax(-1).gather(-1, torch.tensor(truth)[:, None]).flatten().tolist()
    return chances


def probabilities(generator: Generator, model: LlamaForCausalLM, wanted: list[HeldOutHole]) -> list[list[float]]:
    """Return the model's probability of each true token of each hole, which no parameter of the cache changes."""
    found = []
    for hole in wanted:
        prompt = generator.model.prompt(CompletionRequest(hole.prefix, hole.suffix))
        found.append(_probabilities(model, prompt.ids, _truth(generator, prompt.spell, hole)))
    return found


def _truth(generator: Generator, spell: str, hole: HeldOutHole) -> list[int]:
    return list(generator.model.tokenizer.encode_infilling(spell + hole.wanted + "\n"))


def collect(
    generator: Generator, known: list[list[float]], wanted: list[HeldOutHole], parameters: MixtureParameters
) -> list[TrueToken]:
    """Return the true tokens of all holes, with the ``known`` probabilities from :func:`probabilities`."""
    tokens = []
    for hole, chances in zip(wanted, known, strict=True):
        prompt = generator.model.prompt(CompletionRequest(hole.prefix, hole.suffix))
        index = ngram_index(prompt, parameters, generator.model.tokenizer.infilling)
        for id_, chance in zip(_truth(generator, prompt.spell, hole), chances, strict=True):
            tokens.append(TrueToken(chance, index.levels()[:MAX_LEVELS], id_))
            index.append(id_)
    return tokens


def _tables(tokens: list[TrueToken]) -> tuple[Tensor, Tensor, Tensor]:
    """Return features ``(tokens, levels, 4)``, the shares of the true tokens and a mask, both ``(tokens, levels)``."""
    width = max(1, *(len(token.levels) for token in tokens))
    features, shares = torch.zeros(len(tokens), width, 4), torch.zeros(len(tokens), width)
    mask = torch.zeros(len(tokens), width, dtype=torch.bool)
    for row, token in enumerate(tokens):
        for column, level in enumerate(token.levels):
            numbers = [1.0, level.order, level.count, max(level.shares.values())]
            features[row, column] = torch.tensor(numbers)
            shares[row, column] = level.shares.get(token.target, 0.0)
            mask[row, column] = True
    features[..., 1:3] = features[..., 1:3].clamp(min=1).log()
    return features, shares, mask


def fit(tokens: list[TrueToken], start: MixtureParameters) -> tuple[MixtureParameters, float]:
    """Return the parameters with the best gains, and the mean loss in nats per token."""
    features, shares, mask = _tables(tokens)
    model = torch.tensor([token.probability for token in tokens])
    inner = torch.tensor([token.inner for token in tokens])
    outer = torch.tensor([token.left for token in tokens])
    gains = torch.tensor([start.bias, start.order_gain, start.count_gain, start.purity_gain], requires_grad=True)
    optimizer = torch.optim.Adam([gains], lr=0.05)
    loss = torch.zeros(())
    for _ in range(400):
        weight = (features @ gains).sigmoid() * mask
        left = torch.cumprod(1 - weight, -1)
        before = torch.cat([torch.ones(len(tokens), 1), left[:, :-1]], -1)
        likely = inner + outer * ((before * weight * shares).sum(-1) + left[:, -1] * model)
        loss = -(likely + 1e-9).log().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    bias, order, count, purity = (round(gain, 3) for gain in gains.tolist())
    fitted = replace(start, bias=bias, order_gain=order, count_gain=count, purity_gain=purity)
    return fitted, float(loss.detach())


def main() -> None:
    """Fit, and write the parameters into ``infill.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("training/run"))
    parser.add_argument("--folder", type=Path, default=EMBEDDED)
    parser.add_argument("--count", type=int, default=400)
    options = parser.parse_args()
    settings = EngineSettings(model=str(options.folder), device="cpu", quantization="none")
    generator = Generator.load(settings, lambda _share, _what: None)
    model = LlamaForCausalLM.from_pretrained(options.folder, dtype=torch.float32)
    wanted = holes(options.run / "held_out.jsonl", options.count, tuning=True)
    known = probabilities(generator, model, wanted)
    found: list[tuple[float, MixtureParameters]] = []
    for half_life, end_tokens in itertools.product(HALF_LIVES, END_TOKENS):
        start = MixtureParameters(half_life_tokens=half_life, end_tokens=end_tokens)
        fitted, loss = fit(collect(generator, known, wanted, start), start)
        print(f"half life {half_life:g}, end tokens {end_tokens}: {loss:.4f} nats per token, {fitted}", flush=True)
        found.append((loss, fitted))
    best = min(found, key=lambda pair: pair[0])[1]
    path = options.folder / "infill.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"cache": asdict(best)}, indent=2) + "\n")


if __name__ == "__main__":
    main()
