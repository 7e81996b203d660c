"""The article's claims about static compiling, decided by what was built."""

from __future__ import annotations

from runbook.chapters.article import named_architecture
from runbook.chapters.compile.evidence import Evidence
from runbook.claims.judge import Judgement, judges

NOT_DYNAMIC = (
    "not a dynamic executable",
    "statically linked",
)  # glibc's ldd; of a static-pie, and of newer ones


@judges("1-b")
def pure_go_needs_no_libc(seen: Evidence) -> Judgement:
    binary = seen.binary
    measured = f"{binary.linking}: interpreter {binary.interpreter or 'none'}, needs {_named(binary.needed)}"
    return Judgement(not binary.interpreter and not binary.needed, measured)


@judges("1-f")
def a_c_compiler_is_needed(seen: Evidence) -> Judgement:
    if seen.compilers:
        why = f"the build could have used {', '.join(seen.compilers)}: they are in the toolchain's own bin"
        return Judgement(None, "", why=why)
    outcome = "was built" if seen.without_compiler else "could not be built"
    return Judgement(not seen.without_compiler, f"hello.go {outcome} with no C compiler on the PATH")


@judges("1-i")
def extldflags_forces_static(seen: Evidence) -> Judgement:
    if seen.differing:
        return Judgement(True, f"the flag changes {', '.join(seen.differing)} of {seen.compared} sections")
    return Judgement(False, f"with the flag and without, all {seen.compared} sections are equal")


@judges("1-j")
def ldd_confirms_a_static_binary(seen: Evidence) -> Judgement:
    if not seen.ldd:
        return Judgement(None, "", why="there is no ldd on the machine that builds")
    said = seen.ldd.partition("\n")[0].strip()
    return Judgement(
        seen.binary.linking.is_static and any(words in said for words in NOT_DYNAMIC), f"ldd says: {said}"
    )


@judges("2.2-e")
def linking_injects_libgcc(seen: Evidence) -> Judgement:
    needed = seen.hello.needed
    return Judgement(any(name.startswith("libgcc_s") for name in needed), f"hello.go needs {_named(needed)}")


@judges("2.2-h")
def objects_have_the_architectures_own_format(seen: Evidence) -> Judgement:
    if seen.target.goarch != named_architecture():
        why = f"the binary is for {seen.target.name}, which has a machine number of its own"
        return Judgement(None, "", why=why)
    binary = seen.binary
    measured = f"ELF{binary.bits} {binary.byte_order} endian, e_machine {binary.machine:#x}"
    return Judgement(binary.bits == 64 and binary.machine in seen.target.elf.machines, measured)


def _named(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"
