"""The kernels on a CUDA device."""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import torch
from torch import Tensor

from infill_completion.engine.model.cuda.kernels.runtime import cubins
from infill_completion.engine.model.cuda.kernels.runtime.driver import (
    ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
    FUNCTION_MAX_DYNAMIC_SHARED_BYTES,
    FUNCTION_SHARED_BYTES,
    FUNCTION_SHARED_PERCENT,
    Driver,
    LaunchAttribute,
    LaunchConfig,
)
from infill_completion.engine.model.cuda.kernels.runtime.nvrtc import Binary

_OLDEST = (8, 0)
_OLDEST_OVERLAP = (9, 0)
CUDA_CHOOSES = -1
_NUMBERS = (int, float)  # a union of types takes ten times as long to check


class _Kernel:
    """A loaded kernel, with the memory that its arguments are passed in."""

    def __init__(self, name: str, function: int, parameters: str) -> None:
        self.name, self.function, self.parameters = name, function, parameters
        self._packing = struct.Struct(parameters)  # aligned as C does, which is how a kernel's parameters lie
        self._memory = ctypes.create_string_buffer(max(1, self._packing.size))
        start = ctypes.addressof(self._memory)
        # A parameter ends where the format up to it ends; its size is its alignment.
        ends = [struct.calcsize(parameters[: i + 1]) for i in range(len(parameters))]
        places = [start + end - struct.calcsize(code) for end, code in zip(ends, parameters, strict=True)]
        self._pointers = (ctypes.c_void_p * max(1, len(places)))(*places)
        self.pointers = ctypes.addressof(self._pointers)

    def set(self, arguments: tuple[Tensor | int | float, ...], index: int) -> None:
        """Write the arguments.

        Raises:
            RuntimeError: They are not those that the kernel takes, or a tensor is on another device.
        """
        try:
            values = [_value(code, given, index) for code, given in zip(self.parameters, arguments, strict=True)]
            self._packing.pack_into(self._memory, 0, *values)
        except (struct.error, ValueError, TypeError) as error:
            types = ", ".join(type(argument).__name__ for argument in arguments)
            raise RuntimeError(f"The kernel {self.name} takes {self.parameters}, not {types} ({error}).") from error


def _value(code: str, argument: Tensor | int | float, index: int) -> int | float:
    """Return what is written for an argument.

    Raises:
        TypeError: A number is given for a pointer, or a tensor for a number.
        ValueError: A tensor is on another device.
    """
    if isinstance(argument, _NUMBERS):  # first: to see that a number is no tensor takes 1 us
        if code == "P":
            raise TypeError("a pointer is passed as a tensor")
        return argument
    if code != "P":  # to read the number would wait for the device
        raise TypeError("a number is not passed as a tensor")
    if argument.get_device() != index:
        raise ValueError(f"a tensor is on {argument.device}")
    return argument.data_ptr()


