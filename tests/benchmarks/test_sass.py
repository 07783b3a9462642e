"""Counting instructions: loops are found in a disassembler's text, whatever is on the line with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.gpu import sass
from benchmarks.gpu.sass import Instruction

TEXT = """
	code for sm_90
		Function : first
        /*0000*/                   LDC R1, c[0x0][0x28] ;                    /* 0x00000a00ff017b82 */
                                                                             /* 0x000ff00000000800 */
        /*0010*/                   LDG.E.128 R4, desc[UR10][R2.64] ;         /* 0x00000a00ff017b82 */
        /*0020*/              @!P0 IADD3 R0, R0, 0x1, RZ ;                   /* 0x00000a00ff017b82 */
        /*0030*/               @P1 BRA 0x10 ;                                /* 0x00000a00ff017b82 */
        /*0040*/             @!UP0 ULDC UR4, c[0x0][0x270] ;                 /* 0x00000a00ff017b82 */
        /*0050*/               @P2 BRA 0x0 ;                                 /* 0x00000a00ff017b82 */
        /*0060*/                   EXIT ;                                    /* 0x00000a00ff017b82 */
        /*0070*/                   BRA 0x70;                                 /* 0x00000a00ff017b82 */
		Function : second
        /*0000*/                   EXIT ;                                    /* 0x00000a00ff017b82 */
"""
USAGE = " Function first:\n  REG:166 STACK:8 SHARED:1024 LOCAL:4 CONSTANT[0]:636 TEXTURE:0 SURFACE:0 SAMPLER:0\n"


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> list[Instruction]:
    monkeypatch.setattr(sass, "_cuobjdump", lambda *_: TEXT)
    return sass.disassembled(Path("any"), "sm_90")["first"]


def test_every_instruction_is_counted_once(first: list[Instruction]) -> None:
    names = ["LDC", "LDG.E.128", "IADD3", "BRA", "ULDC", "BRA", "EXIT", "BRA"]
    assert [each.name for each in first] == names
    assert [each.address for each in first] == [0x10 * i for i in range(8)]


def test_an_inner_loop_goes_from_the_target_to_the_branch(first: list[Instruction]) -> None:
    assert [[each.name for each in loop] for loop in sass.inner_loops(first)] == [["LDG.E.128", "IADD3", "BRA"]]


def test_what_spills_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sass, "_cuobjdump", lambda *_: USAGE)
    assert sass.usage(Path("any")) == {"first": sass.Usage(registers=166, stack=8, local=4)}
