"""The program behind ``infill-ls models pull``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infill_completion.catalog.small import SMALL
from infill_completion.engine.checkpoints.pull.checkpoint import pull
from infill_completion.engine.checkpoints.pull.hub import PullError
from infill_completion.engine.checkpoints.pull.small import pull_small

EXIT_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Download a model and print its folder.

    Returns:
        The exit code: 0, 2 after an error (one sentence on standard error), 130 if the user interrupted it.
    """
    parser = argparse.ArgumentParser(prog="infill-ls models pull", description=__doc__)
    parser.add_argument("model", metavar="ID", help="hub id, such as codellama/CodeLlama-7b-hf; or small")
    options = parser.parse_args(arguments)
    try:
        if options.model == SMALL:
            print(pull_small())  # noqa: T201
        else:
            print(pull(options.model, say=lambda text: print(text, file=sys.stderr)))  # noqa: T201
    except PullError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR
    except KeyboardInterrupt:
        again = f"run `infill-ls models pull {options.model}` again to resume"
        print(f"\ninfill-ls: Stopped; {again}.", file=sys.stderr)  # noqa: T201
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
