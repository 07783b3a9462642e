"""Fill-in-the-middle prompts as text, for remote servers that take nothing else.

Our own engine never uses these: it builds prompts from token ids.  A remote server turns the markers of this text into
control tokens, so markers that occur in the user's own text are broken up first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from infill_completion.api import ContextItem


class _Order(Enum):
    PSM = "prefix, suffix, middle"
    SPM = "suffix, prefix, middle"


@dataclass(frozen=True)
class FimPrompt:
    """The text to send, and where the model's answer ends besides its own end token."""

    text: str
    stop: tuple[str, ...]


@dataclass(frozen=True)
class _Template:
    """The markers of a family of models; ``file`` begins another file, with ``{path}``."""

    models: str
    prefix: str
    suffix: str
    middle: str
    order: _Order = _Order.PSM
    file: str = "# {path}\n"
    stop: tuple[str, ...] = ()

    def markers(self) -> list[str]:
        """Return what the user's text must not contain."""
        whole = [self.prefix, self.suffix, self.middle, *self.stop, self.file.partition("{path}")[0]]
        return [marker for marker in (part.strip() for part in whole) if re.fullmatch(r"[<\[].*[>\]]", marker)]


_STARCODER = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
_PIPES = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")

# The first whose pattern is found in the model's name counts.
_TEMPLATES = (
    # Source: the reference code's `infilling_prompt_tokens`; a space behind <PRE>, none behind <SUF>.
    _Template(r"code-?llama", "<PRE> ", " <SUF>", " <MID>", stop=("<EOT>",)),
    # Source: the READMEs of Qwen2.5-Coder and Qwen3-Coder.
    _Template(
        r"qwen(2\.5|3).*coder",
        *_PIPES,
        file="<|file_sep|>{path}\n",
        stop=("<|endoftext|>", "<|file_sep|>", "<|repo_name|>", "<|fim_pad|>", "<|im_start|>", "<|im_end|>"),
    ),
    # Source: ai.google.dev/gemma/docs/codegemma.
    _Template(r"codegemma", *_PIPES, stop=("<|file_separator|>", "<end_of_turn>")),
    _Template(r"granite-?(3\.[3-9]|4)", *_PIPES, stop=("<|endoftext|>", "<|end_of_text|>")),
    # Source: the README of DeepSeek-Coder; the bars are U+FF5C, the low line is U+2581.
    _Template(
        r"deepseek.*coder",
        "<｜fim▁begin｜>",
        "<｜fim▁hole｜>",
        "<｜fim▁end｜>",
        file="#{path}\n",
        stop=("<｜end▁of▁sentence｜>",),
    ),
    # Source: the tokenizer of Codestral-22B.  Mamba-Codestral was not trained to infill.
    _Template(r"^(?!.*mamba).*codestral", "[PREFIX]", "[SUFFIX]", "", _Order.SPM, "+++++ {path}\n"),
    # Source: arXiv 2506.03524, section 2.2.
    _Template(r"seed-?coder", "<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>", _Order.SPM),
    # Source: arXiv 2510.05788.
    _Template(r"mellum", *_STARCODER, _Order.SPM, "<filename>{path}\n", ("<|endoftext|>", "<filename>")),
    _Template(r"santacoder", "<fim-prefix>", "<fim-suffix>", "<fim-middle>", stop=("<|endoftext|>",)),
    # Source: the paper of StarCoder2, section 5.1.
    _Template(r"star-?coder2", *_STARCODER, file="<file_sep>{path}\n", stop=("<|endoftext|>", "<file_sep>")),
    _Template(r"star-?coder|stable-?code|granite.*code|codeqwen", *_STARCODER, stop=("<|endoftext|>",)),
)


def fim_text(model: str, prefix: str, suffix: str | None, context: Sequence[ContextItem] = ()) -> FimPrompt:
    """Return the prompt that makes ``model`` write what belongs between ``prefix`` and ``suffix``.

    Args:
        model: The name under which the server knows the model; it decides the format.
        prefix: The text before the cursor.
        suffix: The text behind it; None asks for left-to-right text.
        context: Other files, most stable first.

    Returns:
        The prompt; left to right, without the suffix, where the format of the model is not known or the model was not
        trained to infill.
    """
    template = template_of(model)
    if template is None or suffix is None:
        return FimPrompt(_files(context, "# {path}\n") + prefix, template.stop if template else ())
    markers = template.markers()
    before, behind = _harmless(prefix, markers), _harmless(suffix, markers)
    others = _files([ContextItem(item.path, _harmless(item.text, markers)) for item in context], template.file)
    if template.order is _Order.PSM:
        text = f"{template.prefix}{others}{before}{template.suffix}{behind}{template.middle}"
        if "<" in template.file:  # the model was shown whole files one after another, the last one with the hole
            text = f"{others}{template.prefix}{before}{template.suffix}{behind}{template.middle}"
    else:
        text = f"{template.suffix}{behind}{template.prefix}{others}{before}{template.middle}"
        if "<" in template.file:
            text = f"{others}{template.suffix}{behind}{template.prefix}{before}{template.middle}"
    return FimPrompt(text, template.stop)


def template_of(model: str) -> _Template | None:
    """Return the format of ``model``; None where it is unknown, or known not to infill."""
    name = model.lower()
    if re.search(r"code-?llama.*(34b|python)", name):
        return None  # CodeLlama-34B and the Python variants were trained left to right only
    return next((template for template in _TEMPLATES if re.search(template.models, name)), None)


def _files(context: Sequence[ContextItem], head: str) -> str:
    return "".join(f"{head.format(path=item.path)}{item.text.rstrip()}\n\n" for item in context)


def _harmless(text: str, markers: Sequence[str]) -> str:
    """Break up every marker in ``text`` with a space behind its first character."""
    for marker in markers:
        text = text.replace(marker, f"{marker[0]} {marker[1:]}")
    return text
