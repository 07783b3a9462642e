from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.api import ContextItem
from infill_completion.engine.checkpoints.selection import EMBEDDED
from infill_completion.engine.checkpoints.tokenizer import Tokenizer
from infill_completion.engine.checkpoints.tokenizer_files import Ends
from infill_completion.engine.model.kv_slots import common_prefix
from infill_completion.prompt.encoding import unfinished
from infill_completion.prompt.formats import PromptLayout
from infill_completion.prompt.layout import flat
from infill_completion.prompt.plain import BORDER, MAX_BELOW_TOKENS, MIN_NEAR_TOKENS, NEAR_STEP
from infill_completion.prompt.tokens import (
    Prompt,
    PromptBuilder,
    PromptOptions,
    build_prompt,
)

TOKENIZER = Tokenizer.load(EMBEDDED)
assert TOKENIZER.infilling is not None
FIM = TOKENIZER.infilling
assert FIM is not None
LINES = "".join(f"    value_{number} = compute(value_{number - 1}, {number})\n" for number in range(400))


def prompt_at(marked: str, context: tuple[ContextItem, ...] = (), **options: object) -> Prompt:
    prefix, _, suffix = marked.partition("|")
    return build_prompt(TOKENIZER, prefix, suffix, context, PromptOptions(**{"heal": False, **options}))  # type: ignore[arg-type]


def test_prefix_suffix_middle_is_metas_layout() -> None:
    prompt = prompt_at("def f(x):\n    return |\n\nprint(f(1))\n", layout=PromptLayout.PSM)
    before = TOKENIZER.encode("def f(x):\n    return ")
    after = TOKENIZER.encode_infilling("\n\nprint(f(1))\n")
    assert prompt.ids == [TOKENIZER.bos, FIM.pre, *before, FIM.suf, *after, FIM.mid]


def test_suffix_prefix_middle_is_metas_layout() -> None:
    prompt = prompt_at("def f(x):\n    return |r\n", layout=PromptLayout.SPM)
    before = TOKENIZER.encode("def f(x):\n    return ")
    assert prompt.ids == [TOKENIZER.bos, FIM.pre, FIM.suf, *TOKENIZER.encode_infilling("r\n"), FIM.mid, *before]


def test_an_empty_suffix_still_infills() -> None:
    assert prompt_at("x|").ids == [TOKENIZER.bos, FIM.pre, FIM.suf, FIM.mid, *TOKENIZER.encode("x")]


def test_an_empty_document_is_four_control_tokens() -> None:
    assert prompt_at("|").ids == [TOKENIZER.bos, FIM.pre, FIM.suf, FIM.mid]


def test_the_cursors_line_can_follow_the_middle_mark() -> None:
    prompt = prompt_at("a = 1\nb = |\nc\n", layout=PromptLayout.LINE_LAST)
    after = TOKENIZER.encode_infilling("\nc\n")
    line = TOKENIZER.encode_line("b = ")
    assert prompt.ids == [TOKENIZER.bos, FIM.pre, *TOKENIZER.encode("a = 1\n"), FIM.suf, *after, FIM.mid, *line]


def test_without_suffix_the_prompt_is_plain_text() -> None:
    prompt = build_prompt(TOKENIZER, "def f", None, (), PromptOptions(heal=False))
    assert prompt.layout is PromptLayout.LEFT_TO_RIGHT
    assert prompt.ids == [TOKENIZER.bos, *TOKENIZER.encode("def f")]


def plain_tokenizer() -> Tokenizer:
    """Return a tokenizer without infilling tokens."""
    document = json.loads((EMBEDDED / "tokenizer.json").read_text(encoding="utf-8"))
    vocab = document["model"]["vocab"]
    for name in [name for name in vocab if name in ("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>")]:
        del vocab[name]
    document["added_tokens"] = document["added_tokens"][:3]
    return Tokenizer(document)


PLAIN = plain_tokenizer()


