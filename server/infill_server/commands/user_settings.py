"""The settings of a subcommand: the user's file with the command line's options on top."""

from __future__ import annotations

import argparse
import sys

from infill_completion.settings import Settings, config_path, merge, read_config
from infill_server.commands.arguments import parse_assignment
from infill_server.errors import UsageError

_MODEL = "engine.model"


def user_settings(options: argparse.Namespace) -> Settings:
    """Return the settings; problems in the user's file are printed to standard error and otherwise ignored.

    Raises:
        UsageError: A setting on the command line is invalid.
    """
    table, problems = read_config(config_path())
    settings, found = merge(Settings(), table, origin=str(config_path()))
    for problem in problems + found:
        print(f"infill-ls: {problem}", file=sys.stderr)  # noqa: T201
    written = dict(parse_assignment(text) for text in options.set)
    if options.model:
        written[_MODEL] = options.model
    settings, problems = merge(settings, written, origin="command line")
    if problems:
        raise UsageError(problems[0])
    return settings


def named_model(options: argparse.Namespace) -> str:
    """Return the model that the command line names; empty if it names none.

    Raises:
        UsageError: A setting on the command line is invalid.
    """
    return str(options.model or dict(parse_assignment(text) for text in options.set).get(_MODEL, ""))
