"""Adapters: what a model has learned, in a file beside its checkpoint, applied while that is read.

One may come with the package (:func:`taught_adapter`); others were learned in a user's repository, upon that one.

A file of safetensors holds, for each matrix ``NAME``, ``NAME.gain`` and ``NAME.shift`` in float16
(:class:`infill_completion.engine.model.group_adapter.GroupAdapter`), for each norm ``NAME.gain``, and for learned
embeddings ``NAME.rows`` and ``NAME.ids``.  Its metadata name the checkpoint that it belongs to.
"""

from __future__ import annotations

import hashlib
import json
import logging
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from infill_completion.engine import environment  # isort: skip  # before torch
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from infill_completion.catalog.taught import taught_path
from infill_completion.engine.checkpoints.fingerprint import fingerprint
from infill_completion.engine.errors import ModelError
from infill_completion.engine.model.group_adapter import GroupAdapter
from infill_completion.engine.model.int4 import GROUP_INPUTS, Groups

environment.prepare()
log = logging.getLogger(__name__)

_BASE = "base"
_GAIN, _SHIFT, _ROWS, _IDS = ".gain", ".shift", ".rows", ".ids"


class Readable(Protocol):
    """A tensor in a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        ...

    @property
    def has_groups(self) -> bool:
        """Whether its weights are in groups of 4 bits."""
        ...

    def read(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the whole tensor."""
        ...

    def parts(self) -> Iterator[Tensor]:
        """Return the rows of a matrix, some at a time."""
        ...

    def groups(self) -> Iterator[Groups]:
        """Return the rows of a matrix in 4 bits, some at a time."""
        ...


class ForeignAdapterError(ModelError):
    """An adapter is that of a model with other shapes."""


