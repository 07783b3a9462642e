"""``python -P -m infill_completion.engine serve``: lock, bind, answer, load, in this order; and ``learn``.

Nothing here imports torch: a second engine must see the lock, and ``/health`` must answer, before that import begins.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from infill_completion.engine import environment  # noqa: F401  # first, because torch reads it when it is imported
from infill_completion.engine.errors import ServeError
from infill_completion.engine.process.serve import serve
from infill_completion.engine.progress import Progress
from infill_completion.engine.scheduler.loading import Load
from infill_completion.engine.scheduler.scheduler import SchedulableModel
from infill_completion.settings import EngineSettings, Settings, config_path, merge, read_config

EXIT_ERROR = 2


def engine_settings(text: str | None) -> EngineSettings:
    """Return the settings in the JSON ``text``, or those in the user's settings file.

    Raises:
        ServeError: The settings in ``text`` are ill-typed or unknown.
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
    """Return a function that loads the model of ``settings``; torch is imported only when it is called."""

    def load(progress: Progress) -> SchedulableModel:
        progress(0.0, "Starting the model's libraries")
        from infill_completion.engine.decoding.generator import Generator

        return Generator.load(settings, progress, without_transformers=True)

    return load


def _learn(options: argparse.Namespace) -> int:
    from infill_completion.engine.process.learn import run

    try:
        settings, problems = merge(Settings(), json.loads(options.settings), origin="--settings")
    except (ValueError, AttributeError) as error:
        raise ServeError("--settings takes the settings as one JSON object.") from error
    if problems:
        raise ServeError(problems[0])
    roots = [root.absolute() for root in options.root]
    folder = options.folder.absolute()
    return run(settings, folder, roots, is_ordered=options.ordered, only_new=options.only_new)


def _serve(options: argparse.Namespace) -> int:
    settings = engine_settings(options.settings)
    return serve(settings, loader(settings), tcp=options.tcp)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the engine; return 0 if it ended as asked or another one already runs, 2 on an error."""
    parser = argparse.ArgumentParser(prog="python -P -m infill_completion.engine", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    action = actions.add_parser("serve", help="run the engine in the foreground")
    action.add_argument("--settings", metavar="JSON", help="engine settings; default: the user's settings file")
    action.add_argument("--tcp", metavar="HOST:PORT", help="listen there with a token instead of on a Unix socket")
    action.set_defaults(run=_serve)
    action = actions.add_parser("learn", help="let the model learn a repository, at the lowest priority")
    action.add_argument("folder", type=Path, help="a folder in the repository")
    action.add_argument("--settings", metavar="JSON", default="{}", help="all settings")
    action.add_argument(
        "--root", type=Path, action="append", default=[], help="a folder of the workspace, whose rules on privacy count"
    )
    action.add_argument("--ordered", action="store_true", help="`pause` and `go` on standard input are obeyed")
    action.add_argument("--only-new", action="store_true", help="learn only where there are new commits, once a day")
    action.set_defaults(run=_learn)
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a folder's name need not be UTF-8
    try:
        code: int = options.run(options)
    except ServeError as error:
        print(f"infill-ls engine: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_ERROR
    return code


if __name__ == "__main__":
    sys.exit(main())
