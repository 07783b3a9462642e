"""Modules of the engine package, run in separate processes because this package never imports the engine."""

from __future__ import annotations

import subprocess
import sys

from infill_completion.client.launch import engine_environment
from infill_server.errors import UsageError


def run_module(name: str, *arguments: str) -> int:
    """Run a module of the engine package in a process and return its exit code.

    Raises:
        UsageError: The process was killed; with models this large the usual cause is that memory ran out.
    """
    process = subprocess.Popen([*module_command(name), *arguments], env=engine_environment())
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:  # the child received it as well and prints the message
            continue
        if code < 0:
            raise UsageError(f"The process was ended by signal {-code}; if memory ran out, choose a smaller model.")
        return code


def module_command(name: str) -> list[str]:
    """Return the command line that runs ``infill_completion.engine.NAME``."""
    return [sys.executable, "-P", "-m", f"infill_completion.engine.{name}"]
