"""Which Go the site means, found on the machine that builds, and what it says of itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from runbook.errors import Blocked, CommandFailed, RunbookError
from runbook.remote.command import Command, Script, command
from runbook.remote.shell import Shell
from runbook.site import ROOT, GoSource, Site
from runbook.targets import Target

PREPARED = ROOT / ".cache" / "go"
"""Where setup/prepare keeps the Go that services/go.mod asks for."""
SETTINGS = ("GOMODCACHE", "GOCACHE", "GOHOSTOS", "GOHOSTARCH")


@dataclass(frozen=True)
class Go:
    """One Go toolchain; `origin` is the kind of the site's source: a `version` is upstream's own release."""

    root: Path
    version: str  # "1.26.8", as go.mod writes it
    targets: frozenset[str] = field(repr=False)  # `go tool dist list`: "linux/…"
    settings: dict[str, str] = field(hash=False, repr=False)
    origin: str

    @property
    def program(self) -> Path:
        return self.root / "bin" / "go"

    @property
    def numbers(self) -> tuple[int, int]:
        """Major and minor version; (0, 0) of a development version."""
        found = re.match(r"(\d+)\.(\d+)", self.version)
        return (int(found[1]), int(found[2])) if found else (0, 0)

    def builds_for(self, goarch: str) -> bool:
        return f"linux/{goarch}" in self.targets

    def __str__(self) -> str:
        return f"Go {self.version}"


def find_go(site: Site, shell: Shell) -> Go:
    """The site's Go on a machine; raises Blocked with the mending command where there is none."""
    source = site.toolchain.go
    if source.kind not in ("dir", "version"):
        raise Blocked(
            f'{site.file.name}: toolchain.go = "{site.toolchain.go}" is not unpacked by this version',
            next='unpack it by hand and name its folder: go = "dir:/path/of/the/go/folder"',
        )
    if source.kind == "dir":
        return _of(Path(source.where), source, shell)
    for root in (PREPARED, *_on_the_path(shell)):
        if _version_of(root) == source.where:
            return _of(root, source, shell)
    raise Blocked(
        f"Go {source.where} of the site is neither in {PREPARED.relative_to(ROOT)} nor on the PATH",
        next='setup/prepare fetches it; or name the folder of another one: go = "dir:/path" in [toolchain]',
    )


def require(go: Go, target: Target) -> None:
    """Raises Blocked where this Go does not build for the target."""
    if go.builds_for(target.goarch):
        return
    ports = f"; ports were seen at {', '.join(target.go.ports)}" if target.go.ports else ""
    hint = (
        "upstream Go has it since " + target.go.since
        if target.go.upstream
        else f"upstream Go has none{ports}"
    )
    raise Blocked(
        f"Go {go.version} in {go.root} does not build for linux/{target.goarch}: not in `go tool dist list`",
        next=f'{hint}: name such a Go in [toolchain] go = "dir:…"',
    )


def _version_of(root: Path) -> str:
    """The version that GOROOT/VERSION names; empty where there is none."""
    try:
        first = (root / "VERSION").read_text("utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return first.removeprefix("go")


def _on_the_path(shell: Shell) -> tuple[Path, ...]:
    told = shell.run(Script("command -v go >/dev/null 2>&1 && GOTOOLCHAIN=local go env GOROOT; :").command())
    return (Path(told.text.strip()),) if told.text.strip() else ()


def _of(root: Path, source: GoSource, shell: Shell) -> Go:
    if not (root / "bin" / "go").exists():
        raise Blocked(
            f"{root}: no Go there, bin/go is missing",
            next="setup/prepare fetches Go; unpack a vendor's port by hand, and name it in [toolchain] go",
        )
    try:
        listed = shell.run(_go(root, "tool", "dist", "list")).text.split()
        # The person's own `go env -w` counts for where the caches are, and for nothing else.
        settings = json.loads(shell.run(_go(root, "env", "-json", *SETTINGS)).text)
        told = shell.run(_go(root, "version")).text
    except (CommandFailed, ValueError) as error:
        tail = error.tail if isinstance(error, RunbookError) else str(error)
        raise Blocked(
            f"{root}/bin/go does not run on this machine", tail=tail, next="take a Go for this machine"
        ) from error
    version = re.search(r"\bgo(\d\S*)", told)
    return Go(root, version[1] if version else "devel", frozenset(listed), settings, source.kind)


def _go(root: Path, *words: str) -> Command:
    # Not an empty GOFLAGS: that would let what a person wrote with `go env -w` through, and an old Go may not know it.
    return command("env", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly", str(root / "bin" / "go"), *words)
