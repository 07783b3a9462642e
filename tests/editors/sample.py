"""The Python file that the tests with real editors open."""

CODE = b"""import json


def read_settings(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_names(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()
"""