@pytest.mark.parametrize("suffix", ["", "\n", ")", ")\n", "  )\n \n\t\n", None])
def test_a_model_without_infilling_tokens_gets_plain_text(suffix: str | None) -> None:
    prompt = build_prompt(PLAIN, "def f", suffix, (), PromptOptions(heal=False))
    assert (PLAIN.infilling, prompt.layout) == (None, PromptLayout.LEFT_TO_RIGHT)
    assert prompt.ids == [PLAIN.bos, *PLAIN.encode("def f")]
    assert prompt.tokens_by_source["suffix"] == 0


@pytest.mark.parametrize("rest", ["", ")", "): pass", "x" * 5000])
def test_without_infilling_tokens_the_lines_below_are_above(rest: str) -> None:
    below, other = "    return f(y)\n\nx = f(1)\n", ContextItem("m.py", "a = 1")
    prompt = build_prompt(PLAIN, "import os\ndef f(", f"{rest}\n{below}", [other], PromptOptions(heal=False))
    lines = ["# m.py\n", "a = 1\n", "\n", *below.splitlines(keepends=True), "\n\n", "import os\n", "def f("]
    assert prompt.ids == [PLAIN.bos, *(id_ for line in lines for id_ in PLAIN.encode_line(line))]
    assert prompt.layout is PromptLayout.LEFT_TO_RIGHT
    assert prompt.tokens_by_source["suffix"] == sum(len(PLAIN.encode_line(line)) for line in lines[3:6])
    assert PLAIN.decode(prompt.after) == f"{rest}\n{below}"  # the counts know the rest of the line


