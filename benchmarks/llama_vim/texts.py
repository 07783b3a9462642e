"""The two texts to type: a function at the end of a file, and a method between others.

They were written for this benchmark, so no model has seen them.  Both fit the smallest prompt of the sides, so that no
side has to cut them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TypedText:
    """A file with a gap to fill by typing.

    Attributes:
        name: Name of the file.
        before: Text before the cursor.
        typed: Text to type at the cursor.
        after: Text after the gap, which begins with a newline.
    """

    name: str
    before: str
    typed: str
    after: str = "\n"

    @property
    def keys(self) -> str:
        """The keys to press, without indentation: Neovim indents new lines by itself."""
        return "\n".join(line.lstrip(" ") for line in self.typed.split("\n"))

    @property
    def lines(self) -> list[str]:
        """The lines of the file once everything is typed."""
        return (self.before + self.typed + self.after).removesuffix("\n").split("\n")


SETTINGS = TypedText(
    "settings.py",
    '''"""Settings and names, one file each."""

import json


def read_settings(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def read_names(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split()


''',
    """def write_settings(path, settings):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(settings, file)""",
)

STOCK = TypedText(
    "stock.py",
    '''"""The stock of a small shop."""

from dataclasses import dataclass, field


@dataclass
class Item:
    name: str
    price: float
    count: int = 0

    def total(self):
        return self.price * self.count


@dataclass
class Stock:
    items: dict[str, Item] = field(default_factory=dict)

    def add(self, name, price, count=1):
        item = self.items.get(name)
        if item is None:
            item = self.items[name] = Item(name, price)
        item.count += count
        return item

    ''',
    """def remove(self, name, count=1):
        item = self.items[name]
        if item.count < count:
            raise ValueError(f"only {item.count} of {name}")""",
    """
        item.count -= count
        return item

    def names(self):
        return sorted(self.items)

    def total(self):
        return sum(item.total() for item in self.items.values())
""",
)

WARM_UP = TypedText("warm_up.py", '"""Nothing yet."""\n\n\n', "def double(number):\n    return 2 * number")
TEXTS = (SETTINGS, STOCK)
