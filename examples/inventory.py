"""A small warehouse: items, their stock and what has to be ordered."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Item:
    """One kind of thing on the shelves."""

    name: str
    price: float
    quantity: int = 0
    tags: list[str] = field(default_factory=list)

    def value(self) -> float:
        """Return what all pieces of this item are worth."""
        return self.price * self.quantity


class Inventory:
    """All items of a warehouse by name."""

    def __init__(self) -> None:
        self.items: dict[str, Item] = {}

    def add(self, item: Item) -> None:
        """Put an item on the shelves, or more of one that is there."""
        if item.name in self.items:
            self.items[item.name].quantity += item.quantity
        else:
            self.items[item.name] = item

    def remove(self, name: str, quantity: int) -> None:
        """Take pieces of an item away."""
        if name not in self.items:
            raise KeyError(f"there is no item called {name}")
        if self.items[name].quantity < quantity:
            raise ValueError(f"only {self.items[name].quantity} of {name} left")
        self.items[name].quantity -= quantity

    def total(self) -> float:
        """Return what the whole warehouse is worth."""
        return sum(item.value() for item in self.items.values())

    def tagged(self, tag: str) -> list[Item]:
        """Return the items with a tag."""
        return [item for item in self.items.values() if tag in item.tags]

    def scarce(self, limit: int) -> list[Item]:
        """Return the items of which fewer than ``limit`` are left."""
        return [item for item in self.items.values() if item.quantity < limit]

    def save(self, path: Path) -> None:
        """Write the inventory as JSON."""
        with path.open("w", encoding="utf-8") as file:
            json.dump({name: vars(item) for name, item in self.items.items()}, file, indent=2)

    @classmethod
    def load(cls, path: Path) -> Inventory:
        """Read what :meth:`save` wrote."""
        inventory = cls()
        with path.open(encoding="utf-8") as file:
            for name, fields in json.load(file).items():
                inventory.items[name] = Item(**fields)
        return inventory
