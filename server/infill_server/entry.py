"""The console script's entry: forgets ``PYTHONPATH`` before anything else is imported.

An editor starts us inside a workspace, and a workspace may have a ``types.py`` or an ``attrs.py`` of its own.  With
``PYTHONPATH=.`` in the editor's environment those would be imported in place of the real ones.
"""

import os
import sys


def forget_python_path() -> None:
    """Take the entries of ``PYTHONPATH`` out of ``sys.path`` and out of the environment of processes we start."""
    written = os.environ.pop("PYTHONPATH", "")
    if written:
        foreign = {os.path.realpath(entry or ".") for entry in written.split(os.pathsep)}
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") not in foreign]


def main() -> int:
    """Run the command line."""
    forget_python_path()
    from infill_server.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
