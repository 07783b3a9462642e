"""A stand-in for the language's own server: one word at every position."""

from lsprotocol import types
from pygls.lsp.server import LanguageServer

server = LanguageServer("other", "1")


@server.feature(types.TEXT_DOCUMENT_COMPLETION)
def complete(_params: types.CompletionParams) -> list[types.CompletionItem]:
    """Offer the word."""
    return [types.CompletionItem(label="enclosing", kind=types.CompletionItemKind.Function)]


server.start_io()
