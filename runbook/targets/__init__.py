"""What is true of one architecture: data in one TOML file each, every fact with its source."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from runbook.checks import between, one_of
from runbook.errors import TargetError
from runbook.table import Reading, entry, read_table, unknown
from runbook.toml_lines import lines_of

FOLDER = Path(__file__).resolve().parent
TRIPLET = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)?-linux(-(gnu|musl)[a-z0-9]*)?")


@dataclass(frozen=True)
class Names:
    """One architecture has many names; `[names]`."""

    goarch: str = entry("GOARCH, and the architecture of an OCI platform")
    uname: tuple[str, ...] = entry("what `uname -m` may say, the kernel's own first")
    at_platform: tuple[str, ...] = entry("AT_PLATFORM of the auxiliary vector; empty: the kernel sets none")
    kernel: str = entry("ARCH of the kernel's build")
    multiarch: str = entry("Debian's multiarch tuple")
    triplets: tuple[str, ...] = entry("GNU triplets of compilers, the usual one first")
    qemu_user: str = entry("the static user-mode emulator; empty: none is known")

    @property
    def oci(self) -> str:
        """The OCI platform: `linux/` and the GOARCH."""
        return f"linux/{self.goarch}"


@dataclass(frozen=True)
class Elf:
    """How a binary tells what it is for; `[elf]`."""

    machines: tuple[int, ...] = entry("e_machine, the one in use first")
    bits: int = entry("ELF class: 32 or 64", check=between(32, 64))
    byte_order: str = entry("little or big", check=one_of("little", "big"))
    interpreters: tuple[str, ...] = entry("program interpreters of dynamic binaries, the usual one first")


@dataclass(frozen=True)
class Memory:
    """Sizes in bytes; `[memory]`."""

    page_sizes: tuple[int, ...] = entry("a kernel may use, the usual one first")
    cache_line: int = entry("expected line of the first data cache")


@dataclass(frozen=True)
class Registers:
    """The C calling convention, in the assembler's names; `[registers]`."""

    integer_arguments: tuple[str, ...] = entry("in order; more go to the stack")
    integer_results: tuple[str, ...] = entry("in order")
    return_address: str = entry("empty: on the stack")
    stack_pointer: str = entry("by its usual name")
    zero: str = entry("always zero; empty: there is none")
    callee_saved: tuple[str, ...] = entry("kept over a call, stack pointer left out")
    float_callee_saved: tuple[str, ...] = entry("floating-point registers kept over a call")
    float_arguments: tuple[str, ...] = entry("in order")
    float_results: tuple[str, ...] = entry("in order")
    stack_alignment: tuple[int, ...] = entry("bytes at a call; more than one where sources disagree")


@dataclass(frozen=True)
class Passing:
    """Where the C calling convention puts what is no plain number: registers in order, `stack`, or `address in R`
    for memory of the caller's; empty: no source says it. `[passing]`."""

    mixed: tuple[str, ...] = entry("an integer, a double, an integer, a double")
    variadic: tuple[str, ...] = entry("the same, where only the first is declared")
    small_struct: tuple[str, ...] = entry("a struct of two words")
    real_struct: tuple[str, ...] = entry("a struct of two doubles")
    large_struct: tuple[str, ...] = entry("a struct of six words")
    wide_result: tuple[str, ...] = entry("a 128-bit integer that comes back, the lower half first")
    small_result: tuple[str, ...] = entry("a struct of two words that comes back")
    real_struct_result: tuple[str, ...] = entry("a struct of two doubles that comes back")
    large_result: tuple[str, ...] = entry("where a struct of six words is to go, and then the first argument")


@dataclass(frozen=True)
class Syscall:
    """How the kernel is called; `[syscall]`."""

    instruction: str = entry("as the assembler writes it")
    number: str = entry("the register of the number")
    arguments: tuple[str, ...] = entry("registers, in order")
    numbers: dict[str, int] = entry("of a few calls")


@dataclass(frozen=True)
class Go:
    """What Go can do; `[go]`."""

    upstream: bool = entry("whether upstream Go's compiler builds for it")
    since: str = entry("upstream's first release; empty: none")
    ports: tuple[str, ...] = entry("versions of ports seen in public, where upstream has none")
    etcd_supported: bool = entry("whether etcd starts without ETCD_UNSUPPORTED_ARCH")
    level: str = entry("what the compiler may count on, as GO and the GOARCH's name in the environment has it: "
                       "the least of the hosts; empty: Go has no levels there")
    goroutine: str = entry("the register of the running goroutine; empty: no source says it")
    closure: str = entry("the register of a closure's context; empty: no source says it")
    arguments: str = entry("where Go's own convention puts arguments, and since when; empty: no source says it")


@dataclass(frozen=True)
class Trap:
    """Something that bites on this architecture; `[[trap]]`."""

    what: str = entry("what goes wrong and how it shows")
    source: str = entry("who says so")


