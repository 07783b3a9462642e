"""Keep AMX from this process, as a kernel without it would.

llama.cpp 0.3.36, compiled by gcc 12 on a virtual Xeon with AMX, ended with a segmentation fault where it loads the tile
configuration.  Without the permission it uses its next best products.
"""

from __future__ import annotations

import ctypes

_ARCH_PRCTL, _REQUEST_PERMISSION = 158, 0x1023  # of x86-64
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_REFUSE, _ALLOW = 0x0005_0001, 0x7FFF_0000  # EPERM
_NUMBER_AT, _ARGUMENT_AT = 0, 16
_SET_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("first", ctypes.POINTER(_Instruction)))


def refuse() -> None:
    """Refuse the permission to this process from now on.

    Raises:
        OSError: The kernel has no filters of system calls.
    """
    lines = (
        (_LOAD, 0, 0, _NUMBER_AT), (_JUMP_IF_EQUAL, 0, 3, _ARCH_PRCTL),
        (_LOAD, 0, 0, _ARGUMENT_AT), (_JUMP_IF_EQUAL, 0, 1, _REQUEST_PERMISSION),
        (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW),
    )  # fmt: skip
    instructions = (_Instruction * len(lines))(*(_Instruction(*line) for line in lines))
    program = _Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) or libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "The kernel refuses a filter of system calls.")
