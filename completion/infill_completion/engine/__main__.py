"""``python -P -m infill_completion.engine serve``: lock, bind, answer, load, in this order.

Nothing here imports torch: a second engine must see the lock, and ``/health`` must answer, before that import begins.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from infill_completion.engine import environment  # noqa: F401  # first, because it sets what torch reads at its import
from infill_completion.engine.process.serve import EXIT_ERROR, ServeError, serve
from infill_completion.engine.scheduler.loading import Load, Progress
from infill_completion.engine.scheduler.scheduler import SchedulableModel
from infill_completion.settings import EngineSettings, Settings, config_path, merge, read_config


def engine_settings(text: str | None) -> EngineSettings:
    """Return the settings in the JSON ``text``, or those of the user's settings file.

    Raises:
        ServeError: They are ill-typed or unknown.
    """
    if text is None:
        written, problems = read_config(config_path())
        origin = str(config_path())
    else:
        try:
            written, problems = {"engine": json.loads(text)}, []
        except ValueError as error:
            raise ServeError("--settings takes the engine's settings as one JSON object.") from error
        origin = "--settings"
    settings, more = merge(Settings(), written, origin=origin)
    if text is not None and (problems or more):
        raise ServeError([*problems, *more][0])
    return settings.engine


def loader(settings: EngineSettings) -> Load:
    """Return how the worker loads the model of ``settings``; only the call imports torch."""

    def load(progress: Progress) -> SchedulableModel:
        progress(0.0, "Starting the model's libraries")
        from infill_completion.engine.decoding.generator import Generator

        return Generator.load(settings, progress, without_transformers=True)

    return load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine; return 0 when it ended as asked or another one already runs, 2 for what cannot be done."""
    parser = argparse.ArgumentParser(prog="python -P -m infill_completion.engine", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    action = actions.add_parser("serve", help="run the engine in the foreground")
    action.add_argument("--settings", metavar="JSON", help="engine settings; default: the user's settings file")
    action.add_argument("--tcp", metavar="HOST:PORT", help="listen there with a token instead of on a Unix socket")
    options = parser.parse_args(arguments)
    try:
        settings = engine_settings(options.settings)
        return serve(settings, loader(settings), tcp=options.tcp)
    except ServeError as error:
        print(f"infill-ls engine: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR


if __name__ == "__main__":
    sys.exit(main())
