"""Whether a binary is what a target wants: for its machine, and static."""

from __future__ import annotations

from runbook.elf.binary import Binary, Linking
from runbook.targets import Target
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed

MACHINE = "for the right machine"
STATIC = "static"


def verdict_on(binary: Binary, target: Target) -> Verdicts:
    """Two verdicts from the file's own headers; ldd only tells what the build machine's loader thinks."""
    return Verdicts((_for_the_machine(binary, target), _is_static(binary)))


def _for_the_machine(binary: Binary, target: Target) -> Verdict:
    elf = target.elf
    wrong = []
    if binary.machine not in elf.machines:
        wanted = " or ".join(f"{machine:#x}" for machine in elf.machines)
        wrong.append(f"e_machine is {binary.machine:#x} ({binary.architecture}), {target.name} has {wanted}")
    if binary.bits != elf.bits:
        wrong.append(f"it is a {binary.bits}-bit file, {target.name} has {elf.bits}")
    if binary.byte_order != elf.byte_order:
        wrong.append(f"its byte order is {binary.byte_order} endian, {target.name}'s is {elf.byte_order}")
    if wrong:
        return failed(MACHINE, "; ".join(wrong))
    return passed(
        MACHINE,
        f"e_machine {binary.machine:#x}, {binary.bits} bits, {binary.byte_order} endian: {target.name}",
        None,
        size=Figure(binary.size, "bytes"),
    )


def _is_static(binary: Binary) -> Verdict:
    if binary.linking.is_static:
        return passed(STATIC, "no program interpreter, and no library is needed")
    if binary.linking in (Linking.LIBRARY, Linking.OBJECT):
        return failed(STATIC, f"it is no program but a {binary.linking}")
    needs = ", ".join(binary.needed) or "no library"
    return failed(STATIC, f"it starts by {binary.interpreter or 'an interpreter'} and needs {needs}")
