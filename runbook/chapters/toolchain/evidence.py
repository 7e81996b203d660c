"""What decides the claims about building the toolchain itself: Go's tree, and the C compiler's own name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook.chapters.article import named_architecture, named_in
from runbook.chapters.toolchain.compiler import Compiler, NoCompiler
from runbook.chapters.toolchain.observe import Go
from runbook.chapters.toolchain.programs import HELLO, SOURCES
from runbook.elf import read
from runbook.errors import BinaryError, CommandFailed, RemoteError
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target, load_target, names

BUILD = Script('cd "$1" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOOS=linux GOARCH=$2 "$3" build -o /dev/null .',
               limit=60.0)
CONFIG_SUB = """
for place in /usr/share/misc /usr/share/automake-* /usr/share/libtool/build-aux; do
  [ ! -f "$place/config.sub" ] || break
done
[ -f "$place/config.sub" ] || exit 0
sed -n "s/^timestamp='\\(.*\\)'.*/\\1/p" "$place/config.sub"
for triplet; do
  printf '%s %s\\n' "$triplet" "$(sh "$place/config.sub" "$triplet" 2>&1 >/dev/null)"
done
"""
INSTALLED = Script('GOTOOLCHAIN=local GOFLAGS= GOOS=linux GOARCH=$1 "$2" list -f "{{.Target}}" cmd/go')
CROSS = Script('GOTOOLCHAIN=local GOFLAGS= GOOS=linux GOARCH=$1 CGO_ENABLED=0 "$2" build -o "$3" cmd/go', limit=900.0)
LIBRARY_CALL, KERNEL_CALL = "getifaddrs", "NetlinkRIB"


@dataclass(frozen=True)
class Copy:
    """The `go` that a tree makes for an architecture: where make.bash would put it, and for which machine it is."""

    place: str = ""  # its folder in GOROOT
    machine: int = 0  # e_machine
    why: str = ""  # it was not made

    def __str__(self) -> str:
        return f"`go` goes to {self.place}, and is for e_machine {self.machine:#x}"


@dataclass(frozen=True)
class Port:
    """The site's target and compiler, and what Go says and shows of the architecture that the article is about."""

    target: Target
    go: Go
    compiler: Compiler | NoCompiler
    refusal: str  # what Go says when asked to build for that architecture; empty: it does
    by_netlink: tuple[str, ...]  # files of package net for linux that ask the kernel for interfaces
    by_library: tuple[str, ...]  # and those that call the C library for them
    config_sub: str = ""  # the date of GNU config.sub; empty: it is not here
    triplets: Mapping[str, str] = field(default_factory=dict, hash=False)  # what it says against each; empty: it knows
    copy: Copy | None = None  # the `go` for that architecture; none: this Go refuses it
    built: tuple[str, ...] = ()  # the projects of which a C toolchain was built here, in their order

    def __str__(self) -> str:
        return f"{self.go}, {self.compiler}"


def evidence(go: Go, target: Target, compiler: Compiler | NoCompiler, shell: Shell) -> Port:
    """Reads Go's sources and asks it for the architecture that the article names; one that knows it builds its `go`."""
    try:
        shell.run(BUILD.command(str(SOURCES / HELLO), named_architecture(), str(go.program)))
        refusal = ""
    except CommandFailed as error:
        refusal = error.tail.splitlines()[-1].strip() if error.tail else error.what
    files = sorted((go.root / "src" / "net").glob("*.go"))
    texts = {path.name: path.read_text("utf-8", "replace") for path in files
             if path.name.startswith("interface") and path.stem.rpartition("_")[2] in ("interface", "linux")}
    return Port(target, go, compiler, refusal,
                tuple(name for name, text in texts.items() if KERNEL_CALL in text),
                tuple(name for name, text in texts.items() if LIBRARY_CALL in text),
                *asked_config_sub(shell), copy=None if refusal else copied(go, named_architecture(), shell))


def copied(go: Go, goarch: str, shell: Shell) -> Copy:
    """Builds the `go` that would be copied to a server of the architecture, and looks at it."""
    with tempfile.TemporaryDirectory(prefix="runbook-copy-") as folder:
        made = Path(folder) / "go"
        try:
            target = Path(shell.run(INSTALLED.command(goarch, str(go.program))).text.strip())
            shell.run(CROSS.command(goarch, str(go.program), str(made)))
            return Copy(os.path.relpath(target.parent, go.root), read(made).machine)
        except (RemoteError, BinaryError) as error:
            return Copy(why=f"its `go` for that architecture was not built: {error.what}")


def asked_config_sub(shell: Shell) -> tuple[str, dict[str, str]]:
    """What GNU config.sub says of the architecture's triplets, and its date; nothing where it is not installed."""
    named = articles_target()
    words = Script(CONFIG_SUB).command(named_in("2.4-a", r"triplet is (\S+)"), *named.names.triplets)
    date, *told = shell.run(words).text.splitlines() or [""]
    return date, dict(line.partition(" ")[::2] for line in told)


def articles_target() -> Target:
    """The target whose GOARCH the article names."""
    return next(load_target(name) for name in names() if load_target(name).goarch == named_architecture())
