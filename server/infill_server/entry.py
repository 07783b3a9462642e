"""Entry point of the console script: removes ``PYTHONPATH`` before anything else is imported.

An editor starts us inside a workspace, which may contain a ``types.py`` or an ``attrs.py``.  With ``PYTHONPATH=.`` in
the editor's environment, those would be imported instead of the real ones.
"""

import os
import sys


def remove_python_path() -> None:
    """Remove the entries of ``PYTHONPATH`` from ``sys.path``, and the variable from the environment."""
    written = os.environ.pop("PYTHONPATH", "")
    if written:
        foreign = {os.path.realpath(entry or ".") for entry in written.split(os.pathsep)}
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") not in foreign]


def main() -> int:
    """Run the command line."""
    remove_python_path()
    from infill_server.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
