"""The article's claims about Go's own port, decided by the toolchain that the site has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.article import named_architecture, named_in
from runbook.chapters.toolchain.compiler import Compiler
from runbook.chapters.toolchain.evidence import Port, articles_target
from runbook.chapters.toolchain.observe import Go, asking
from runbook.claims.judge import Judgement, judges
from runbook.remote.shell import Shell

TRIPLET = r"triplet is (\S+)"
FIRST_CLAIMED = (1, 21)  # the release since which the article says it


@dataclass(frozen=True)
class Toolchain:
    """A Go, and what its own tree and `go env` say of the architecture that the article names."""

    go: Go
    compiler: str  # `go env CC` for it
    backend: bool  # its own package under cmd/compile/internal
    in_ssagen: tuple[str, ...]  # files of it under ssagen
    runtime_folder: bool  # runtime/<architecture>/
    runtime_files: tuple[str, ...]  # runtime/*_<architecture>.s
    vectors: tuple[str, ...] = ()  # the vector instructions that its code generator may emit

    @property
    def knows(self) -> bool:
        return self.go.builds_for(named_architecture())

    def __str__(self) -> str:
        return str(self.go)


def look_into(go: Go, shell: Shell) -> Toolchain:
    """Reads the toolchain's tree; nothing is built."""
    name = named_architecture()
    source = go.root / "src"
    told = shell.run(asking(go.program, "env", "CC", environment=(f"GOARCH={name}",)))
    ssagen = source / "cmd" / "compile" / "internal" / "ssagen"
    return Toolchain(
        go,
        told.text.strip(),
        (source / "cmd" / "compile" / "internal" / name).is_dir(),
        tuple(sorted(path.name for path in ssagen.glob(f"*{name}*"))),
        (source / "runtime" / name).is_dir(),
        tuple(sorted(path.name for path in (source / "runtime").glob(f"*_{name}.s"))),
        vector_instructions(source / "cmd" / "compile" / "internal" / name, name),
    )


def vector_instructions(generator: Path, name: str) -> tuple[str, ...]:
    """What a code generator names of its assembler's instructions that begin with V."""
    texts = (path.read_text("utf-8", "replace") for path in sorted(generator.glob("*.go")))
    return tuple(sorted({found for text in texts for found in re.findall(rf"\b{name}\.A(V[A-Z0-9]+)\b", text)}))


@judges("1-d")
def upstream_cross_compiles_for_it(seen: Toolchain) -> Judgement:
    return _upstream_has_it(seen)


@judges("2.2-a")
def it_is_an_official_port(seen: Toolchain) -> Judgement:
    return _upstream_has_it(seen)


def _upstream_has_it(seen: Toolchain) -> Judgement:
    measured = (
        f"Go {seen.go.version}: `go tool dist list` {'has' if seen.knows else 'has no'} "
        f"linux/{named_architecture()}"
    )
    if seen.go.numbers < FIRST_CLAIMED:
        return Judgement(
            None, measured, why=f"Go {seen.go.version} is older than the release that the claim is about"
        )
    if seen.knows and seen.go.origin != "version":
        return Judgement(None, measured, why="this Go is a vendor's port; upstream's own is not at hand here")
    return Judgement(seen.knows, measured)


@judges("2.2-b")
def the_back_end_is_in_ssagen(seen: Toolchain) -> Judgement:
    if not seen.knows:
        return Judgement(None, "", why=f"Go {seen.go.version} has no back end for it at all")
    own = "a package of its own" if seen.backend else "no package of its own"
    return Judgement(
        not seen.backend and bool(seen.in_ssagen), f"{own}, {len(seen.in_ssagen)} files in ssagen"
    )


@judges("2.2-c")
def the_runtime_has_a_folder_for_it(seen: Toolchain) -> Judgement:
    if not seen.knows:
        return Judgement(None, "", why=f"Go {seen.go.version} has no runtime for it at all")
    files = ", ".join(seen.runtime_files) or "no flat files"
    return Judgement(seen.runtime_folder, f"{'a folder' if seen.runtime_folder else 'no folder'}; {files}")


