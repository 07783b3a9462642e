"""The weights of the workspace's counts are fitted by the likelihood of the true text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.tokenizer_files import Ends
from infill_completion.engine.decoding.generator import Generator
from infill_completion.engine.ngram.index import MatchLevel
from infill_server.commands.bench.quality.hole import CodeHole
from tests.prompt.tokenizers import byte_level, byte_table, tokenizer_of
from training.tune import TrueToken, fit
from training.tune_workspace import START, indexes, true_ids, true_tokens


def test_counts_that_are_right_get_more_weight_than_counts_that_are_wrong() -> None:
    right = [TrueToken(0.1, [MatchLevel(4, 1, {7: 1.0})], 7) for _ in range(20)]
    wrong = [TrueToken(0.1, [MatchLevel(4, 1, {8: 1.0})], 7) for _ in range(20)]
    level = right[0].levels[0]
    assert fit(right, START)[0].weight(level) > 0.5 > fit(wrong, START)[0].weight(level)


def test_what_the_inner_scope_gives_counts_and_leaves_the_rest() -> None:
    tokens = [TrueToken(0.5, [], 7, inner=0.25, left=0.5)]
    assert fit(tokens, START)[1] == pytest.approx(-math.log(0.25 + 0.5 * 0.5), abs=1e-6)


def test_a_line_ends_with_the_token_that_the_file_has_there() -> None:
    hole = CodeHole(Path("a.py"), "def a():\n    value = frobnicate(", "quux)", "\n    return value\n")
    joining = Tokenizer(_with_joined_indentation(), Ends(None, "<|endoftext|>"), "")
    *line, end = true_ids(joining, "frobnicate(", hole)
    assert (joining.decode(line), joining.decode([end])) == ("frobnicate(quux)", "\n   ")
    separating = tokenizer_of("Qwen2.5-Coder")
    *line, end = true_ids(separating, "frobnicate(", hole)
    assert (separating.decode(line), separating.decode([end])) == ("frobnicate(quux)", "\n")
    last = CodeHole(Path("a.py"), "value = frobnicate(", "quux)", "")
    assert joining.decode(true_ids(joining, "", last)) == "quux)\n"


def _with_joined_indentation() -> dict[str, Any]:
    """Return a tokenizer that joins a line end with three spaces, as SmolLM2's does."""
    document = byte_level(["<|endoftext|>"])
    line_end, space = (byte_table()[byte] for byte in b"\n ")
    for left, right in ((line_end, space), (line_end + space, space), (line_end + 2 * space, space)):
        document["model"]["vocab"][left + right] = 257 + len(document["model"]["merges"])
        document["model"]["merges"].append(f"{left} {right}")
    return document


def test_other_files_of_a_project_explain_a_hole_and_its_own_file_does_not(embedded: Generator, tmp_path: Path) -> None:
    line = "value = frobnicate(quux_table, wibble_count)\n"
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(f"def {name[0]}():\n    {line}    return value\n")
    prefix = "def a():\n    value = frobnicate(quux"
    hole = CodeHole(tmp_path / "a.py", prefix, "_table, wibble_count)", "\n    return value\n")
    both = indexes(embedded, [tmp_path / "a.py", tmp_path / "b.py"])["python"]
    own = indexes(embedded, [tmp_path / "a.py"])["python"]
    with_other = list(true_tokens(embedded, hole, both))
    assert all(token.levels and token.target in token.levels[0].shares for token in with_other[2:-1])
    assert not any(token.levels for token in true_tokens(embedded, hole, own))
    assert fit(with_other, START)[1] < fit(list(true_tokens(embedded, hole, own)), START)[1]