class Adapter(NamedTuple):
    """What a checkpoint has learned.

    Attributes:
        base: The fingerprint of the checkpoint.
        learned: The tensors of the file.
    """

    base: str
    learned: Mapping[str, Tensor]

    @classmethod
    def read(cls, file: Path) -> Adapter:
        """Read a file.

        Raises:
            ModelError: It cannot be read, or is damaged.
        """
        try:
            if not file.is_file():  # a pipe would wait for somebody to write
                raise FileNotFoundError(file)
            adapter = cls(_base(file), load(file.read_bytes()))
        except (OSError, ValueError, LookupError, TypeError, RecursionError, struct.error, SafetensorError) as error:
            kind = type(error).__name__
            raise ModelError(
                f"The adapter {file.name} cannot be read ({kind}); run `infill-ls learn forget` to do without it."
            ) from error
        if not all(_is_sound(name, tensor) for name, tensor in adapter.learned.items()):
            raise ModelError(f"The adapter {file.name} is damaged; run `infill-ls learn forget` to do without it.")
        return adapter

    def write(self, file: Path) -> None:
        """Write a file, whole or not at all; only the user can read it."""
        partial = file.with_name(f"{file.name}.partial")
        partial.touch(mode=0o600)
        partial.write_bytes(save({name: each.contiguous() for name, each in self.learned.items()}, {_BASE: self.base}))
        partial.replace(file)

    def applied(self, tensors: Mapping[str, Readable]) -> dict[str, Readable]:
        """Return the tensors of the checkpoint with what they have learned.

        Raises:
            ForeignAdapterError: The adapter is that of a model with other shapes.
        """
        self._check({_stem(name) for name in self.learned} <= tensors.keys())
        return {name: self._adapted(name, tensor) for name, tensor in tensors.items()}

    def _adapted(self, name: str, tensor: Readable) -> Readable:
        gain, shift = self.learned.get(name + _GAIN), self.learned.get(name + _SHIFT)
        rows, ids = self.learned.get(name + _ROWS), self.learned.get(name + _IDS)
        if rows is not None and ids is not None:
            self._check(len(tensor.shape) == 2 and rows.shape == (len(ids), tensor.shape[1]))
            return _WithRows(tensor, ids, rows)
        if gain is None:
            self._check(shift is None)
            return tensor
        if shift is None:
            self._check(gain.shape == tensor.shape)
            return _Scaled(tensor, gain)
        groups = (tensor.shape[0], -(-tensor.shape[-1] // GROUP_INPUTS))
        self._check(gain.shape == groups and shift.shape == groups)
        return _InGroups(tensor, GroupAdapter(gain, shift))

    def _check(self, fits: bool) -> None:
        if not fits:
            raise ForeignAdapterError("The adapter is another model's; run `infill-ls learn forget` to do without it.")


def _is_sound(name: str, tensor: Tensor) -> bool:
    """Return whether a tensor has the numbers that one of its name can have: damage shows in no other way."""
    if name.endswith(_IDS):
        return tensor.dtype == torch.int64 and tensor.dim() == 1
    return tensor.dtype == torch.float16 and bool(tensor.isfinite().all())


def _stem(name: str) -> str:
    """Return the name of the tensor that a learned one belongs to."""
    return name.rpartition(".")[0]


def taught_adapter(checkpoint: Path) -> Adapter | None:
    """Return what the package teaches to a checkpoint; None if that is nothing, or its file is damaged."""
    file = taught_path(checkpoint)
    if file is None:
        return None
    try:
        adapter = Adapter.read(file)
    except ModelError:
        log.warning("What the package teaches to %s is damaged; install infill-ls again.", checkpoint.name)
        return None
    return adapter if adapter.base == fingerprint(checkpoint) else None


def is_as_published(checkpoint: Path) -> bool:
    """Return whether a checkpoint is the one that the package teaches, as far as its name and size say that it is."""
    file = taught_path(checkpoint)
    try:
        return file is None or _base(file) == fingerprint(checkpoint)
    except (OSError, ValueError, LookupError, TypeError, struct.error):  # what the package has is damaged
        return True


def _base(file: Path) -> str:
    """Return the fingerprint of the checkpoint that an adapter's file names."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        return str(json.loads(stream.read(min(length, file.stat().st_size)))["__metadata__"][_BASE])


def identity(checkpoint: Path) -> str:
    """Return a hash of what users' adapters are learned upon: a checkpoint with what the package teaches to it."""
    file = taught_path(checkpoint)
    own = fingerprint(checkpoint)
    if file is None or taught_adapter(checkpoint) is None:
        return own
    return hashlib.sha256(own.encode() + file.read_bytes()).hexdigest()


def usable_adapter(file: str | None, checkpoint: Path, *, can_apply: bool) -> tuple[Adapter | None, str]:
    """Return an adapter, and its file or why the model does without it: a bad one must not keep it from loading.

    Args:
        file: The file that the settings name.
        checkpoint: What is loaded.
        can_apply: Whether it is loaded in a way that applies adapters.
    """
    if file is None:
        return None, ""
    if not can_apply:
        return None, "not used: adapters are for models that the engine packs for the CPU"
    try:
        adapter = Adapter.read(Path(file))
    except ModelError as error:
        log.warning("%s", error)
        return None, f"not used: {error}"
    if adapter.base != identity(checkpoint):
        return None, "not used: it is another model's"
    return adapter, file


class _Adapted:
    """A tensor with what it has learned; it is read as the one that it stands for."""

    def __init__(self, tensor: Readable) -> None:
        self._tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return self._tensor.shape

    @property
    def has_groups(self) -> bool:
        return self._tensor.has_groups

    def read(self, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.cat(list(self.parts())).to(dtype)

    def parts(self) -> Iterator[Tensor]:
        return self._tensor.parts()

    def groups(self) -> Iterator[Groups]:
        return self._tensor.groups()


class _InGroups(_Adapted):
    def __init__(self, tensor: Readable, adapter: GroupAdapter) -> None:
        super().__init__(tensor)
        self._adapter = adapter

    def parts(self) -> Iterator[Tensor]:
        if self.has_groups:
            for groups in self.groups():
                yield groups.values().view(len(groups.numbers), -1)[:, : self.shape[1]]
            return
        start = 0
        for rows in self._tensor.parts():
            yield self._adapter.part(start, start + len(rows)).of_rows(rows)
            start += len(rows)

    def groups(self) -> Iterator[Groups]:
        start = 0
        for groups in self._tensor.groups():
            end = start + len(groups.numbers)
            yield self._adapter.part(start, end).of_groups(groups)
            start = end


class _Scaled(_Adapted):
    def __init__(self, tensor: Readable, gain: Tensor) -> None:
        super().__init__(tensor)
        self._gain = gain

    def read(self, dtype: torch.dtype = torch.float32) -> Tensor:
        return (self._tensor.read(torch.float32) * (1.0 + self._gain.float())).to(dtype)


class _WithRows(_Adapted):
    def __init__(self, tensor: Readable, ids: Tensor, rows: Tensor) -> None:
        super().__init__(tensor)
        self._more = dict(zip(ids.tolist(), rows.float(), strict=True))

    def parts(self) -> Iterator[Tensor]:
        start = 0
        for rows in self._tensor.parts():
            here = [id_ for id_ in self._more if start <= id_ < start + len(rows)]
            wide = rows.float().clone() if here else rows
            for id_ in here:
                wide[id_ - start] += self._more[id_]
            yield wide
            start += len(rows)