@judges("2.2-f")
def the_compiler_emits_vector_instructions(seen: Toolchain) -> Judgement:
    if not seen.knows:
        return Judgement(None, "", why=f"Go {seen.go.version} has no code generator for it at all")
    names = ", ".join(seen.vectors[:5]) + (" …" if len(seen.vectors) > 5 else "")
    return Judgement(bool(seen.vectors), f"its code generator names {len(seen.vectors)} of them: {names or 'none'}")


@judges("2.2-d")
def make_bash_sets_its_compiler(seen: Toolchain) -> Judgement:
    return Judgement(seen.compiler == f"{named_architecture()}-linux-gcc", f"go env CC says {seen.compiler}")


@judges("1-e")
def make_bash_builds_one_to_copy(seen: Port) -> Judgement:
    if seen.refusal:
        return Judgement(False, f"Go {seen.go.version}, asked for it, says: {seen.refusal}")
    if seen.copy is None or seen.copy.why:
        return Judgement(None, "", why=seen.copy.why if seen.copy else "it was not asked to build its own")
    to_copy = seen.copy.machine in articles_target().elf.machines and seen.copy.place == "bin"
    return Judgement(to_copy, f"Go {seen.go.version}: for it, {seen.copy}")


@judges("2.2-g")
def net_is_built_on_getifaddrs(seen: Port) -> Judgement:
    if not seen.by_netlink and not seen.by_library:
        return Judgement(None, "", why=f"Go {seen.go.version} came without the sources of package net")
    netlink = f"by netlink in {', '.join(seen.by_netlink)}" if seen.by_netlink else "not by netlink"
    library = f"by getifaddrs in {', '.join(seen.by_library)}" if seen.by_library else "getifaddrs in no file"
    return Judgement(bool(seen.by_library), f"package net finds interfaces {netlink}; {library}")


@judges("2.4-a")
def the_compilers_triplet_is_the_named_one(seen: Port) -> Judgement:
    if seen.target.goarch != named_architecture():
        why = f"it needs a C compiler for {named_architecture()}; this site's target is {seen.target.name}"
        return Judgement(None, "", why=why)
    if not isinstance(seen.compiler, Compiler):
        return Judgement(None, "", why=str(seen.compiler))
    triplet = named_in("2.4-a", TRIPLET)
    return Judgement(seen.compiler.machine == triplet, f"gcc -dumpmachine says {seen.compiler.machine}")


@judges("2.4-b")
def upstreams_tools_need_a_patch(seen: Port) -> Judgement:
    """By config.sub, which binutils, GCC and glibc share: a name that it refuses, none of their configures takes."""
    if not seen.config_sub:
        return Judgement(None, "", why="GNU config.sub is not on this machine: install autotools-dev")
    told = "; ".join(f"{name}: {said or 'known'}" for name, said in seen.triplets.items())
    return Judgement(all(seen.triplets.values()), f"config.sub of {seen.config_sub}: {told}")


@judges("2.4-c")
def the_stages_come_in_the_named_order(seen: Port) -> Judgement:
    """By a build that came to its end. What the named order leaves out is told, whatever becomes of the four."""
    if not seen.built:
        return Judgement(None, "", why=f"no C toolchain was built from source here ({seen.compiler}): `toolchain.c` of "
                                       "the site names sources; the installation manuals have the named order, and "
                                       "the kernel headers before glibc besides")
    named = [part.split()[0] for part in named_in("2.4-c", r"order is (.+)").split(", ")]
    left_out = [source for source in seen.built if source not in named]
    besides = f"; the named order leaves out {', '.join(left_out)}" if left_out else ""
    if len(seen.built) - len(left_out) < len(named):
        return Judgement(None, "", why=f"the build went no further than {', '.join(seen.built)}")
    return Judgement([one for one in seen.built if one in named] == named,
                     f"built from {', '.join(seen.built)}{besides}")
