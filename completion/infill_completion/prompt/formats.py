"""Fill-in-the-middle formats, one row for each model family, and the choice of a model's format.

To support another family, add a row to `FORMATS`: the names of its control tokens, the orders that it was trained on,
and how it is shown other files. :mod:`infill_completion.prompt.tokens` fills the order with token ids,
:mod:`infill_completion.prompt.text` with text. `format_of_tokens` chooses by a tokenizer's tokens, `format_of_model` by
the model's name alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, StrEnum


class PromptLayout(StrEnum):
    """The order of prefix and suffix in a prompt."""

    PSM = "psm"
    SPM = "spm"
    # The cursor's line follows the middle mark, so that typing in it leaves everything else in the KV cache.
    LINE_LAST = "line_last"
    # Without marks; what is below is above as text, see `infill_completion.prompt.plain`.
    LEFT_TO_RIGHT = "left_to_right"


class Part(Enum):
    """A part of a prompt; ``PREFIX`` lacks the cursor's line if ``LINE`` is in the same prompt."""

    PREFIX_MARK = "prefix mark"
    SUFFIX_MARK = "suffix mark"
    MIDDLE_MARK = "middle mark"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    LINE = "line"


_PSM = (Part.PREFIX_MARK, Part.PREFIX, Part.SUFFIX_MARK, Part.SUFFIX, Part.MIDDLE_MARK)
_SPM = (Part.SUFFIX_MARK, Part.SUFFIX, Part.PREFIX_MARK, Part.PREFIX, Part.MIDDLE_MARK)
# Meta's own: the prefix continues after the middle mark (section 2.3 of arXiv 2308.12950v3).
_META_SPM = (Part.PREFIX_MARK, Part.SUFFIX_MARK, Part.SUFFIX, Part.MIDDLE_MARK, Part.PREFIX)


@dataclass(frozen=True)
class FimFormat:
    """The format of a model family.

    Attributes:
        family: The family's name.
        models: A regular expression that occurs in the lower-case names of its models.
        prefix: Control token before the prefix.
        suffix: Control token before the suffix.
        middle: Control token that asks for the middle; empty if the prefix is last and nothing follows it.
        ends: Control tokens that end an answer; first the one that training used.
        layouts: The orders that the family was trained on, best first.
        suffix_first: The parts of its SPM order.
        file: Control token before another file.
        file_end: Control token after another file; without either, other files are plain text in the prefix.
        file_closes: Whether ``file`` also follows the last of the other files, before the marks.
        heading: The line that names another file, with ``{path}``; empty for a comment in the file's language.
        opening: What precedes everything else: control tokens and text.
        closing: What follows everything else.
        distinctive: Control tokens that distinguish the family from others with the same marks.
        by_name: Whether only the model's name identifies the family, not its tokens.
        others: More control tokens that text must not spell.
        written: The three marks and the end as text, if the text differs from the names of the tokens.
    """

    family: str
    models: str
    prefix: str
    suffix: str
    middle: str
    ends: tuple[str, ...]
    layouts: tuple[PromptLayout, ...] = (PromptLayout.PSM,)
    suffix_first: tuple[Part, ...] = _SPM
    file: str = ""
    file_end: str = ""
    file_closes: bool = False
    heading: str = ""
    opening: tuple[str, ...] = ()
    closing: tuple[str, ...] = ()
    distinctive: tuple[str, ...] = ()
    by_name: bool = False
    others: tuple[str, ...] = ()
    written: tuple[str, str, str, str] | None = None

    def order(self, layout: PromptLayout) -> tuple[Part, ...]:
        """Return the parts of a prompt in ``layout``; without a middle mark there is only one order."""
        if not self.middle:
            return self.suffix_first[:-1]
        if layout is PromptLayout.LINE_LAST:
            return (*_PSM, Part.LINE)
        return self.suffix_first if layout is PromptLayout.SPM else _PSM

    @property
    def layout(self) -> PromptLayout:
        """The best order."""
        return self.layouts[0]

    @property
    def marks(self) -> tuple[str, ...]:
        """The control tokens in every prompt of the family."""
        return tuple(filter(None, (self.prefix, self.suffix, self.middle)))

    @property
    def text_marks(self) -> tuple[str, str, str]:
        """The three marks as text."""
        return self.written[:3] if self.written else (self.prefix, self.suffix, self.middle)

    @property
    def text_ends(self) -> tuple[str, ...]:
        """The strings that end an answer."""
        return (self.written[3], *self.ends[1:]) if self.written else self.ends

    def controls(self) -> frozenset[str]:
        """Return all markers that the user's text must not spell."""
        frame = [part for part in (*self.opening, *self.closing) if _MARKER.fullmatch(part)]
        marks = (*self.marks, *(mark.strip() for mark in self.text_marks))
        files = (self.file, self.file_end)
        return frozenset({*marks, *self.ends, *self.text_ends, *files, *frame, *self.distinctive, *self.others} - {""})


