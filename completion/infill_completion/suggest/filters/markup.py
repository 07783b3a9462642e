"""Documents that have text between tags."""

from __future__ import annotations

from infill_completion.suggest.filters.context import FilterContext

_MARKUP = frozenset({
    "html", "xml", "xsl", "svg", "vue", "vue-html", "svelte", "handlebars", "astro", "php", "erb", "jinja",
    "jinja-html", "django-html", "twig", "razor", "javascriptreact", "typescriptreact", "markdown", "mdx",
})  # fmt: skip


def is_markup(context: FilterContext) -> bool:
    """Return whether the document may have elements of any name."""
    return context.language_id in _MARKUP
