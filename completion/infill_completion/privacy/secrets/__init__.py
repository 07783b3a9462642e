"""What a secret looks like: tokens of known issuers, values of telling names, private keys.

Each file yields the places of secrets in a text; nothing here reads files or keeps anything.
"""
