"""Languages: ids, traits, brackets, syntax trees. Entry: `registry`, where a new language is registered."""
