"""The command line: ``infill-ls`` alone is the language server, every other task is a subcommand.

Each subcommand imports what it needs when it runs, because an editor waits for the bare command.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from infill_completion import __version__
from infill_server.errors import UsageError

EXIT_USAGE = 2


def _server(options: argparse.Namespace) -> int:
    from infill_server.commands.arguments import parse_address
    from infill_server.commands.serve import start_stdio, start_tcp

    if options.tcp is None:
        return start_stdio()
    address = parse_address(options.tcp)
    try:
        return start_tcp(*address)
    except OSError as error:
        raise UsageError(f"Cannot listen on {options.tcp} ({error}); choose another address.") from error


def _complete(options: argparse.Namespace) -> int:
    from infill_server.commands.complete import complete

    return complete(options)


def _explain(options: argparse.Namespace) -> int:
    from infill_server.commands.explain import explain

    return explain(options)


def _engine_serve(options: argparse.Namespace) -> int:
    """Become the engine: the server's code never imports it."""
    from infill_completion.client.launch import engine_command, engine_environment
    from infill_server.commands.user_settings import user_settings

    command = engine_command(user_settings(options).engine, tcp=options.tcp)
    if os.name == "nt":  # execv returns to the shell at once there
        import subprocess

        return subprocess.call(command, env=engine_environment())
    return os.execve(command[0], command, engine_environment())  # noqa: S606


def _engine_status(_options: argparse.Namespace) -> int:
    from infill_server.commands.engine import status

    return status()


def _engine_stop(_options: argparse.Namespace) -> int:
    from infill_server.commands.engine import stop

    return stop()


def _models_list(options: argparse.Namespace) -> int:
    from infill_server.commands.models import list_models

    return list_models(options)


def _models_pull(options: argparse.Namespace) -> int:
    from infill_server.commands.models import pull

    return pull(options)


def _models_quantize(options: argparse.Namespace) -> int:
    from infill_server.commands.models import quantize

    return quantize(options)


def _bench_decode(options: argparse.Namespace) -> int:
    from infill_server.commands.engine_module import run_module

    return run_module("bench", *options.passed_on)


def _bench_keystrokes(options: argparse.Namespace) -> int:
    from infill_server.commands.bench.command import keystrokes

    return keystrokes(options)


def _bench_quality(options: argparse.Namespace) -> int:
    from infill_server.commands.bench.command import quality

    return quality(options)


def _doctor(options: argparse.Namespace) -> int:
    from infill_server.commands.doctor import main as doctor

    return doctor(as_json=options.json)


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="FILE:LINE:COL", help="the cursor; both count from 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _add_engine_options(parser)


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="hub id or path; overrides the setting engine.model")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override any setting")


def _add_models(commands: Any) -> None:
    models = commands.add_parser("models", help="known and cached models; fetch one; write a 4-bit checkpoint")
    actions = models.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is, and the memory each needs")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=_models_list)
    pull = actions.add_parser("pull", help="fetch a model into the Hugging Face cache")
    pull.add_argument("model", metavar="ID", help="hub id, such as codellama/CodeLlama-7b-hf")
    pull.set_defaults(run=_models_pull)
    quantize = actions.add_parser("quantize", help="write a 4-bit checkpoint that loads in seconds")
    quantize.add_argument("model", metavar="ID", help="hub id of a cached model, or a folder")
    quantize.add_argument("-o", "--output", metavar="FOLDER", help="where to (default: among the user's data)")
    quantize.set_defaults(run=_models_quantize)


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser("bench", help="measure on this machine")
    actions = bench.add_subparsers(title="measurements", metavar="WHAT", required=True)
    # Its options are those of the engine's own module, which also prints the help.
    decode = actions.add_parser("decode", help="the loop beside transformers on the same weights", add_help=False)
    decode.set_defaults(run=_bench_decode)
    keys = actions.add_parser("keystrokes", help="type parts of real files again and time every key")
    keys.add_argument("folder", metavar="FOLDER", help="a folder with source files, or one file")
    keys.add_argument("--files", type=int, default=4, help="how many files (default 4)")
    keys.add_argument("--chars", type=int, default=300, help="characters typed in each file (default 300)")
    keys.add_argument("--interval-ms", type=float, default=120.0, help="time between two keys (default 120)")
    keys.add_argument("--seed", type=int, default=0, help="chooses files and places (default 0)")
    keys.add_argument("--json", metavar="FILE", help="write the figures there")
    keys.add_argument("--chart", metavar="FILE", help="draw them there (needs matplotlib)")
    keys.add_argument("--note", default="", help="a sentence to keep with the figures")
    _add_engine_options(keys)
    keys.set_defaults(run=_bench_keystrokes)
    holes = actions.add_parser("quality", help="complete holes in real files and count the right ones")
    holes.add_argument("folder", metavar="FOLDER", help="a folder with source files, or one file")
    holes.add_argument("--count", type=int, default=100, help="how many holes (default 100)")
    holes.add_argument("--seed", type=int, default=0, help="chooses the holes (default 0)")
    holes.add_argument("--json", metavar="FILE", help="write the figures there")
    holes.add_argument(
        "--compare", choices=("layouts", "context", "nothing"), default="layouts",
        help="prompt layouts side by side, other files in the prompt or not, or the model as it is (default layouts)",
    )  # fmt: skip
    holes.add_argument("--note", default="", help="a sentence to keep with the figures")
    _add_engine_options(holes)
    holes.set_defaults(run=_bench_quality)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    root = argparse.ArgumentParser(
        prog="infill-ls",
        description="Completes code with a model on your own machine. Without a command: the language server on "
        "standard input and output.",
    )
    root.add_argument("--version", action="version", version=f"infill-ls {__version__}")
    root.add_argument("--stdio", action="store_true", help="speak LSP on standard input and output (the default)")
    root.add_argument("--tcp", metavar="HOST:PORT", help="wait for one LSP client there instead, for debugging")
    root.set_defaults(run=_server)
    commands = root.add_subparsers(title="commands", metavar="COMMAND")

    complete = commands.add_parser("complete", help="one completion, headless")
    _add_place(complete)
    complete.add_argument("-n", type=int, default=1, metavar="N", help="how many candidates (default 1)")
    complete.set_defaults(run=_complete)

    explain = commands.add_parser("explain", help="everything behind a completion")
    _add_place(explain)
    explain.set_defaults(run=_explain)

    engine = commands.add_parser("engine", help="the process that holds the model")
    actions = engine.add_subparsers(title="actions", metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="run the engine in the foreground")
    serve.add_argument("--tcp", metavar="HOST:PORT", help="listen there with a token instead of on a Unix socket")
    _add_engine_options(serve)
    serve.set_defaults(run=_engine_serve)
    actions.add_parser("status", help="what runs now").set_defaults(run=_engine_status)
    actions.add_parser("stop", help="end it").set_defaults(run=_engine_stop)

    _add_models(commands)
    _add_bench(commands)
    doctor = commands.add_parser("doctor", help="what is missing on this machine, and the next step")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=_doctor)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for what cannot be done as asked."""
    options, passed_on = parser().parse_known_args(arguments)
    if passed_on and options.run is not _bench_decode:
        parser().error(f"unrecognized arguments: {' '.join(passed_on)}")
    options.passed_on = passed_on
    try:
        code: int = options.run(options)
    except UsageError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