_MARKER = re.compile(r"[<\[]\S+[>\]]")
_STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
_PIPES = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_LLAMA_ENDS = ("<s>", "</s>", "<unk>")
_QWEN_ENDS = ("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_start|>", "<|im_end|>")

# As in `infilling_prompt_tokens` of Meta's llama/generation.py; the blanks around the marks of the text form are those
# of its tokens. SPM is better if words are healed (appendix E of the paper).
CODE_LLAMA = FimFormat(
    "CodeLlama",
    r"code-?llama",
    "▁<PRE>",
    "▁<SUF>",
    "▁<MID>",
    ("▁<EOT>",),
    (PromptLayout.SPM, PromptLayout.PSM),
    _META_SPM,
    others=_LLAMA_ENDS,
    written=("<PRE> ", " <SUF>", " <MID>", "<EOT>"),
)

# The first row whose pattern is in the model's name counts; if no name helps, the first whose marks and distinctive
# tokens the tokenizer has.
FORMATS = (
    CODE_LLAMA,
    # SmolLM2 as `training.teaching.run` taught it, with unused tokens of its tokenizer renamed.
    FimFormat(
        "Infill", r"infill-small", "<infill_begin>", "<infill_after>", "<infill_write>", ("<|endoftext|>",),
        (PromptLayout.SPM, PromptLayout.PSM), _META_SPM, others=("<|im_start|>", "<|im_end|>", "<file_sep>"),
    ),
    # The README of Qwen3-Coder: the format of Qwen2.5-Coder inside a conversation.
    FimFormat(
        "Qwen3-Coder",
        r"qwen-?3.*coder",
        *_PIPES,
        _QWEN_ENDS,
        file="<|file_sep|>",
        heading="{path}\n",
        opening=(
            "<|im_start|>", "system\nYou are a code completion assistant.", "<|im_end|>", "\n",
            "<|im_start|>", "user\n",
        ),
        closing=("<|im_end|>", "\n", "<|im_start|>", "assistant\n"),
        by_name=True,
    ),
    # The README of Qwen2.5-Coder, with its list of stop tokens; Sweep's and Continue's next-edit models.
    FimFormat(
        "Qwen2.5-Coder", r"qwen-?(2[.p-]?5.*)?coder|sweep-?next-?edit|^instinct", *_PIPES, _QWEN_ENDS,
        file="<|file_sep|>", heading="{path}\n",
        distinctive=("<|file_sep|>", "<|repo_name|>", "<|fim_pad|>"),
    ),
    # ai.google.dev/gemma/docs/codegemma/prompt-structure; the separator is between files.
    FimFormat(
        "CodeGemma", r"code-?gemma", *_PIPES, ("<|file_separator|>", "<eos>", "<end_of_turn>"),
        file_end="<|file_separator|>", heading="{path}\n", distinctive=("<|file_separator|>",),
        others=("<bos>", "<start_of_turn>", "<pad>"),
    ),
    # Granite Code uses StarCoder's format (issue 3 of ibm-granite/granite-code-models). The tokenizers of version 3 are
    # StarCoder's with another end; it infills from 3.3 on (IBM's documentation of Granite, "FIM for a coding task").
    FimFormat(
        "Granite-3", r"granite-?3\.[3-9]", *_STARCODER, ("<|end_of_text|>",), by_name=True,
        others=("<fim_pad>", "<filename>", "<|start_of_role|>", "<|end_of_role|>"),
    ),
    # From version 4 on the marks have bars.
    FimFormat(
        "Granite", r"granite-?4", *_PIPES, ("<|end_of_text|>", "<|endoftext|>"),
        distinctive=("<|end_of_text|>", "<|start_of_role|>"), others=("<|end_of_role|>", "<|fim_pad|>"),
    ),
    # The README of DeepSeek-Coder; the bars are U+FF5C, the low line is U+2581.
    FimFormat(
        "DeepSeek-Coder", r"deepseek.*coder", "<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>",
        ("<｜end▁of▁sentence｜>", "<|EOT|>"), heading="#{path}\n", others=("<｜begin▁of▁sentence｜>",),
    ),
    # The tokenizer of Codestral-22B. Mamba-Codestral was not trained to infill.
    FimFormat(
        "Codestral", r"^(?!.*mamba).*codestral", "[PREFIX]", "[SUFFIX]", "", ("</s>",), (PromptLayout.SPM,),
        heading="+++++ {path}\n", by_name=True, others=("<s>", "<unk>", "[INST]", "[/INST]"),
    ),
    # Section 2.2 of arXiv 2506.03524; Zeta 2.
    FimFormat(
        "Seed-Coder", r"seed-?coder|zeta-?2(?!\d)", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>",
        ("<[end▁of▁sentence]>",), (PromptLayout.SPM,), others=("<[begin▁of▁sentence]>", "<[PAD▁TOKEN]>"),
    ),
    # arXiv 2510.05788 for the order; the model card of Mellum-4b-base for the names.
    FimFormat(
        "Mellum", r"mellum", *_STARCODER, ("<|endoftext|>", "<filename>"), (PromptLayout.SPM,),
        file="<filename>",
        heading="{path}\n", by_name=True,
    ),
    FimFormat("SantaCoder", r"santa-?coder", "<fim-prefix>", "<fim-suffix>", "<fim-middle>", ("<|endoftext|>",)),
    # Section 5.1 of the paper of StarCoder2 (arXiv 2402.19173): a separator between any two files, and the marks inside
    # the last one.
    FimFormat(
        "StarCoder2", r"star-?coder-?2", *_STARCODER, ("<|endoftext|>", "<file_sep>"), file="<file_sep>",
        file_closes=True, others=("<fim_pad>",),
        heading="{path}\n", distinctive=("<file_sep>", "<repo_name>"),
    ),
    FimFormat(
        "StarCoder", r"star-?coder|stable-?code|granite.*code|code-?qwen", *_STARCODER, ("<|endoftext|>",),
        others=("<filename>", "<fim_pad>"),
    ),
)  # fmt: skip

