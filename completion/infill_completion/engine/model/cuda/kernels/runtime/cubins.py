"""The compiled kernels, kept in the user's directory for code compiled on this machine.

A file's name has a hash of everything that its contents depend on.  The directory is writable for its owner only; if it
cannot be used, the kernels are compiled at every start.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infill_completion.client.run_directory import RunDirectoryError, native_directory
from infill_completion.engine.model.cuda.kernels.runtime import nvrtc
from infill_completion.engine.model.cuda.kernels.runtime.nvrtc import Binary

log = logging.getLogger(__name__)

FOLDER = Path(__file__).parent.parent / "sources"
_OPTIONS = ("--std=c++17",)


def options_of(architecture: str, is_half: bool) -> tuple[str, ...]:
    """Return the compiler's options for an architecture (``sm_90``) and for half or bfloat16 numbers."""
    return (f"--gpu-architecture={architecture}", *_OPTIONS, *(["-DHALF"] if is_half else []))


def compiled(
    architecture: str, is_half: bool, directory: Path | None = None, folder: Path = FOLDER
) -> dict[str, Binary]:
    """Return the binary of each source by its name, compiled now or before.

    Args:
        architecture: ``sm_90``.
        is_half: Whether numbers are half; else they are bfloat16.
        directory: Where binaries are kept; None: the user's own directory.
        folder: Where the sources are.

    Raises:
        RuntimeError: There is no compiler, or it rejects a source.
    """
    if directory is None:
        try:
            directory = native_directory()
        except (RunDirectoryError, OSError) as error:
            log.warning("Compiled kernels cannot be stored (%s); they are compiled at every start.", error)
    headers = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.cuh"))}
    options = options_of(architecture, is_half)

    def binary_of(path: Path) -> Binary:
        return _binary(path, headers, options, directory)

    with ThreadPoolExecutor() as pool:
        paths = sorted(folder.glob("*.cu"))
        return {path.name: binary for path, binary in zip(paths, pool.map(binary_of, paths), strict=True)}


def _binary(path: Path, headers: dict[str, str], options: tuple[str, ...], directory: Path | None) -> Binary:
    source, compiler = path.read_text("utf-8"), nvrtc.compiler()
    parts = json.dumps([path.name, source, headers, options, compiler.version]).encode()
    kept = directory and directory / f"{path.stem}-{hashlib.sha256(parts).hexdigest()[:32]}.cubin"
    if kept and (binary := _read(kept)):
        return binary
    binary = compiler.compile(path.name, source, headers, options)
    if kept:
        _write(kept, binary)
    return binary


def _read(file: Path) -> Binary | None:
    """Return a kept binary; None if there is none or it is damaged, as after a full disk."""
    try:
        digest, _, body = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    if digest != hashlib.sha256(body).hexdigest().encode():
        return None
    parameters, _, cubin = body.partition(b"\n")
    return Binary(cubin, json.loads(parameters))


def _write(file: Path, binary: Binary) -> None:
    body = json.dumps(dict(binary.parameters)).encode() + b"\n" + binary.cubin
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.stem, suffix=".part", delete=False) as part:
            try:
                part.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
                part.close()
                os.replace(part.name, file)  # noqa: PTH105 - one name, no Path for it
            except OSError:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        log.warning("Compiled kernels cannot be stored (%s); they are compiled again at the next start.", error)
