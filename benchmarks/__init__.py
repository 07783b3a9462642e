"""Measurements for developers, most of them beside peers; each prints a table and writes JSON.

What users measure on their own machine is ``infill-ls bench``.
"""
