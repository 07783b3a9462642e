"""Launching, as far as a library that only records can tell: what libcuda would be passed, byte for byte."""

from __future__ import annotations

import ctypes
import shutil
import struct
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from infill_completion.engine.model.cuda.kernels.launcher import Launcher
from infill_completion.engine.model.cuda.kernels.runtime import cubins
from infill_completion.engine.model.cuda.kernels.runtime import kernels as device_kernels
from infill_completion.engine.model.cuda.kernels.runtime.driver import Driver, LaunchAttribute, LaunchConfig
from infill_completion.engine.model.cuda.kernels.runtime.kernels import Kernels
from infill_completion.engine.model.cuda.kernels.runtime.nvrtc import Binary
from tests.engine.model.cuda.kernels.fake_driver import MAX_SHARED_BYTES, OWN_SHARED_BYTES, FakeLibrary

PARAMETERS = {"scaled": "PiPf", "empty": "", "mixed": "iPfiP"}
CONTEXT, STREAM = 99, 4_242  # of index -1, the index of tensors on the CPU


def loaded(library: FakeLibrary, *, index: int = -1, overlap: bool = True, shared_percent: int = -1) -> Kernels:
    binaries = {"some.cu": Binary(b"\x7fELF", PARAMETERS)}
    return Kernels(Driver(library), index, binaries, lambda: STREAM, overlap=overlap, shared_percent=shared_percent)


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary(PARAMETERS)


def test_a_launch_passes_grid_block_stream_and_arguments(library: FakeLibrary) -> None:
    launcher: Launcher = loaded(library)
    x, y = torch.zeros(4), torch.zeros(4)[1:]
    launcher.launch("scaled", (3, 2, 5), 256, 70_000, x, -7, y, 0.5)
    launch = library.launches[0]
    config = launch.config
    assert launch.function == "scaled"
    assert (config.grid_x, config.grid_y, config.grid_z) == (3, 2, 5)
    assert (config.block_x, config.block_y, config.block_z) == (256, 1, 1)
    assert (config.shared_bytes, config.stream) == (70_000, STREAM)
    assert launch.arguments == struct.pack("=QiQf", x.data_ptr(), -7, y.data_ptr(), 0.5)


def test_each_parameter_lies_where_its_address_says(library: FakeLibrary) -> None:
    x, y = torch.zeros(1), torch.zeros(1)
    kernels = loaded(library)
    for number in (1, 2):  # the memory of the first launch is used again
        kernels.launch("mixed", (1, 1, 1), 32, 0, number, x, 2.5, 3, y)
        assert library.launches[-1].arguments == struct.pack("=iQfiQ", number, x.data_ptr(), 2.5, 3, y.data_ptr())


def test_a_kernel_without_parameters_can_be_launched(library: FakeLibrary) -> None:
    loaded(library).launch("empty", (1, 1, 1), 32, 0)
    assert library.launches[0].arguments == b""


def test_an_integer_for_a_float_is_passed_as_a_float(library: FakeLibrary) -> None:
    loaded(library).launch("scaled", (1, 1, 1), 32, 0, torch.zeros(1), 0, torch.zeros(1), 2)
    assert library.launches[0].arguments.endswith(struct.pack("=f", 2.0))


@pytest.mark.parametrize("overlap", [True, False])
def test_a_kernel_may_start_early_only_if_asked(library: FakeLibrary, overlap: bool) -> None:
    loaded(library, overlap=overlap).launch("empty", (1, 1, 1), 32, 0)
    assert library.launches[0].attributes == ([(6, 1)] if overlap else [])


def test_kernels_are_on_the_device_before_the_first_launch(library: FakeLibrary) -> None:
    loaded(library, shared_percent=100)
    assert sorted(library.loaded) == sorted(PARAMETERS)
    for name in PARAMETERS:
        assert library.attributes[name, 8] == MAX_SHARED_BYTES - OWN_SHARED_BYTES
        assert library.attributes[name, 9] == 100


def test_a_driver_that_loads_kernels_at_their_first_launch_is_enough(library: FakeLibrary) -> None:
    del library.cuFuncLoad  # type: ignore[attr-defined]
    loaded(library).launch("empty", (1, 1, 1), 32, 0)
    assert library.launches


@pytest.mark.parametrize("current", [[], [5], [CONTEXT]])
def test_a_launch_is_in_torchs_context_and_leaves_the_threads_own(library: FakeLibrary, current: list[int]) -> None:
    kernels = loaded(library)
    library.contexts[:] = current
    kernels.launch("empty", (1, 1, 1), 32, 0)
    assert library.launches[0].context == CONTEXT
    assert library.contexts == current


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (torch.zeros(1), 1, torch.zeros(1)),
        (torch.zeros(1), 1, torch.zeros(1), 1.0, 1),
        (3, 1, torch.zeros(1), 1.0),
        (torch.zeros(1), 1.5, torch.zeros(1), 1.0),
        (torch.zeros(1), torch.ones(1, dtype=torch.int), torch.zeros(1), 1.0),
        (torch.zeros(1), 2**31, torch.zeros(1), 1.0),
    ],
    ids=["none", "too few", "too many", "a number as a pointer", "a float as an int", "a tensor as an int",
         "too large an int"],
)  # fmt: skip
def test_wrong_arguments_are_refused_before_the_launch(library: FakeLibrary, arguments: tuple[object, ...]) -> None:
    kernels = loaded(library)
    with pytest.raises(RuntimeError, match="The kernel scaled takes PiPf"):
        kernels.launch("scaled", (1, 1, 1), 32, 0, *arguments)  # type: ignore[arg-type]
    assert not library.launches