class Kernels:
    """Launches the kernels of one device, for one type of numbers.

    Every kernel waits for its predecessor itself, so that it can start before that has ended if ``overlap`` is set.
    A launch may be captured in a graph; creating this object may not.

    Args:
        driver: CUDA's driver.
        index: Torch's index of the device.
        binaries: The kernels' machine code for this device.
        stream: Returns the stream to launch on.
        overlap: Whether kernels may start early (programmatic dependent launch), which takes sm_90 or later.
        shared_percent: How much of the memory that the first-level cache and shared memory share is for the latter.
            Kernels that differ in it cannot be on a multiprocessor at the same time.

    Raises:
        RuntimeError: A kernel cannot be loaded.
    """

    def __init__(
        self,
        driver: Driver,
        index: int,
        binaries: Mapping[str, Binary],
        stream: Callable[[], int],
        *,
        overlap: bool,
        shared_percent: int = CUDA_CHOOSES,
    ) -> None:
        self._driver, self._index, self._stream, self.overlap = driver, index, stream, overlap
        self._attribute = LaunchAttribute(id=ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
        self._attribute.value[0] = 1  # an int, the first of 64 bytes
        self._config = LaunchConfig(block_y=1, block_z=1, attributes=ctypes.addressof(self._attribute))
        self._config.attribute_count = int(overlap)
        self._config_address = ctypes.addressof(self._config)
        self._lock = threading.Lock()  # a launch fills memory that the kernel's launches share
        device = driver.device(index)
        self._context = driver.primary_context(device)
        self._kernels: dict[str, _Kernel] = {}
        driver.push(self._context)
        try:
            for source, binary in binaries.items():
                self._load(source, binary, driver.max_shared_bytes(device), shared_percent)
        finally:
            driver.pop()

    def launch(
        self, name: str, grid: tuple[int, int, int], block: int, shared_bytes: int, *arguments: Tensor | int | float
    ) -> None:
        """Launch a kernel, as `Launcher.launch` says."""
        kernel, config, driver = self._named(name), self._config, self._driver
        stream = self._stream()
        is_foreign = driver.current_context() != self._context  # a new thread, or another device's turn
        with self._lock:
            kernel.set(arguments, self._index)
            config.grid_x, config.grid_y, config.grid_z = grid
            config.block_x, config.shared_bytes, config.stream = block, shared_bytes, stream
            if is_foreign:
                driver.push(self._context)
            try:
                result = driver.launch(self._config_address, kernel.function, kernel.pointers)
            finally:
                if is_foreign:
                    driver.pop()
        if result:
            driver.check(result, f"cannot launch {name}, {grid} blocks of {block} threads and {shared_bytes} bytes")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the kernels' names."""
        return iter(self._kernels)

    def _named(self, name: str) -> _Kernel:
        kernel = self._kernels.get(name)
        if kernel is None:
            raise RuntimeError(f"There is no kernel {name}.")
        return kernel

    def _load(self, source: str, binary: Binary, max_shared_bytes: int, shared_percent: int) -> None:
        driver, module = self._driver, self._driver.module(binary.cubin, source)
        for name, parameters in binary.parameters.items():
            function = driver.function(module, name)
            # More than 48 KiB have to be asked for; all at once here, because a launch may be captured.
            own = driver.attribute(function, FUNCTION_SHARED_BYTES)
            driver.set_attribute(function, FUNCTION_MAX_DYNAMIC_SHARED_BYTES, max_shared_bytes - own)
            if shared_percent != CUDA_CHOOSES:
                driver.set_attribute(function, FUNCTION_SHARED_PERCENT, shared_percent)
            self._kernels[name] = _Kernel(name, function, parameters)


def load(
    device: torch.device, dtype: torch.dtype, *, overlap: bool = True, shared_percent: int = CUDA_CHOOSES
) -> Kernels:
    """Compile the kernels for a device, or take those compiled before, and load them; not while a graph is captured.

    The same kernels are loaded once, and serve every model.

    Args:
        device: A CUDA device.
        dtype: bfloat16 or float16.
        overlap: Whether kernels may start early, where the device can.
        shared_percent: As for `Kernels`.

    Raises:
        RuntimeError: The device is older than sm_80, or there is no driver, or no compiler.
        ValueError: There are no kernels for ``dtype``.
    """
    if dtype not in {torch.bfloat16, torch.float16}:
        raise ValueError(f"There are no kernels for {dtype}.")
    capability = torch.cuda.get_device_capability(device)
    if capability < _OLDEST:
        major, minor = capability
        raise RuntimeError(f"The kernels need sm_80 or later, and this device is sm_{major}{minor}.")
    index = torch.cuda.current_device() if device.index is None else device.index
    return _loaded(index, capability, dtype == torch.float16, overlap and capability >= _OLDEST_OVERLAP, shared_percent)


@cache
def _loaded(index: int, capability: tuple[int, int], is_half: bool, overlap: bool, shared_percent: int) -> Kernels:
    """Load the kernels once in a process: a device keeps them until it ends."""
    torch.cuda.synchronize(index)  # makes torch create its context
    return Kernels(
        Driver(),
        index,
        cubins.compiled(f"sm_{capability[0]}{capability[1]}", is_half),
        lambda: torch.cuda.current_stream(index).cuda_stream,
        overlap=overlap,
        shared_percent=shared_percent,
    )
