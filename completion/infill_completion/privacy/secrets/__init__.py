"""Patterns of secrets: tokens of known issuers, values with telltale names, private keys.

Each module yields start, end and kind of the secrets in a text; none reads files or keeps state.
"""