def test_a_tensor_on_another_device_is_refused(library: FakeLibrary) -> None:
    kernels = loaded(library, index=0)
    with pytest.raises(RuntimeError, match="a tensor is on cpu"):
        kernels.launch("scaled", (1, 1, 1), 32, 0, torch.zeros(1), 1, torch.zeros(1), 1.0)


def test_an_unknown_kernel_is_named(library: FakeLibrary) -> None:
    with pytest.raises(RuntimeError, match="There is no kernel absent"):
        loaded(library).launch("absent", (1, 1, 1), 32, 0)


def test_an_error_has_cudas_name_and_text(library: FakeLibrary) -> None:
    kernels = loaded(library)
    library.results["cuLaunchKernelEx"] = 700
    with pytest.raises(RuntimeError, match=r"empty.*CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access"):
        kernels.launch("empty", (1, 1, 1), 32, 0)
    library.results.clear()
    library.results["cuModuleLoadData"] = 209
    with pytest.raises(RuntimeError, match=r"cannot load some.cu"):
        loaded(library)
    assert not library.contexts


def test_threads_do_not_mix_their_arguments(library: FakeLibrary) -> None:
    kernels, x = loaded(library), torch.zeros(1)
    library.contexts.append(CONTEXT)

    def launch(number: int) -> None:
        for _ in range(200):
            kernels.launch("scaled", (number, 1, 1), 32, 0, x, number, x, float(number))

    threads = [threading.Thread(target=launch, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(library.launches) == 800
    for found in library.launches:
        number = found.config.grid_x
        assert found.arguments == struct.pack("=QiQf", x.data_ptr(), number, x.data_ptr(), float(number))


def test_a_machine_without_a_driver_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(RuntimeError, match="install a current NVIDIA driver"):
        Driver()


@pytest.mark.parametrize("dtype", [torch.float32, torch.int8])
def test_kernels_are_for_16_bit_numbers_only(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match="There are no kernels for"):
        device_kernels.load(torch.device("cuda"), dtype)


def test_kernels_are_loaded_once_for_all_models(library: FakeLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_kernels, "_loaded", cache(device_kernels._loaded.__wrapped__))
    monkeypatch.setattr(device_kernels, "Driver", lambda: Driver(library))
    monkeypatch.setattr(cubins, "compiled", lambda architecture, is_half: {})
    replaced: dict[str, Any] = {
        "get_device_capability": lambda device: (9, 0), "synchronize": lambda index: None, "current_device": lambda: 0,
    }  # fmt: skip
    for name, value in replaced.items():
        monkeypatch.setattr(torch.cuda, name, value)
    first = device_kernels.load(torch.device("cuda"), torch.bfloat16)
    assert device_kernels.load(torch.device("cuda:0"), torch.bfloat16) is first
    assert device_kernels.load(torch.device("cuda"), torch.float16) is not first
    assert not device_kernels.load(torch.device("cuda"), torch.bfloat16, overlap=False).overlap


SIZES = {
    "sizeof(CUlaunchAttribute)": ctypes.sizeof(LaunchAttribute),
    "offsetof(CUlaunchAttribute, value)": LaunchAttribute.value.offset,
    "sizeof(CUlaunchConfig)": ctypes.sizeof(LaunchConfig),
    "offsetof(CUlaunchConfig, blockDimX)": LaunchConfig.block_x.offset,
    "offsetof(CUlaunchConfig, sharedMemBytes)": LaunchConfig.shared_bytes.offset,
    "offsetof(CUlaunchConfig, hStream)": LaunchConfig.stream.offset,
    "offsetof(CUlaunchConfig, attrs)": LaunchConfig.attributes.offset,
    "offsetof(CUlaunchConfig, numAttrs)": LaunchConfig.attribute_count.offset,
    "CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION": 6,
    "CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": 97,
    "CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES": 1,
    "CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES": 3,
    "CU_FUNC_ATTRIBUTE_NUM_REGS": 4,
    "CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES": 8,
    "CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT": 9,
}


def test_the_layouts_are_those_of_a_64_bit_machine() -> None:
    assert list(SIZES.values())[:8] == [72, 8, 56, 12, 24, 32, 40, 48]


def cuda_h() -> Path | None:
    packages = Path(torch.__file__).parent.parent
    found = [Path("/usr/local/cuda/include/cuda.h"), *sorted(packages.glob("nvidia/*/include/cuda.h"))]
    return next((path for path in found if path.exists()), None)


def test_the_layouts_are_those_of_cuda_h(tmp_path: Path) -> None:
    header, compiler = cuda_h(), shutil.which("cc")
    if header is None or compiler is None:
        pytest.skip("no cuda.h or no C compiler")
    checks = "\n".join(f'_Static_assert({name} == {value}, "{name}");' for name, value in SIZES.items())
    source = tmp_path / "layouts.c"
    source.write_text(f"#include <cuda.h>\n#include <stddef.h>\n{checks}\n")
    command = [compiler, "-std=c11", "-fsyntax-only", f"-I{header.parent}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
