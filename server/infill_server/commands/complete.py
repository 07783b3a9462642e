"""``infill-ls complete``: one completion without an editor."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from infill_completion.document.snapshot import SkipReason
from infill_completion.settings import documentation
from infill_completion.suggest.completer import Completer
from infill_server.commands.headless import ask
from infill_server.errors import UsageError


def complete(options: argparse.Namespace) -> int:
    """Print the suggestions at a location, best first; the exit code is 0 even if there are none.

    Raises:
        UsageError: The location, a setting or the model does not exist, or the engine failed.
    """
    maximum = next(row.at_most for row in documentation() if row.key == "completion.candidates")
    if not 1 <= options.n <= (maximum or options.n):
        raise UsageError(f"-n takes a number from 1 to {maximum}, not {options.n}.")
    result = ask(options, options.n, Completer.complete)
    answer = result.answer
    if answer.reason is SkipReason.ENGINE_FAILED:
        raise UsageError(str(answer.details.get("message") or "The engine failed; run `infill-ls doctor`."))
    if options.json:
        suggestions = [dataclasses.asdict(suggestion) for suggestion in answer.suggestions]
        reason = answer.reason.name.lower() if answer.reason else None
        location = {"place": options.place, "language_id": result.snapshot.language_id}
        print(json.dumps(location | result.engine_fields() | {"suggestions": suggestions, "reason": reason}))  # noqa: T201
        return 0
    for number, suggestion in enumerate(answer.suggestions):
        if number:
            print("---")  # noqa: T201
        print(suggestion.text)  # noqa: T201
    if not answer.suggestions:
        print(answer.reason.value if answer.reason else "No suggestion.", file=sys.stderr)  # noqa: T201
    return 0
