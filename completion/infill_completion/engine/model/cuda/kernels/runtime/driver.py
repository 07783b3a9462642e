"""CUDA's driver, libcuda, as far as loading and launching kernels needs it (CUDA Driver API, sections 6.10 to 6.22)."""

from __future__ import annotations

import ctypes
import os
from typing import Any

# From cuda.h.
ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION = 6  # CUlaunchAttributeID
DEVICE_MAX_SHARED_BYTES = 97  # CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
FUNCTION_SHARED_BYTES = 1  # CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: what a kernel declares itself
FUNCTION_MAX_DYNAMIC_SHARED_BYTES = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
FUNCTION_SHARED_PERCENT = 9  # CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT

_POINTER, _INT, _UNSIGNED = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint
_FUNCTIONS: dict[str, list[Any]] = {
    "cuInit": [_UNSIGNED],
    "cuDeviceGet": [_POINTER, _INT],
    "cuDeviceGetAttribute": [_POINTER, _INT, _INT],
    "cuDevicePrimaryCtxRetain": [_POINTER, _INT],
    "cuCtxGetCurrent": [_POINTER],
    "cuCtxPushCurrent_v2": [_POINTER],
    "cuCtxPopCurrent_v2": [_POINTER],
    "cuModuleLoadData": [_POINTER, ctypes.c_char_p],
    "cuModuleGetFunction": [_POINTER, _POINTER, ctypes.c_char_p],
    "cuFuncGetAttribute": [_POINTER, _INT, _POINTER],
    "cuFuncSetAttribute": [_POINTER, _INT, _INT],
    "cuLaunchKernelEx": [_POINTER, _POINTER, _POINTER, _POINTER],
    "cuGetErrorName": [_INT, _POINTER],
    "cuGetErrorString": [_INT, _POINTER],
}


class LaunchAttribute(ctypes.Structure):
    """``CUlaunchAttribute``: 72 bytes."""

    _fields_ = (("id", _INT), ("padding", ctypes.c_char * 4), ("value", ctypes.c_uint64 * 8))


class LaunchConfig(ctypes.Structure):
    """``CUlaunchConfig``: 56 bytes."""

    _fields_ = (
        *((f"grid_{axis}", _UNSIGNED) for axis in "xyz"),
        *((f"block_{axis}", _UNSIGNED) for axis in "xyz"),
        ("shared_bytes", _UNSIGNED),
        ("stream", _POINTER),
        ("attributes", _POINTER),
        ("attribute_count", _UNSIGNED),
    )


class Driver:
    """Calls libcuda; an error is a RuntimeError with CUDA's name and text of it.

    Args:
        library: The loaded library; None: the installed one.

    Raises:
        RuntimeError: There is no driver, or it is older than CUDA 11.8.
    """

    def __init__(self, library: Any = None) -> None:
        try:
            self._library = library or ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
            for name, types in _FUNCTIONS.items():
                function = getattr(self._library, name)
                function.argtypes, function.restype = types, _INT
        except (OSError, AttributeError) as error:
            raise RuntimeError(f"CUDA's driver cannot be used ({error}); install a current NVIDIA driver.") from error
        self._launch, self._get_current = self._library.cuLaunchKernelEx, self._library.cuCtxGetCurrent
        # Since CUDA 12.4; before, the first launch does it.
        self._load = getattr(self._library, "cuFuncLoad", None)
        if self._load is not None:
            self._load.argtypes, self._load.restype = [_POINTER], _INT
        self.check(self._library.cuInit(0), "cannot start")

    def check(self, result: int, fault: str) -> None:
        """Raise an error if a call did not succeed.

        Raises:
            RuntimeError: ``result`` is not 0.
        """
        if result:
            name, text = ctypes.c_char_p(), ctypes.c_char_p()
            self._library.cuGetErrorName(result, ctypes.byref(name))
            self._library.cuGetErrorString(result, ctypes.byref(text))
            known = ": ".join(part.value.decode() for part in (name, text) if part.value)
            raise RuntimeError(f"CUDA {fault} ({known or f'error {result}'}).")

    def device(self, index: int) -> int:
        """Return the device at torch's index."""
        device = _INT()
        self.check(self._library.cuDeviceGet(ctypes.byref(device), index), f"has no device {index}")
        return device.value

    def max_shared_bytes(self, device: int) -> int:
        """Return how much shared memory a block can have."""
        value = _INT()
        result = self._library.cuDeviceGetAttribute(ctypes.byref(value), DEVICE_MAX_SHARED_BYTES, device)
        self.check(result, "cannot be asked its shared memory")
        return value.value

    def primary_context(self, device: int) -> int:
        """Return the context that torch uses on a device."""
        context = _POINTER()
        result = self._library.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)
        self.check(result, "has no context on the device")
        return context.value or 0

    def current_context(self) -> int:
        """Return the context of this thread, 0 if it has none."""
        context = _POINTER()
        self.check(self._get_current(ctypes.byref(context)), "cannot be asked its context")
        return context.value or 0

    def push(self, context: int) -> None:
        """Make a context that of this thread."""
        self.check(self._library.cuCtxPushCurrent_v2(context), "cannot use the device in this thread")

    def pop(self) -> None:
        """Go back to the context before `push`."""
        self.check(self._library.cuCtxPopCurrent_v2(ctypes.byref(_POINTER())), "cannot leave the device's context")

    def module(self, cubin: bytes, name: str) -> int:
        """Load machine code into the current context."""
        module = _POINTER()
        self.check(self._library.cuModuleLoadData(ctypes.byref(module), cubin), f"cannot load {name}")
        return module.value or 0

    def function(self, module: int, name: str) -> int:
        """Return a kernel, on the device already: a kernel that is loaded at its first launch cannot be captured."""
        function = _POINTER()
        result = self._library.cuModuleGetFunction(ctypes.byref(function), module, name.encode())
        self.check(result, f"cannot find the kernel {name}")
        if self._load is not None:
            self.check(self._load(function), f"cannot load the kernel {name}")
        return function.value or 0

    def attribute(self, function: int, attribute: int) -> int:
        """Return a property of a kernel."""
        value = _INT()
        result = self._library.cuFuncGetAttribute(ctypes.byref(value), attribute, function)
        self.check(result, "cannot be asked about a kernel")
        return value.value

    def set_attribute(self, function: int, attribute: int, value: int) -> None:
        """Set a property of a kernel."""
        self.check(self._library.cuFuncSetAttribute(function, attribute, value), f"cannot set {attribute} to {value}")

    def launch(self, config: int, function: int, parameters: int) -> int:
        """Launch a kernel in the current context and return the result, for `check`.

        Args:
            config: Address of a `LaunchConfig`.
            function: The kernel.
            parameters: Address of an array with the address of each parameter.
        """
        result: int = self._launch(config, function, parameters, None)
        return result
