"""The definitions behind a file's imports, from files of the workspace only."""

from infill_completion.context.imports.definitions import definitions, imports_of
from infill_completion.context.imports.files import Files, Library
from infill_completion.context.imports.place import Import, Place, Takes

__all__ = ["Files", "Import", "Library", "Place", "Takes", "definitions", "imports_of"]
