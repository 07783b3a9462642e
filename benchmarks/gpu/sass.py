"""``python -m benchmarks.gpu.sass FILE``: what the loops of compiled kernels cost, in instructions; needs no device.

FILE is a ``.cu`` of the project (or its name), a ``.cubin``, or a library such as bitsandbytes'.  Each loop without
another one in it is printed with the number of its instructions; the one with the most loads of memory is usually the
main one.  With ``--weights``, the number that one pass of the loop takes (of all threads of a warp), also the
instructions a weight.  The disassembler is that of a CUDA toolkit or of Triton's wheel.

    python -m benchmarks.gpu.sass product.cu --kernel '^product_4x2$' --weights 8192
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FUNCTION = re.compile(r"^\s*Function : (\S+)", re.MULTILINE)
_INSTRUCTION = re.compile(r"^\s*/\*([0-9a-f]+)\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)([^;]*);", re.MULTILINE)
_USAGE = re.compile(r"Function (\S+):\s+REG:(\d+) STACK:(\d+) SHARED:(\d+) LOCAL:(\d+)")
_WARP = 32


@dataclass(frozen=True)
class Instruction:
    """A machine instruction.

    Attributes:
        address: Its address in the kernel.
        name: Its name with modifiers, ``LDG.E.128``; the predicate is left out.
        operands: The rest of it.
    """

    address: int
    name: str
    operands: str


@dataclass(frozen=True)
class Usage:
    """What a kernel takes: registers and bytes on the stack (among them what does not fit registers) of a thread."""

    registers: int
    stack: int
    local: int


def tool(name: str) -> str | None:
    """Return the path of ``cuobjdump`` or ``nvdisasm``, or None."""
    spec = importlib.util.find_spec("triton")
    roots = (spec and spec.submodule_search_locations) or ()
    folders = [*(str(Path(root) / "backends/nvidia/bin") for root in roots), "/usr/local/cuda/bin"]
    return shutil.which(name, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))


def is_possible() -> bool:
    """Return whether there is a disassembler."""
    return tool("cuobjdump") is not None and tool("nvdisasm") is not None


def disassembled(file: Path, architecture: str) -> dict[str, list[Instruction]]:
    """Return the instructions of each kernel in a cubin or library."""
    text = _cuobjdump("-sass", "-arch", architecture, str(file))
    parts = _FUNCTION.split(text)
    return {
        name: [Instruction(int(found[1], 16), found[2], found[3].strip()) for found in _INSTRUCTION.finditer(body)]
        for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def usage(cubin: Path) -> dict[str, Usage]:
    """Return what each kernel of a cubin takes."""
    text = _cuobjdump("--dump-resource-usage", str(cubin))
    return {name: Usage(int(reg), int(stack), int(local)) for name, reg, stack, _, local in _USAGE.findall(text)}


def inner_loops(instructions: list[Instruction]) -> Iterator[list[Instruction]]:
    """Yield the instructions of each loop that has no other in it: from a branch's target up to the branch."""
    spans = [
        (int(target[0], 16), each.address)
        for each in instructions
        if each.name.startswith("BRA") and (target := re.search(r"0x[0-9a-f]+", each.operands))
    ]
    loops = {(start, end) for start, end in spans if start < end}
    for start, end in sorted(loops):
        if not any((start, end) != other and start <= other[0] and other[1] <= end for other in loops):
            yield [each for each in instructions if start <= each.address <= end]


def _cuobjdump(*arguments: str) -> str:
    program, disassembler = tool("cuobjdump"), tool("nvdisasm")
    if program is None or disassembler is None:
        raise SystemExit("There is no cuobjdump and nvdisasm; install Triton or a CUDA toolkit.")
    environment = {**os.environ, "PATH": f"{Path(disassembler).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run(
        [program, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ).stdout


def _compiled(file: Path, architecture: str, is_half: bool, folder: Path) -> Path:
    """Compile a source of the project, named or given by its path."""
    from infill_completion.engine.model.cuda.kernels.runtime import cubins, nvrtc

    source = file if file.exists() else cubins.FOLDER / file.name
    headers = {path.name: path.read_text("utf-8") for path in source.parent.glob("*.cuh")}
    options = cubins.options_of(architecture, is_half)
    cubin = folder / f"{source.stem}.cubin"
    cubin.write_bytes(nvrtc.compiler().compile(source.name, source.read_text("utf-8"), headers, options).cubin)
    return cubin


def _show(loop: list[Instruction], weights: int | None, is_long: bool) -> None:
    kinds = Counter(each.name.partition(".")[0] for each in loop)
    common = ", ".join(f"{count} {name}" for name, count in kinds.most_common(12))
    # An instruction serves the 32 threads of a warp, and a weight is one thread's.
    a_weight = f", {len(loop) * _WARP / weights:.2f} a weight" if weights else ""
    print(f"  {loop[0].address:#x} to {loop[-1].address:#x}: {len(loop)} instructions{a_weight}: {common}")
    if is_long:
        print(*(f"    {each.address:04x} {each.name} {each.operands}" for each in loop), sep="\n")


def main() -> int:
    """Print the loops of the kernels that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--kernel", default="", help="a regular expression; all kernels if left out")
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--half", action="store_true", help="compile for half numbers")
    parser.add_argument("--weights", type=int, help="weights that a warp takes in one pass of the loop")
    parser.add_argument("--least", type=int, default=16, help="leave out loops of fewer instructions")
    parser.add_argument("--long", action="store_true", help="print the instructions")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.file
        if file.suffix == ".cu":
            file = _compiled(file, options.arch, options.half, Path(folder))
        used = usage(file) if file.suffix == ".cubin" else {}
        for name, instructions in disassembled(file, options.arch).items():
            if re.search(options.kernel, name):
                print(f"{name}: {len(instructions)} instructions", used.get(name, ""))
                for loop in inner_loops(instructions):
                    if len(loop) >= options.least:
                        _show(loop, options.weights, options.long)
    return 0


if __name__ == "__main__":
    sys.exit(main())
