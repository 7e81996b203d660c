"""The article's claims about ports of containerd and runc: what a host of that architecture says of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from runbook.chapters.article import named_architecture, named_in
from runbook.chapters.sections import sections
from runbook.claims.judge import Judgement, judges
from runbook.errors import Blocked
from runbook.remote.command import Script
from runbook.remote.fleet import Fleet
from runbook.targets import of_elf, of_machine

PORTED = Script(r"""
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; LC_ALL=C; export PATH LC_ALL
nowhere=/run/runbook-no-containerd.sock  # a daemon that is asked for its version writes a file of its own, for good
echo '== machine'; uname -m
for one in containerd runc; do
  there=$(command -v "$one" 2>/dev/null) || continue
  echo "== $one version"; "$there" --version 2>&1 </dev/null
  echo "== $one elf"; od -An -tx1 -j4 -N16 "$there"
done
command -v ctr >/dev/null 2>&1 && {
  echo '== client'; ctr -a "$nowhere" --connect-timeout 1ms version 2>/dev/null </dev/null; }
command -v runc >/dev/null 2>&1 && { echo '== features'; runc features 2>/dev/null </dev/null; }
:
""", sudo=True)
"""Of each program what it says, and bytes 4 to 19 of its ELF header: class, byte order, and e_machine at the end."""

VERSION = re.compile(r"\b(\d+\.\d+\.\d+)")
GO = re.compile(r"\bgo:? version:? *(go\S+)|^go: (go\S+)", re.IGNORECASE | re.MULTILINE)
REVISION = re.compile(r"^containerd \S+ \S+ (\S+)", re.MULTILINE)  # what it was built from, its last word
OFFICIAL = "7c3aca7a610df76212171d200ca3811ff6096eb8"
"""The commit of containerd's own tag v1.7.13, which its released `containerd --version` names. A build with changes
has `.m` behind it (containerd's Makefile), a package its own version."""
LITTLE = 1  # EI_DATA, generic ABI


@dataclass(frozen=True)
class Program:
    """One program of a host; `goarch` is of its ELF header, whoever runs it: empty where no target has that number."""

    version: str
    goarch: str
    go: str
    revision: str = ""  # of containerd

    def __str__(self) -> str:
        return f"{self.version or 'of no version'} by {self.go or 'a Go that it does not tell'}"


@dataclass(frozen=True)
class Ported:
    """One host's machine, its programs by name, and the architectures for which its runc can filter system calls."""

    host: str
    goarch: str  # of the host itself; empty: no target knows its machine
    programs: Mapping[str, Program]
    filtered: tuple[str, ...] | None  # None: runc does not say, as before 1.1

    def __hash__(self) -> int:
        return hash((self.host, tuple(self.programs.items())))

    def __str__(self) -> str:
        return "one host asked for its containerd and runc"

    __repr__ = __str__


def ported(fleet: Fleet) -> Ported:
    """Asks the first host. Raises Blocked without one, and what the host raises."""
    if not len(fleet):
        raise Blocked("no host to ask", next='give one the role "service"')
    name = fleet.names[0]
    return parse_ported(name, fleet[name].run(PORTED.command()).text)


def parse_ported(host: str, text: str) -> Ported:
    parts = sections(text)
    own = of_machine(parts.get("machine", "").strip())
    programs = {}
    for name, said_go in (("containerd", parts.get("client", "")), ("runc", parts.get("runc version", ""))):
        if f"{name} version" in parts:
            version, go = VERSION.search(parts[f"{name} version"]), GO.search(said_go)
            revision = REVISION.search(parts[f"{name} version"])
            programs[name] = Program(version[1] if version else "", _goarch(parts.get(f"{name} elf", "")),
                                     (go[1] or go[2]) if go else "", revision[1] if revision else "")
    return Ported(host, own.goarch if own else "", programs, _filtered(parts.get("features", "")))


def _goarch(header: str) -> str:
    octets = bytes.fromhex("".join(header.split()))
    if len(octets) < 16:
        return ""
    machine = int.from_bytes(octets[14:16], "little" if octets[1] == LITTLE else "big")
    return next((target.goarch for target in of_elf(machine)), "")


def _filtered(text: str) -> tuple[str, ...] | None:
    """runc's own names, such as SCMP_ARCH_X86_64 (`runc features`, linux.seccomp.archs)."""
    try:
        told = json.loads(text)["linux"]["seccomp"]
        return tuple(told.get("archs") or ()) if told.get("enabled") else ()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


@judges("4.1-b")
def containerd_is_patched_for_the_architecture(seen: Ported) -> Judgement:
    other = _other(seen, "containerd", named_in("4.1-b", r"containerd (\S+)"))
    if other is not None:
        return other
    program = seen.programs["containerd"]
    if not program.revision:
        return Judgement(None, "", why="this containerd does not tell what it was built from")
    official = program.revision == OFFICIAL
    whose = "the project's own tag" if official else f"{program.revision}, which is not the project's own tag"
    return Judgement(official, f"containerd {program} runs there, built from {whose}")


@judges("4.1-c")
def runc_only_needs_to_be_compiled_again(seen: Ported) -> Judgement:
    other = _other(seen, "runc", named_in("4.1-c", r"runc (\S+)"))
    if other is not None:
        return other
    if seen.filtered is None:
        return Judgement(None, "", why="this runc does not tell for which architectures it filters system calls")
    own = [name for name in seen.filtered if named_architecture() in name.lower().replace("_", "")]
    measured = f"runc {seen.programs['runc']} runs there, and filters system calls {'too' if own else 'of others only'}"
    return Judgement(bool(own), measured)


def _other(seen: Ported, name: str, wanted: str) -> Judgement | None:
    """Why the host decides nothing: another architecture's program, none, or another version of it."""
    architecture = named_architecture()
    if seen.goarch != architecture:
        why = f"it is about {architecture}, and {name} was asked on a host of {seen.goarch or 'an unknown machine'}"
        return Judgement(None, "", why=f"{why}: a port for one says nothing of another")
    if name not in seen.programs:
        return Judgement(None, "", why=f"there is no {name} on the host")
    program = seen.programs[name]
    if program.goarch != architecture:
        return Judgement(None, "", why=f"the host's {name} is for {program.goarch or 'an unknown machine'}")
    if program.version != wanted:
        return Judgement(None, "", why=f"the host has {name} {program}, not {wanted}")
    return None
