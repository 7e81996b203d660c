"""A toolchain's passport: what it is by content, so that later chapters can tell it from another of the same name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from runbook.chapters.toolchain.compiler import Compiler, NoCompiler
from runbook.chapters.toolchain.goroot import OBJECTS as OBJECTS
from runbook.chapters.toolchain.goroot import sources_sha256
from runbook.chapters.toolchain.observe import Go, asking
from runbook.digest import sha256_of
from runbook.errors import RemoteError
from runbook.remote.shell import Shell
from runbook.site import ROOT
from runbook.targets import Target
from runbook.toml_text import toml_text

FILE = "toolchain.toml"
"""How it is called among a run's artefacts."""
TOOLS = ("compile", "asm", "link")
SETTINGS = ("GOHOSTOS", "GOHOSTARCH", "GOEXPERIMENT", "CGO_ENABLED", "CC")


@dataclass(frozen=True, repr=False)
class Passport:
    """One Go for one target; equal toolchains have equal passports, on any day."""

    target: str
    go: Go
    version_file: str  # SHA-256
    program: str  # SHA-256 of bin/go
    sources: str  # SHA-256 over the names and contents of all files below src
    source_files: int
    tools: dict[str, str] = field(hash=False)  # what each says of itself; empty: it does not run
    settings: dict[str, str] = field(hash=False)
    listed: bool  # in `go tool dist list`
    assembler: str  # the folder below src/cmd/internal/obj; empty: none
    compiler: Compiler | NoCompiler

    def __str__(self) -> str:
        return f"{self.go}, {'knows' if self.knows else 'does not know'} linux/{self.target}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """The passport itself, for people."""
        return f"<pre>{escape(self.to_toml())}</pre>"

    @property
    def knows(self) -> bool:
        """Whether the toolchain is whole for the target: it says so, and its assembler is there."""
        return self.listed and bool(self.assembler)

    @property
    def silent(self) -> tuple[str, ...]:
        """Host tools that do not run."""
        return tuple(name for name, said in self.tools.items() if not said)

    def to_toml(self) -> str:
        """The passport as it is kept."""
        compiler = ({"program": self.compiler.program, "machine": self.compiler.machine,
                     "version": self.compiler.version}
                    if isinstance(self.compiler, Compiler) else {"none": self.compiler.why})
        return "# A toolchain's passport: what built this run's programs.\n" + toml_text({
            "schema": 1,
            "target": self.target,
            "go": {"version": self.go.version, "origin": self.go.origin, "root": _from_the_project(self.go.root),
                   "version_file_sha256": self.version_file, "program_sha256": self.program,
                   "sources_sha256": self.sources, "source_files": self.source_files,
                   "tools": self.tools, "settings": self.settings},
            "port": {"in_dist_list": self.listed, "assembler": self.assembler},
            "c_compiler": compiler,
        })


def passport(go: Go, target: Target, compiler: Compiler | NoCompiler, shell: Shell) -> Passport:
    """Reads the whole tree (a second for 130 MB) and asks the tools; nothing is built."""
    sources, files = sources_sha256(go.root / "src")
    assembler = next((name for name in (target.goarch, target.names.kernel)
                      if (go.root / OBJECTS / name).is_dir()), "")
    variant = f"GO{target.goarch.upper()}"  # GOAMD64, GORISCV64; empty where Go knows none
    asked = asking(go.program, "env", "-json", *SETTINGS, variant,
                   environment=("GOOS=linux", f"GOARCH={target.goarch}"))
    return Passport(
        target.goarch, go, _sha256(go.root / "VERSION"), _sha256(go.program), sources, files,
        {name: _version_of(go, name, shell) for name in TOOLS},
        {name: str(value) for name, value in json.loads(shell.run(asked).text).items()},
        go.builds_for(target.goarch), assembler, compiler)


def _from_the_project(path: Path) -> str:
    """As the project sees it, so that a passport is the same wherever the project lies."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _sha256(path: Path) -> str:
    """Empty where the file is not there: a tree that was never released has no VERSION."""
    try:
        return sha256_of(path)
    except FileNotFoundError:
        return ""


def _version_of(go: Go, tool: str, shell: Shell) -> str:
    try:
        return shell.run(asking(go.program, "tool", tool, "-V=full")).text.strip()
    except RemoteError:  # it may hang, too
        return ""
