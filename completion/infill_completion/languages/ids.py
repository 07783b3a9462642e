"""LSP language ids of files, for callers that have a path and no editor to ask."""

from __future__ import annotations

from pathlib import PurePath

# The ids are those of the LSP specification's table of text documents.
_BY_SUFFIX = {
    ".bash": "shellscript", ".c": "c", ".cc": "cpp", ".clj": "clojure", ".cpp": "cpp", ".cs": "csharp", ".css": "css",
    ".cxx": "cpp", ".dart": "dart", ".ex": "elixir", ".exs": "elixir", ".go": "go", ".h": "c", ".hpp": "cpp",
    ".hs": "haskell", ".html": "html", ".ipynb": "json", ".java": "java", ".jl": "julia", ".js": "javascript",
    ".json": "json", ".jsx": "javascriptreact", ".kt": "kotlin", ".less": "less", ".lua": "lua", ".md": "markdown",
    ".mjs": "javascript", ".ml": "ocaml", ".php": "php", ".pl": "perl", ".ps1": "powershell", ".py": "python",
    ".pyi": "python", ".r": "r", ".rb": "ruby", ".rs": "rust", ".scala": "scala", ".scss": "scss",
    ".sh": "shellscript", ".sql": "sql", ".swift": "swift", ".tex": "latex", ".toml": "toml", ".ts": "typescript",
    ".tsx": "typescriptreact", ".vim": "vim", ".xml": "xml", ".yaml": "yaml", ".yml": "yaml", ".zig": "zig",
}  # fmt: skip
_BY_NAME = {"Makefile": "makefile", "Dockerfile": "dockerfile", "CMakeLists.txt": "cmake"}


def language_of(path: str) -> str:
    """Return the language id of a file by its name, ``plaintext`` where the name says nothing."""
    pure = PurePath(path)
    return _BY_NAME.get(pure.name) or _BY_SUFFIX.get(pure.suffix.lower(), "plaintext")
