"""What a language is like: ids, traits, brackets, syntax trees. A new language is registered here."""
