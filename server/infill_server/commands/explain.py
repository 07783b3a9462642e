"""``infill-ls explain``: the prompt, raw output, filters and timings of a completion."""

from __future__ import annotations

import argparse
import json

from infill_completion.suggest.completer import Completer
from infill_server.commands.headless import ask
from infill_server.errors import UsageError


def explain(options: argparse.Namespace) -> int:
    """Print how the suggestion at a location came about, or why there is none.

    Raises:
        UsageError: As for :func:`infill_server.commands.complete.complete`.
    """
    result = ask(options, 1, Completer.explain)
    explanation = result.answer
    if explanation.message is not None:
        raise UsageError(explanation.message)
    if options.json:
        print(json.dumps(result.engine_fields() | explanation.to_json(), default=str))  # noqa: T201
        return 0
    print(f"{result.health.model} on {result.health.device}, {result.elapsed_ms:.0f} ms")  # noqa: T201
    print(explanation.to_text())  # noqa: T201
    if "prompt" in explanation.engine:
        print("\nprompt as the model got it:")  # noqa: T201
        print(explanation.engine["prompt"])  # noqa: T201
    return 0
