"""From refusals to the program that seccomp runs before each system call, in classic BPF.

The machine has one accumulator and jumps forward only (https://docs.kernel.org/networking/filter.html). An
instruction is 8 bytes, `struct sock_filter`: code, how many to skip if true, how many if false, constant.
What a program can load is `struct seccomp_data` (`include/uapi/linux/seccomp.h`): the call's number at 0,
the architecture at 4, and six arguments of 64 bits from 16 on. Only the low half of an argument is
looked at, as the kernel does with the flags and small numbers that refusals are about.

The kernel works out beforehand for which calls the program always says yes, and then does not run it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from grader.sandbox.refusals import Refusal, Refuse, RefuseAnyFlag, RefuseBits, RefuseOthers, RefuseValues
from grader.sandbox.system_calls import NEWEST, Architecture

_LOAD, _AND = 0x20, 0x54
_JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT = 0x15, 0x35, 0x45
_RETURN = 0x06

_ALLOW = 0x7FFF0000
_FAIL = 0x00050000
"""With the error number in the low 16 bits."""
_KILL = 0x80000000

_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16
_ENOSYS = 38

Code = list[bytes]


def assemble(architecture: Architecture, refusals: Sequence[Refusal]) -> bytes:
    """Return the program for one architecture.

    A call through another architecture's table (32-bit programs) ends the process; one of another ABI or
    newer than our list fails as on a kernel that does not have it.
    """
    code = [
        _load(_AT_ARCHITECTURE),
        _instruction(_JUMP_EQUAL, architecture.audit, 1, 0),
        _instruction(_RETURN, _KILL),
        _load(_AT_NUMBER),
    ]
    # Numbers of a foreign ABI are higher still: one comparison refuses both.
    code += [_instruction(_JUMP_AT_LEAST, NEWEST + 1, 0, 1), _fail(_ENOSYS)]
    for refusal in refusals:
        code += _block(refusal, architecture)
    code.append(_instruction(_RETURN, _ALLOW))
    return b"".join(code)


def _block(refusal: Refusal, architecture: Architecture) -> Code:
    """Return the code of one refusal; if it does not apply, control falls out of its end."""
    match refusal:
        case Refuse(calls, error):
            numbers = [architecture.numbers[call] for call in calls if call in architecture.numbers]
            return _refuse_numbers(numbers, error)
        case RefuseAnyFlag(call, argument, flags, error):
            test = [_instruction(_JUMP_ANY_BIT, flags, 0, 1), _fail(error)]
        case RefuseBits(call, argument, mask, value, error):
            test = [_instruction(_AND, mask), _instruction(_JUMP_EQUAL, value, 0, 1), _fail(error)]
        case RefuseValues(call, argument, values, error):
            test = [*_jumps_if_any(values), _fail(error)]
        case RefuseOthers(call, argument, values, error):
            # From each value to behind the failure.
            test = [
                _instruction(_JUMP_EQUAL, value, len(values) - index, 0) for index, value in enumerate(values)
            ]
            test.append(_fail(error))
    test = [_load(_AT_ARGUMENTS + 8 * argument), *test]
    number = architecture.numbers[call]
    return [_load(_AT_NUMBER), _instruction(_JUMP_EQUAL, number, 0, len(test)), *test]


def _refuse_numbers(numbers: Sequence[int], error: int) -> Code:
    if not numbers:
        return []
    return [_load(_AT_NUMBER), *_jumps_if_any(numbers), _fail(error)]


def _jumps_if_any(values: Sequence[int]) -> Code:
    """Return comparisons: the first that is met goes on behind the last; if none is, one more is skipped."""
    last = len(values) - 1
    return [
        _instruction(_JUMP_EQUAL, value, last - index, 1 if index == last else 0)
        for index, value in enumerate(values)
    ]


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _fail(error: int) -> bytes:
    return _instruction(_RETURN, _FAIL | error)


def _instruction(code: int, constant: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, constant)