@pytest.mark.parametrize("budget", [8, 9, 16, 40, 100, 400])
@pytest.mark.parametrize("lines", [(0, 50), (1, 1), (3, 50), (50, 3), (50, 50)])
def test_the_lines_below_take_their_share_of_the_budget(budget: int, lines: tuple[int, int]) -> None:
    prefix, suffix = (f"value_{side} = compute({side})\n" * count for side, count in enumerate(lines))
    prompt = build_prompt(PLAIN, f"{prefix}x = ", f"\n{suffix}", (), PromptOptions(budget_tokens=budget, heal=False))
    assert len(prompt.ids) <= budget
    used = prompt.tokens_by_source
    assert used["suffix"] <= max(budget // 4, budget - used["prefix"])
    assert prompt.ids[-1] == PLAIN.encode_line("x = ")[-1]


def test_keys_in_a_line_leave_all_that_is_above_it_in_the_prompt() -> None:
    options = PromptOptions(budget_tokens=200)
    below = "\n" + "    total += value\n" * 20
    asked = [("total = f", ""), ("total = f(", ")"), ("total = f(a, b", ")"), ("total = f(a, b)", ""), ("x\n    y", "")]
    prompts = [build_prompt(PLAIN, f"def f():\n    {line}", rest + below, (), options).ids for line, rest in asked]
    start = [PLAIN.bos, *PLAIN.encode_line("    total += value\n")]
    assert all(prompt[: len(start)] == start for prompt in prompts)
    shared = min(len(prompt) for prompt in prompts) - len(PLAIN.encode_line("    total = f(a, b)"))
    assert len({tuple(prompt[:shared]) for prompt in prompts}) == 1


@pytest.mark.parametrize("prefix", ["", "impo"])
def test_the_prompt_of_an_empty_text_is_never_empty(prefix: str) -> None:
    document = json.loads((EMBEDDED / "tokenizer.json").read_text(encoding="utf-8"))
    without_start = Tokenizer(document, Ends(None, "</s>", False))
    prompt = build_prompt(without_start, prefix, None, (), PromptOptions())
    assert (without_start.bos, prompt.ids, prompt.spell) == (None, [without_start.eos], prefix)
    assert prompt.tokens_by_source == {"prefix": 0, "suffix": 0, "context": 0, "control": 1}
    without_ends = Tokenizer(document, Ends(None, "not in the vocabulary", False))
    assert build_prompt(without_ends, prefix, None, (), PromptOptions()).ids == [0]


@pytest.mark.parametrize("layout", [PromptLayout.PSM, PromptLayout.SPM, PromptLayout.LINE_LAST])
def test_the_budget_keeps_the_text_nearest_the_cursor(layout: PromptLayout) -> None:
    prompt = prompt_at(LINES + "    total = |\n" + LINES, layout=layout, budget_tokens=512)
    text = TOKENIZER.decode(prompt.ids)
    assert 350 < len(prompt.ids) <= 512
    assert "value_399" in text
    assert "    total = " in text
    assert "value_0 = " in text  # the suffix starts over
    assert "value_200" not in text
    assert sum(prompt.tokens_by_source.values()) == len(prompt.ids)
    assert prompt.dropped_by_source["prefix"] > 1000


def test_text_beyond_the_budget_is_kept_for_the_ngram_index() -> None:
    prompt = prompt_at(LINES + "x|" + LINES, budget_tokens=128)
    assert TOKENIZER.decode(prompt.before[-1]) == LINES + "x"
    assert TOKENIZER.decode(prompt.after) == LINES


def test_typing_leaves_earlier_tokens_in_place() -> None:
    typed = "    total = compute(value_1, 2) + compute(value_3, 4)"
    prompts = [prompt_at(LINES + typed[:end] + "|\n" + LINES, budget_tokens=512, heal=True).ids for end in range(4, 50)]
    shared = [common_prefix(a, b) / len(a) for a, b in itertools.pairwise(prompts)]
    assert sum(share > 0.95 for share in shared) >= len(shared) - 2


def test_other_files_come_first_under_their_name_and_are_dropped_whole() -> None:
    context = (ContextItem("lib/a.py", "A = 1\n"), ContextItem("b.ts", LINES), ContextItem("c.sql", "select 1"))
    prompt = prompt_at("x = |\n", context, layout=PromptLayout.PSM, budget_tokens=512)
    text = TOKENIZER.decode(prompt.ids)
    assert text.index("# lib/a.py\nA = 1\n\n") < text.index("-- c.sql\nselect 1\n\n") < text.index("x = ")
    assert "b.ts" not in text
    assert prompt.dropped_by_source["context"] > 1000
    assert len(prompt.before) == 4


@pytest.mark.parametrize(
    ("line", "end"),
    [("return sel", " sel"), ("        ", "        "), ("x.append(", "("), ("x = ", " "), ("a_b", "a_b"), ("", "")],
)
def test_the_unfinished_word_is_the_end_that_the_next_letter_may_change(line: str, end: str) -> None:
    assert unfinished(line) == end


def test_healing_leaves_the_unfinished_word_out_of_the_prompt() -> None:
    prompt = prompt_at("return sel|\n", heal=True)
    assert prompt.spell == " sel"
    assert prompt.ids[-1:] == [*TOKENIZER.encode("return")][-1:]


@given(st.text(st.sampled_from("ab_ (\n\t1é")), st.text(st.sampled_from("ab \n")), st.integers(16, 64), st.booleans())
def test_prompts_stay_within_the_budget(prefix: str, suffix: str, budget: int, heal: bool) -> None:
    for layout in (PromptLayout.PSM, PromptLayout.SPM, PromptLayout.LINE_LAST):
        options = PromptOptions(layout=layout, budget_tokens=budget, heal=heal)
        prompt = build_prompt(TOKENIZER, prefix * 5, suffix * 5, (), options)
        assert len(prompt.ids) <= budget
        assert sum(prompt.tokens_by_source.values()) == len(prompt.ids)
        kept = TOKENIZER.decode(prompt.before[-1]) + prompt.spell
        assert kept == prefix * 5


def test_a_line_without_end_is_encoded_in_pieces() -> None:
    line = "x = [" + ", ".join(str(number) for number in range(3000))
    prompt = prompt_at(line + "|\n", budget_tokens=512)
    assert 300 < len(prompt.ids) <= 512
    assert TOKENIZER.decode(prompt.ids).endswith("2998, 2999")
    assert TOKENIZER.decode(prompt.before[-1]) == line


@pytest.mark.parametrize("heal", [True, False])
def test_a_kept_prompt_equals_a_new_one(heal: bool) -> None:
    keeper, options = PromptBuilder(), PromptOptions(budget_tokens=400, heal=heal)
    other = (ContextItem("b.py", "def helper():\n    return 1\n"),)
    typed = "    total = compute(first_value, 12)\n\n  done"
    texts = [LINES + typed[:end] for end in range(len(typed) + 1)]
    for prefix in [*texts, *reversed(texts), "", "x" * 5000, "x" * 5000 + ".y"]:
        for suffix, context in (("\nprint(total)\n", ()), ("\nprint(total)\n", other), (None, ())):
            kept = keeper.prompt(TOKENIZER, prefix, suffix, context, options)
            again = keeper.prompt(TOKENIZER, prefix, suffix, context, options)
            assert kept == again == build_prompt(TOKENIZER, prefix, suffix, context, options)


def test_a_prompt_is_not_rebuilt_within_a_word() -> None:
    keeper, options = PromptBuilder(), PromptOptions()
    prompts = [keeper.prompt(TOKENIZER, LINES + f"    {word}", "\n", (), options) for word in ("v", "va", "val")]
    assert [prompt.spell for prompt in prompts] == [" v", " va", " val"]
    assert prompts[0].before is prompts[1].before is prompts[2].before


def test_a_move_of_the_cursor_leaves_what_is_far_above_in_the_prompt() -> None:
    lines = [f"value_{number} = compute({number}, {number + 1})\n" for number in range(120)]
    options = PromptOptions(budget_tokens=4096, heal=False)
    prompts = {
        at: build_prompt(PLAIN, "".join(lines[:at]), "\n" + "".join(lines[at:]), (), options).ids
        for at in (90, 93, 100)
    }
    own = len(flat(PLAIN.encode_line(line) for line in lines[:90]))
    assert all(common_prefix(prompts[90], prompts[at]) > own - MIN_NEAR_TOKENS - 2 * NEAR_STEP for at in (93, 100))


def test_what_is_far_what_is_below_and_what_is_near_are_all_there() -> None:
    lines = [f"value_{number} = compute({number}, {number + 1})\n" for number in range(120)]
    prompt = build_prompt(PLAIN, "".join(lines[:90]), "\n" + "".join(lines[90:]), (), PromptOptions(heal=False))
    far, below, near = PLAIN.decode(prompt.ids).split("\n" + BORDER)
    assert f" {''.join(lines[:90])}" == f"{far}\n{near}"  # with SentencePiece's space
    assert "".join(lines[90:]).startswith(f"{below}\n")
    assert MIN_NEAR_TOKENS <= len(PLAIN.encode_line(near)) <= MIN_NEAR_TOKENS + NEAR_STEP + 20
    assert MAX_BELOW_TOKENS - 20 < prompt.tokens_by_source["suffix"] <= MAX_BELOW_TOKENS
    assert prompt.tokens_by_source["prefix"] == len(PLAIN.encode("".join(lines[:90])))


@pytest.mark.parametrize("above", [1, 40])
def test_a_long_line_of_the_cursor_is_not_parted(above: int) -> None:
    lines, line = "x = compute(1)\n" * above, "values = [" + "12345, " * 1000
    prompt = build_prompt(PLAIN, lines + line, "]\nprint(values)\n", (), PromptOptions(budget_tokens=8000, heal=False))
    assert PLAIN.decode(prompt.ids).endswith(f"print(values)\n{BORDER}{lines}{line}")
