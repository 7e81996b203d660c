"""What objdump prints of four machines, read line by line."""

from __future__ import annotations

import pytest

from runbook.chapters.abi.disassembly import parse_disassembly

AMD64 = """
0000000000403680 <probe_add>:
  403680:\tf3 0f 1e fa          \tendbr64
  403684:\t8d 04 37             \tlea    (%rdi,%rsi,1),%eax
  403687:\tc3                   \tret
0000000000403688 <other>:
  403688:\t66 2e 0f 1f 84 00 00 00 00 00 \tcs nopw 0x0(%rax,%rax,1)
"""
RISCV64 = """
0000000000012100 <probe_add>:
   12100:\t9d2d                \taddw\ta0,a0,a1
   12102:\t8082                \tret
   12104:\t00a58533          \tadd\ta0,a1,a0
"""
ALPHA = """
0000000120003ab8 <probe_add>:
   120003ab8:\t00 00 11 42 \taddl\ta0,a1,v0
   120003abc:\t01 80 fa 6b \tret
   120003ac0:\t00 00 00 00 \t.long 0x0
\t...
"""


@pytest.mark.parametrize(("text", "lengths", "add"), [
    (AMD64, {4, 3, 1, 10}, ("endbr64", "lea (%rdi,%rsi,1),%eax", "ret")),
    (RISCV64, {2, 4}, ("addw a0,a0,a1", "ret", "add a0,a1,a0")),
    (ALPHA, {4}, ("addl a0,a1,v0", "ret")),
])
def test_lengths_and_the_code_of_add_are_read(text: str, lengths: set[int], add: tuple[str, ...]) -> None:
    code = parse_disassembly(text.splitlines())
    assert code.lengths == lengths and code.add == add and not code.why


@pytest.mark.parametrize("text", ["", "objdump: can't disassemble for architecture UNKNOWN!\n"])
def test_an_objdump_that_takes_nothing_apart_says_so(text: str) -> None:
    code = parse_disassembly(text.splitlines())
    assert not code.lengths and "no function" in code.why
