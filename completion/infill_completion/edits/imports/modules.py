"""Modules that are named by their place: told from those of other files, and written as another file has to."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

_KINDS = frozenset({"src", "tests", "examples", "benches"})
_ENDING = re.compile(r"\.[cm]?[jt]sx?$")
_ROOTS = frozenset({"lib", "main", "mod"})


def resolved(module: str, path: str, family: str) -> str:
    """Return what a module's name means wherever it is written: one that begins with a slash was named by its place.

    Args:
        module: The module as a file writes it.
        path: The file, from the top and with slashes.
        family: The name of the language's modules.
    """
    resolve = _RESOLVED.get(family)
    return resolve(module, path) if resolve is not None else module


def written(module: str, path: str, family: str) -> str | None:
    """Return how a file writes a module that `resolved` returned; None if it cannot name it."""
    if not module.startswith("/"):
        return module
    return _WRITTEN[family](module, path)


def has_ending(module: str) -> bool | None:
    """Return whether a JavaScript module that is named by its place has the ending of a file; None for a package."""
    return _ENDING.search(module) is not None if module.startswith((".", "/")) else None


def without_ending(module: str) -> str:
    """Return a resolved JavaScript module without the ending of its file, which it may have or not."""
    return _ENDING.sub("", module).removesuffix("/index") if module.startswith("/") else module


def crate_of(path: str) -> tuple[str, str]:
    """Return the folder of a Rust file's package, and which of its crates the file is in."""
    parts = path.split("/")
    at = max((index for index, part in enumerate(parts[:-1]) if part in _KINDS), default=-1)
    if at < 0:
        return path, ""
    if parts[at] == "src":
        return "/".join(parts[:at]), "src"
    return "/".join(parts[:at]), parts[at]


def _script_resolved(module: str, path: str) -> str:
    is_near = module.startswith(("./", "../")) or module in {".", ".."}
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), module)) if is_near else module


def _script_written(module: str, path: str) -> str | None:
    folder = posixpath.dirname(path)
    if _stem(path) in {_stem(module), f"{module}/index"}:
        return None
    found = posixpath.relpath(module, folder)
    return found if found.startswith(".") else f"./{found}"


def _stem(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name.partition('.')[0]}"


def _python_resolved(module: str, path: str) -> str:
    name = module.lstrip(".")
    dots = len(module) - len(name)
    if not dots:
        return module
    folder = path.split("/")[:-1]
    if dots > len(folder):
        return module
    return "/".join([*folder[: len(folder) - dots + 1], *filter(None, name.split("."))])


def _python_written(module: str, path: str) -> str | None:
    folder = path.split("/")[:-1]
    if f"{module}.py" == path:
        return None
    parts = module.split("/")
    shared = next(
        (index for index, pair in enumerate(zip(folder, parts, strict=False)) if pair[0] != pair[1]),
        min(len(folder), len(parts)),
    )
    return "." * (len(folder) - shared + 1) + ".".join(parts[shared:])


def _rust_resolved(module: str, path: str) -> str:
    first, _, rest = module.partition("::")
    if first not in {"crate", "self", "super"}:
        return module
    top, here = _crate(path)
    parts = rest.split("::") if rest else []
    if first == "self":
        parts = [*here, *parts]
    elif first == "super":
        ups = 1
        while parts[:1] == ["super"]:
            parts, ups = parts[1:], ups + 1
        if ups > len(here):
            return module
        parts = [*here[: len(here) - ups], *parts]
    return f"{top}|{'::'.join(parts)}"


def _rust_written(module: str, path: str) -> str | None:
    top, _, parts = module.partition("|")
    own, here = _crate(path)
    if top != own or parts.split("::") == here:
        return None
    return f"crate::{parts}" if parts else "crate"


def _crate(path: str) -> tuple[str, list[str]]:
    """Return the crate of a file and the module that the file is."""
    folder, kind = crate_of(path)
    if kind != "src":
        return path, []
    parts = path[len(folder) + len("/src/") :].removesuffix(".rs").split("/")
    return f"{folder}/src", parts[:-1] if parts[-1] in _ROOTS else parts


_RESOLVED: dict[str, Callable[[str, str], str]] = {
    "script": _script_resolved,
    "python": _python_resolved,
    "rust": _rust_resolved,
}
_WRITTEN: dict[str, Callable[[str, str], str | None]] = {
    "script": _script_written,
    "python": _python_written,
    "rust": _rust_written,
}
