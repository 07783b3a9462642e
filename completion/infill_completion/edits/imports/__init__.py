"""Imports: what files import, names that nothing binds, and where an import is added or goes."""
