"""An object in place of libcuda that records what it is called with; nothing runs on a device."""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass, field
from typing import Any

from infill_completion.engine.model.cuda.kernels.runtime.driver import LaunchAttribute, LaunchConfig

MAX_SHARED_BYTES = 232_448  # an H100's
OWN_SHARED_BYTES = 1_024


@dataclass
class Launch:
    """A recorded launch: its configuration as libcuda would read it, and the raw bytes of its arguments."""

    function: str
    config: LaunchConfig
    attributes: list[tuple[int, int]]
    arguments: bytes
    context: int


@dataclass
class FakeLibrary:
    """Records loads, attributes and launches.

    Attributes:
        parameters: By kernel, the format of its parameters, by which arguments are read.
        results: What a function returns instead of 0.
        contexts: The stack of contexts of the one thread.
    """

    parameters: dict[str, str]
    results: dict[str, int] = field(default_factory=dict)
    contexts: list[int] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)
    attributes: dict[tuple[str, int], int] = field(default_factory=dict)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._functions: dict[int, str] = {}
        for name in dir(type(self)):
            if name.startswith("_cu"):  # attributes can be set on a function, as on one of ctypes, but on no method
                setattr(self, name[1:], self._wrapped(name))

    def _wrapped(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            return self.results.get(name[1:]) or getattr(self, name)(*arguments) or 0

        return call

    def _cuInit(self, flags: int) -> None: ...

    def _cuDeviceGet(self, device: Any, index: int) -> None:
        device._obj.value = index

    def _cuDeviceGetAttribute(self, value: Any, attribute: int, device: int) -> None:
        value._obj.value = MAX_SHARED_BYTES

    def _cuDevicePrimaryCtxRetain(self, context: Any, device: int) -> None:
        context._obj.value = 100 + device

    def _cuCtxGetCurrent(self, context: Any) -> None:
        context._obj.value = self.contexts[-1] if self.contexts else None

    def _cuCtxPushCurrent_v2(self, context: int) -> None:
        self.contexts.append(context)

    def _cuCtxPopCurrent_v2(self, context: Any) -> None:
        context._obj.value = self.contexts.pop()

    def _cuModuleLoadData(self, module: Any, cubin: bytes) -> None:
        assert self.contexts
        module._obj.value = 7

    def _cuModuleGetFunction(self, function: Any, module: int, name: bytes) -> None:
        assert module == 7
        function._obj.value = 1_000 + len(self._functions)
        self._functions[function._obj.value] = name.decode()

    def _cuFuncLoad(self, function: Any) -> None:
        self.loaded.append(self._functions[function.value])

    def _cuFuncGetAttribute(self, value: Any, attribute: int, function: int) -> None:
        value._obj.value = OWN_SHARED_BYTES if attribute == 1 else 0

    def _cuFuncSetAttribute(self, function: int, attribute: int, value: int) -> None:
        self.attributes[self._functions[function], attribute] = value

    def _cuLaunchKernelEx(self, config: int, function: int, parameters: int, extra: None) -> None:
        name = self._functions[function]
        read = LaunchConfig.from_buffer_copy(ctypes.string_at(config, ctypes.sizeof(LaunchConfig)))
        attributes = (LaunchAttribute * read.attribute_count).from_address(read.attributes)
        codes = self.parameters[name]
        pointers = (ctypes.c_void_p * len(codes)).from_address(parameters)
        arguments = b"".join(
            ctypes.string_at(pointer, struct.calcsize(code)) for pointer, code in zip(pointers, codes, strict=True)
        )
        pairs = [(attribute.id, attribute.value[0]) for attribute in attributes]
        self.launches.append(Launch(name, read, pairs, arguments, self.contexts[-1]))

    def _cuGetErrorName(self, error: int, text: Any) -> None:
        text._obj.value = b"CUDA_ERROR_ILLEGAL_ADDRESS"

    def _cuGetErrorString(self, error: int, text: Any) -> None:
        text._obj.value = b"an illegal memory access was encountered"