_LEFT_TO_RIGHT = re.compile(r"code-?llama.*(34b|python|70b.*instruct)|mamba|granite-?3(\.[0-2]|-dense|-moe)(?!\d)")


def format_of_model(name: str) -> FimFormat | None:
    """Return the format for the name of a model; None if the name is unknown.

    Names come from many places: hub ids, tags (``codellama:7b-code``), paths, GGUF files, other spellings
    (``Qwen2_5-Coder``, ``qwen-2.5-coder``, ``qwen2p5-coder``).
    """
    wanted = spelled_name(name)
    return next((form for form in FORMATS if re.search(form.models, wanted)), None)


def trained_to_infill(name: str) -> bool:
    """Return whether a model can infill, by its name: some CodeLlamas, Granite 3.0 to 3.2, and Mamba cannot."""
    return _LEFT_TO_RIGHT.search(spelled_name(name)) is None


def spelled_name(name: str) -> str:
    """Return a model's name in the spelling that the patterns of the formats expect."""
    return name.lower().replace("_", "-").replace(" ", "-")


def format_of_tokens(tokens: Collection[str], name: str = "") -> FimFormat | None:
    """Return the format whose marks are among the tokens of a tokenizer; None if there is none.

    Args:
        tokens: The names of all tokens.
        name: The model's name or folder; it decides among families with the same marks.
    """
    possible = [form for form in FORMATS if all(mark in tokens for mark in form.marks) and form.ends[0] in tokens]
    named = format_of_model(name)
    if named in possible:
        return named
    return next((f for f in possible if not f.by_name and all(token in tokens for token in f.distinctive)), None)
