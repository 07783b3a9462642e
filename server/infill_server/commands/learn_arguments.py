"""The arguments of ``infill-ls learn``; what it does is imported when it runs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def _learn_now(options: argparse.Namespace) -> int:
    from infill_server.commands.learn import now

    return now(options)


def _learn_list(options: argparse.Namespace) -> int:
    from infill_server.commands.learn import show

    return show(options)


def _learn_forget(options: argparse.Namespace) -> int:
    from infill_server.commands.learn import forget

    return forget(options)


def add_learn(commands: Any, add_engine_options: Callable[[argparse.ArgumentParser], None]) -> None:
    """Add the command to the subcommands."""
    learn = commands.add_parser("learn", help="what the model has learned in repositories on this machine")
    actions = learn.add_subparsers(title="actions", metavar="ACTION", required=True)
    now = actions.add_parser("now", help="learn a repository; engine.learn does so while the machine is idle")
    now.add_argument("folder", nargs="?", default=".", help="a folder in the repository (default: this one)")
    add_engine_options(now)
    now.set_defaults(run=_learn_now)
    listing = actions.add_parser("list", help="list what was learned where, and whether it is used")
    listing.add_argument("--json", action="store_true", help="print one JSON object for each")
    listing.set_defaults(run=_learn_list)
    forget = actions.add_parser("forget", help="delete what was learned")
    forget.add_argument("what", nargs="?", metavar="FOLDER", help="a folder in the repository")
    forget.add_argument("--all", action="store_true", help="everywhere")
    forget.set_defaults(run=_learn_forget)
