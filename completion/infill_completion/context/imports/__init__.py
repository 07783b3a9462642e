"""The definitions that a file imports, from files of the workspace only. Entry: `definitions`."""

from infill_completion.context.imports.definitions import definitions, imports_of
from infill_completion.context.imports.files import Files, OutlineCache
from infill_completion.context.imports.site import Import, ImportSite, Takes

__all__ = ["Files", "Import", "ImportSite", "OutlineCache", "Takes", "definitions", "imports_of"]
