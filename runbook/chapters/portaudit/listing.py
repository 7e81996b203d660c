"""`go list` in a module's folder, for a target: the one way in which the audit asks Go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.compile.build import HOME, IN_FOLDER, LIMIT
from runbook.chapters.compile.decide import environment
from runbook.chapters.toolchain.observe import Go
from runbook.errors import Blocked, CommandFailed
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target

TOO_OLD = re.compile(
    r"(?:(\S+)@(v\S+) )?requires go >= ?(\d+\.\d+)|invalid go version '(\d+\.\d+)"
    r"|unknown directive: (toolchain|tool|godebug|ignore)")
NAMED = re.compile(r"^\s*(\S+)@(v\S+): missing go\.sum entry for go\.mod file", re.MULTILINE)
SAID_SO = dict.fromkeys((1, 2), "an older Go says so where a package does not compile")
TRIMMED = ("-trimpath",)
"""As the builds have it: what they compiled is not compiled again."""
WITH_CGO: Mapping[str, str] = {"CGO_ENABLED": "1"}
"""For a list alone: no C compiler is asked."""


class TooOld(Exception):
    """A go.mod asks for a newer Go, so that nothing is listed; `wants` is the version, if that is told.

    `module` is the path and the version of the one that asks; empty where it is the module's own.
    """

    def __init__(self, words: str, wants: str, module: tuple[str, str] = ("", "")) -> None:
        super().__init__(words)
        self.wants, self.module = wants, module


@dataclass(frozen=True)
class Listing:
    """Which module, by which Go, for which target; `modfile` takes the place of its go.mod."""

    folder: Path
    go: Go
    target: Target
    shell: Shell
    modfile: Path | None = None
    flags: tuple[str, ...] = TRIMMED

    def ask(self, *patterns: str, options: tuple[str, ...] = (), instead: Mapping[str, str] | None = None
            ) -> tuple[str, str]:
        """What `go list -e -json` prints, and what it says beside it; `instead` replaces settings.

        Raises TooOld, and Blocked where it comes to no list.
        """
        HOME.mkdir(parents=True, exist_ok=True)
        pairs = {**dict(environment(self.go, self.target.goarch, HOME)), **(instead or {})}
        words = ["env", "-i", *(f"{name}={value}" for name, value in pairs.items()), str(self.go.program), "list", "-e"]
        asked = ["-json", *([f"-modfile={self.modfile}"] if self.modfile else []), "--", *patterns]
        script = Script(IN_FOLDER, limit=LIMIT, also=SAID_SO)
        try:
            result = self.shell.run(script.command(str(self.folder), *words, *self.flags, *options, *asked))
        except CommandFailed as error:
            raise self.refused(error.tail) from error
        return result.text, result.stderr.decode("utf-8", "replace")

    def refused(self, words: str) -> Exception:
        """Why there is no list."""
        old = TOO_OLD.search(words)
        if old:
            return TooOld(words.strip(), old[3] or old[4] or "", (old[1] or "", old[2] or ""))
        hint = "see Go's words above"
        if re.search(r"GOPROXY=off|missing go\.sum|module lookup disabled|cannot find module", words):
            one = NAMED.search(words)
            what = f"go mod download {one[1]}@{one[2]}" if one else "go mod download"
            hint = f"`{what}` in {self.folder}, once, where there is a network: the audit itself uses none"
        return Blocked(f"{self.folder}: {self.go} does not list its packages", tail=words, next=hint)
