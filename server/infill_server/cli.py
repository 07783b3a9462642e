"""The command line: ``infill-ls`` alone is the language server, every other task is a subcommand.

Each subcommand imports its modules when it runs, because an editor waits for the bare command to start.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from infill_completion import __version__
from infill_server.commands.bench.arguments import add_bench, bench_decode
from infill_server.commands.learn_arguments import add_learn
from infill_server.errors import UsageError

EXIT_USAGE = 2


def _server(options: argparse.Namespace) -> int:
    from infill_server.commands.arguments import parse_address
    from infill_server.commands.serve import create_server, start_stdio, start_tcp

    as_copilot = options.as_name == "copilot"
    if options.tcp is None:
        return start_stdio(create_server(as_copilot=as_copilot) if as_copilot else None)
    address = parse_address(options.tcp)
    try:
        return start_tcp(*address, as_copilot=as_copilot)
    except OSError as error:
        raise UsageError(f"Cannot listen on {options.tcp} ({error}); choose another address.") from error


def _complete(options: argparse.Namespace) -> int:
    from infill_server.commands.complete import complete

    return complete(options)


def _explain(options: argparse.Namespace) -> int:
    if options.edits:
        from infill_server.commands.explain_edits import explain_edits

        return explain_edits(options)
    from infill_server.commands.explain import explain

    return explain(options)


def _engine_serve(options: argparse.Namespace) -> int:
    """Replace this process with the engine, which the server's code never imports."""
    from infill_completion.client.launch import engine_command, engine_environment
    from infill_server.commands.user_settings import user_settings

    command = engine_command(user_settings(options).engine, tcp=options.tcp)
    if os.name == "nt":  # there, execve returns to the shell at once
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
    from infill_server.commands.model_pull import pull

    return pull(options)


def _models_quantize(options: argparse.Namespace) -> int:
    from infill_server.commands.models import quantize

    return quantize(options)


def _replay(options: argparse.Namespace) -> int:
    from infill_server.commands.replay.command import replay

    return replay(options)


def _doctor(options: argparse.Namespace) -> int:
    from infill_server.commands.doctor import main as doctor

    return doctor(as_json=options.json)


def _stats(options: argparse.Namespace) -> int:
    from infill_server.commands.stats.command import stats

    return stats(options)


def _add_location(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="FILE:LINE:COL", help="cursor position; line and column count from 1")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _add_engine_options(parser)


def _add_engine_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="hub id or path; overrides the setting engine.model")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override any setting")


def _add_models(commands: Any) -> None:
    models = commands.add_parser("models", help="list known and cached models; download one; write a 4-bit checkpoint")
    actions = models.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list models and the memory each needs")
    listing.add_argument("folder", nargs="*", help="more folders with GGUF files")
    listing.add_argument("--json", action="store_true", help="print one JSON object")
    listing.set_defaults(run=_models_list)
    pull = actions.add_parser("pull", help="download a model into the Hugging Face cache")
    pull.add_argument("model", metavar="ID", help="hub id, such as codellama/CodeLlama-7b-hf; or small")
    pull.add_argument("--yes", action="store_true", help="do not ask about a gated or non-commercial licence")
    pull.set_defaults(run=_models_pull)
    quantize = actions.add_parser("quantize", help="write a 4-bit checkpoint that loads in seconds")
    quantize.add_argument("model", metavar="ID", help="hub id of a cached model, or a folder")
    quantize.add_argument("-o", "--output", metavar="FOLDER", help="output folder (default: in the data directory)")
    quantize.set_defaults(run=_models_quantize)


def _add_stats(commands: Any) -> None:
    stats = commands.add_parser("stats", help="what was shown, taken and kept on this machine")
    stats.add_argument("--since", metavar="TIME", help="only since then: 12h, 30d, 4w, or a date such as 2026-11-01")
    stats.add_argument("--html", metavar="FILE", help="write one page with charts to FILE")
    action = stats.add_mutually_exclusive_group()
    action.add_argument("--json", action="store_true", help="print one JSON object")
    action.add_argument("--forget", action="store_true", help="remove all of it")
    stats.set_defaults(run=_stats)


def parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    root = argparse.ArgumentParser(
        prog="infill-ls",
        description="Completes code with a model on your own machine. Without a command: the language server on "
        "standard input and output.",
    )
    root.add_argument("--version", action="version", version=f"infill-ls {__version__}")
    root.add_argument("--stdio", action="store_true", help="speak LSP on standard input and output (the default)")
    root.add_argument("--tcp", metavar="HOST:PORT", help="wait for one LSP client there instead, for debugging")
    root.add_argument(
        "--as", dest="as_name", choices=("infill", "copilot"), default="infill",
        help="copilot: take the place of Copilot's server for plugins that look for it (next edits)",
    )  # fmt: skip
    root.set_defaults(run=_server)
    commands = root.add_subparsers(title="commands", metavar="COMMAND")

    complete = commands.add_parser("complete", help="one completion without an editor")
    _add_location(complete)
    complete.add_argument("-n", type=int, default=1, metavar="N", help="number of candidates (default 1)")
    complete.set_defaults(run=_complete)

    explain = commands.add_parser("explain", help="how a completion or a next edit came about")
    _add_location(explain)
    explain.add_argument(
        "--edits", action="store_true",
        help="explain the next edits: the example is the uncommitted change that is nearest to the place",
    )  # fmt: skip
    explain.set_defaults(run=_explain)

    engine = commands.add_parser("engine", help="the process that holds the model")
    actions = engine.add_subparsers(title="actions", metavar="ACTION", required=True)
    serve = actions.add_parser("serve", help="run the engine in the foreground")
    serve.add_argument("--tcp", metavar="HOST:PORT", help="listen there with a token instead of on a Unix socket")
    _add_engine_options(serve)
    serve.set_defaults(run=_engine_serve)
    actions.add_parser("status", help="list running engines").set_defaults(run=_engine_status)
    actions.add_parser("stop", help="end them").set_defaults(run=_engine_stop)

    _add_models(commands)
    add_learn(commands, _add_engine_options)
    add_bench(commands, _add_engine_options)
    replay = commands.add_parser("replay", help="play a session again that infill.record has recorded")
    replay.add_argument("trace", metavar="TRACE", help="the recorded session")
    replay.add_argument("--recorded", action="store_true", help="replay what the model said instead of asking a model")
    replay.add_argument("--json", action="store_true", help="print one JSON object")
    _add_engine_options(replay)
    replay.set_defaults(run=_replay)
    _add_stats(commands)
    doctor = commands.add_parser("doctor", help="check what is missing on this machine")
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.set_defaults(run=_doctor)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; it is 2 if the request cannot be carried out."""
    options, passed_on = parser().parse_known_args(arguments)
    if passed_on and options.run is not bench_decode:
        parser().error(f"unrecognized arguments: {' '.join(passed_on)}")
    options.passed_on = passed_on
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be UTF-8
    try:
        code: int = options.run(options)
    except UsageError as error:
        print(f"infill-ls: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_USAGE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
