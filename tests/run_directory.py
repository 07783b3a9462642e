"""A run directory of a test's own, in which no engine is left."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from infill_completion.engine.process.lock import FileLock


@contextlib.contextmanager
def run_directory_in(base: Path) -> Iterator[None]:
    """Engines started inside have their run directory in ``base`` and are killed at the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(base))
        try:
            yield
        finally:
            for lock in base.glob("infill-ls/*.lock"):
                pid = FileLock(lock).holder()
                if pid is not None and pid != os.getpid():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
