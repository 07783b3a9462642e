"""Pseudonyms of files and folders in a trace; extensions and the tree of folders are kept."""

from __future__ import annotations

import re
from urllib.parse import unquote

_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//[^/?#]*)?([^?#]*)(\?[^#]*)?(#.*)?\Z", re.DOTALL)
# A longer or stranger ending may be part of a name.
_EXTENSION = re.compile(r"[^/](\.[A-Za-z0-9]{1,8})\Z")


class Pseudonyms:
    """Gives every name its pseudonym, and the same name always the same one."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def uri(self, uri: str) -> str:
        """Return a URI with all its names replaced; only the scheme and the file's extension stay."""
        match = _URI.match(uri)
        if match is None or len(match[1]) < 2:  # a path
            return self.path(uri.replace("\\", "/"))
        scheme, authority, path, query, fragment = match.groups()
        written = scheme.lower() + ":" + ("//" if authority is not None else "")
        if authority and len(authority) > 2:
            written += self._of("host", authority)
        written += self.path(unquote(path))
        written += "?" + self._of("query", query) if query else ""
        return written + ("#" + self._of("part", fragment) if fragment else "")

    def path(self, path: str) -> str:
        """Return a path with the names of its folders and of its file replaced."""
        *folders, file = path.split("/")
        return "/".join([*(name and self._of("folder", name) for name in folders), file and self._file(file)])

    def folder_uri(self, uri: str) -> str:
        """Return the URI of a folder with all its names replaced."""
        return self.uri(uri.rstrip("/") + "/").rstrip("/")

    def _file(self, name: str) -> str:
        extension = _EXTENSION.search(name)
        return self._of("file", name, extension[1] if extension else "")

    def _of(self, kind: str, name: str, extension: str = "") -> str:
        key = kind, name
        if key not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[key] = f"{kind}{self._counts[kind]}{extension}"
        return self._names[key]
