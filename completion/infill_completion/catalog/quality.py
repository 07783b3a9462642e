"""Published quality of infilling one line, by model: what ``auto`` chooses by.

The benchmark is single-line MultiPL-HumanEval FIM (Allal et al. 2023, arXiv 2301.03988): one line is taken out of a
solution in Python, Java or JavaScript, and the answer has to equal it.  Figures are percentages over the three
languages.  Reports differ in prompts and stop rules by a few points, so figures closer than :data:`EQUAL_POINTS` count
as equal.
"""

from __future__ import annotations

from dataclasses import dataclass

from infill_completion.catalog.small import SMALL_ID

# About what a few thousand holes can tell apart, and less than what two reports say of the same model.
EQUAL_POINTS = 2.0


@dataclass(frozen=True)
class QualityFigure:
    """One published figure.

    Attributes:
        percent: Exact matches in percent, over the three languages.
        source: The report and its table.
    """

    percent: float
    source: str


_OWN = "benchmarks.unseen: rests of lines in Python and TypeScript, a harder test, the embedded model has 31.7 %"
_QWEN = "arXiv 2409.12186, HumanEval-FIM"
_SEED = "arXiv 2506.03524, table 5"
_CODE_LLAMA = "arXiv 2308.12950v3, table 6, suffix first, mean of the languages"
# CodeLlama-7B has figures in both benchmarks: 77.6 % here, and 83.3 % of HumanEval's single-line holes pass the tests
# (the same paper, table 14).
_POINTS_PER_PASSED = 77.6 / 83.3


def _converted(passed_percent: float, source: str) -> QualityFigure:
    """Return the figure of a model with a published pass rate only, through the ratio that CodeLlama-7B has."""
    return QualityFigure(round(passed_percent * _POINTS_PER_PASSED, 1), f"{source}, converted")


QUALITY: dict[str, QualityFigure] = {
    "codellama/CodeLlama-7b-hf": QualityFigure(77.6, _CODE_LLAMA),
    "codellama/CodeLlama-13b-hf": QualityFigure(79.8, _CODE_LLAMA),
    "Qwen/Qwen2.5-Coder-0.5B": QualityFigure(77.7, _QWEN),
    "Qwen/Qwen2.5-Coder-1.5B": QualityFigure(83.5, _QWEN),
    "Qwen/Qwen2.5-Coder-3B": QualityFigure(85.7, _QWEN),
    "Qwen/Qwen2.5-Coder-7B": QualityFigure(86.2, _SEED),
    "Qwen/Qwen2.5-Coder-14B": QualityFigure(87.7, _SEED),
    "Qwen/Qwen2.5-Coder-32B": QualityFigure(88.3, _SEED),
    "ByteDance-Seed/Seed-Coder-8B-Base": QualityFigure(82.4, _SEED),
    "deepseek-ai/deepseek-coder-1.3b-base": QualityFigure(70.4, "arXiv 2401.14196, mean of the languages"),
    "deepseek-ai/deepseek-coder-6.7b-base": QualityFigure(84.0, _SEED),
    "deepseek-ai/deepseek-coder-33b-base": QualityFigure(86.2, _SEED),
    "mistralai/Codestral-22B-v0.1": QualityFigure(83.0, "README of deepseek-ai/DeepSeek-Coder-V2, HumanEval FIM"),
    "bigcode/starcoder2-3b": QualityFigure(80.4, _QWEN),
    "bigcode/starcoder2-7b": QualityFigure(82.0, _SEED),
    "bigcode/starcoder2-15b": QualityFigure(82.6, _QWEN),
    "ibm-granite/granite-3b-code-base-2k": QualityFigure(71.0, "arXiv 2405.04324, mean of the languages"),
    "JetBrains/Mellum-4b-base": _converted(66.2, "model card, HumanEval infilling, single line, 66.2 % passed"),
    SMALL_ID: QualityFigure(36.7, _OWN),
}


def quality(model_id: str) -> QualityFigure | None:
    """Return the published figure of a model by its id in the catalog, or None."""
    return QUALITY.get(model_id)