@dataclass(frozen=True)
class Target:
    """One architecture. `sources` names where each fact is from, by its dotted key: `memory.page_sizes`.

    `legend` says what short names in sources stand for.
    """

    name: str = entry("of the file")
    title: str = entry("one line for people")
    standing: str = entry("`documented` by published standards, or `expected`: from ports, not measured",
                          check=one_of("documented", "expected"))
    names: Names = entry("its names")
    elf: Elf = entry("its binaries")
    memory: Memory = entry("its sizes")
    registers: Registers = entry("its calling convention")
    passing: Passing = entry("how it passes what is no plain number")
    syscall: Syscall = entry("its system calls")
    constants: dict[str, int] = entry("of the kernel's interface that differ between architectures")
    go: Go = entry("Go for it")
    traps: tuple[Trap, ...] = entry("what bites", (), name="trap")
    sources: Mapping[str, str] = field(default_factory=dict)
    legend: Mapping[str, str] = field(default_factory=dict)

    @property
    def goarch(self) -> str:
        return self.names.goarch

    @property
    def oci(self) -> str:
        return self.names.oci

    def __str__(self) -> str:
        return f"{self.name}: {self.title} ({self.standing})"


def names() -> tuple[str, ...]:
    """The targets that a file describes, in alphabetical order."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


@cache
def load_target(name: str) -> Target:
    """The target of that name.

    Raises TargetError: unknown, with the nearest known one; or what its file lacks.
    """
    if name not in names():
        raise TargetError(f"target `{name}`: {unknown('target', name, names())}",
                          next="a new one is one file: imitate the nearest in runbook/targets/")
    return read_target(FOLDER / f"{name}.toml")


def of_machine(uname_m: str) -> Target | None:
    """The target whose hosts answer `uname -m` with this; None when no file describes it."""
    return next((target for target in map(load_target, names()) if uname_m in target.names.uname), None)


def of_elf(e_machine: int) -> tuple[Target, ...]:
    """The targets whose binaries carry this e_machine; none for a machine that no file describes."""
    return tuple(target for target in map(load_target, names()) if e_machine in target.elf.machines)


def read_target(file: Path) -> Target:
    """Read one target file; raises TargetError with file, line and key of everything that is wrong."""
    try:
        text = file.read_text("utf-8")
        document = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise TargetError(f"{file.name}: {error}", next="mend the file") from error
    reading = Reading(file.name, file.parent, lines_of(text))
    legend = document.pop("legend", {})
    if not isinstance(legend, dict) or not all(isinstance(one, str) for one in legend.values()):
        reading.refuse(("legend",), "expected a table of strings")
    plain, sources = _without_sources(document, reading)
    values = read_table(Target, plain, reading)
    if not reading.problems:
        target = Target(**values, sources=sources, legend=legend)
        _contradictions(target, file.stem, reading)
    if reading.problems:
        raise TargetError("\n".join(reading.in_order()), next=f"mend runbook/targets/{file.name}")
    return target


def _without_sources(document: dict[str, Any], reading: Reading) -> tuple[dict[str, Any], dict[str, str]]:
    """Take `{ is = …, source = … }` apart: the values for the dataclasses, the sources by dotted key."""
    plain: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for section, table in document.items():
        if not isinstance(table, dict):
            plain[section] = table
            continue
        facts: dict[str, Any] = {}
        for name, fact in table.items():
            if not (isinstance(fact, dict) and fact.keys() == {"is", "source"} and fact["source"]):
                reading.refuse((section, name), "expected `{ is = VALUE, source = \"...\" }`")
                continue
            facts[name] = fact["is"]
            sources[f"{section}.{name}"] = fact["source"]
        plain[section] = facts
    return plain, sources


def _contradictions(target: Target, stem: str, reading: Reading) -> None:
    if target.name != stem:
        reading.refuse(("name",), f"the file is called {stem}.toml")
    if target.go.upstream != bool(target.go.since):
        reading.refuse(("go", "since"), "contradicts `upstream`")
    if target.go.upstream and target.go.ports:
        reading.refuse(("go", "ports"), "contradicts `upstream`: ports are listed where upstream has none")
    for size in target.memory.page_sizes + (target.memory.cache_line,) + target.registers.stack_alignment:
        if size < 1 or size & (size - 1):
            reading.refuse(("memory",), f"{size} is no power of two")
    if set(target.registers.integer_arguments) & set(target.registers.callee_saved):
        reading.refuse(("registers", "callee_saved"), "names an argument register")
    for what, value in (("uname", target.names.uname), ("triplets", target.names.triplets)):
        if not value:
            reading.refuse(("names", what), "is empty")
    for triplet in target.names.triplets:
        if not TRIPLET.fullmatch(triplet):
            reading.refuse(("names", "triplets"), f"{triplet!r} is no GNU triplet: CPU-VENDOR-linux-gnu")
    if len(set(target.names.triplets)) < len(target.names.triplets):
        reading.refuse(("names", "triplets"), "names one twice")
    for key, name in (("kernel", target.names.kernel), ("goarch", target.goarch)):
        if not re.fullmatch(r"[a-z0-9_]+", name):
            reading.refuse(("names", key), f"{name!r} is no name of an architecture")
    for interpreter in target.elf.interpreters:
        if not interpreter.startswith("/"):
            reading.refuse(("elf", "interpreters"), f"{interpreter!r} does not begin at the root")
    if not target.elf.machines:
        reading.refuse(("elf", "machines"), "is empty")
    if target.elf.bits not in (32, 64):
        reading.refuse(("elf", "bits"), "expected 32 or 64")
