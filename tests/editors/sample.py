"""The Python files that the tests with real editors open."""

CODE = b"""import json


def read_settings(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_names(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()
"""

SHOP = b"""def total(prices, discount):
    best = max(prices)
    if len(prices) > 3:
        return sum(prices) - discount * best
    return sum(prices)
"""
