"""A module file for an older Go: what it requires in versions that this Go is known to build, and nothing newer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.chapters.portaudit.remedy import Older
from runbook.chapters.toolchain.observe import Go
from runbook.diff import unified
from runbook.errors import Blocked

NEWER_DIRECTIVES = ("toolchain", "godebug", "tool", "ignore")
"""Of go.mod, from Go 1.21 on (go.dev/ref/mod): an older one takes them for errors, and no build needs them."""
BLOCK, REQUIRE = re.compile(r"^(\w+) \($"), re.compile(r"^(?P<head>\s*(?:require )?)(?P<path>\S+) (?P<version>v\S+)")
GO = re.compile(r"^go (\d+)\.(\d+)\S*$")


@dataclass(frozen=True)
class OlderFile:
    """The text of a module file as it was and as it is to be; `pins` are what takes another version: was, now."""

    before: str
    after: str
    pins: Mapping[str, tuple[str, str]]

    @property
    def diff(self) -> str:
        return unified(self.before, self.after, before="go.mod", after="go.mod")


def older_file(text: str, go: Go, known: Iterable[Older]) -> OlderFile:
    """Pure. A requirement that is there for others alone is left out: Go names it anew, in the version they ask for."""
    versions = {one.module: one.version for one in known if one.suits(go)}
    pins: dict[str, tuple[str, str]] = {}
    lines: list[str] = []
    block = ""
    for line in text.splitlines():
        opened = BLOCK.match(line)
        block = opened[1] if opened else "" if line == ")" else block
        directive = block or line.partition(" ")[0]
        if directive in NEWER_DIRECTIVES or (line == ")" and not _opened(lines)):
            continue
        found = REQUIRE.match(line) if directive == "require" and not opened else None
        if found and found["path"] in versions:
            now = versions[found["path"]]
            if now != found["version"]:
                pins[found["path"]] = (found["version"], now)
            lines.append(f"{found['head']}{found['path']} {now}{line[found.end():]}")
        elif not (found and line.endswith("// indirect")):
            lines.append(_lowered(line, go))
    return OlderFile(text, re.sub(r"require \(\n\)\n", "", "\n".join(lines) + "\n"), pins)


def _opened(lines: Iterable[str]) -> bool:
    """Whether a block is open at the end of what was kept."""
    marks = [line for line in lines if BLOCK.match(line) or line == ")"]
    return bool(marks) and marks[-1] != ")"


def _lowered(line: str, go: Go) -> str:
    asked = GO.match(line)
    if asked and go.numbers != (0, 0) and (int(asked[1]), int(asked[2])) > go.numbers:
        return f"go {go.numbers[0]}.{go.numbers[1]}"
    return line


def require_fetched(file: OlderFile, cache: Path) -> None:
    """Raises Blocked with the command that fetches what Go's module cache lacks: an audit asks no network."""
    missing = [f"{path}@{now}" for path, (_, now) in file.pins.items()
               if not (cache / "cache" / "download" / escaped(path) / "@v" / f"{escaped(now)}.zip").is_file()]
    if missing:
        raise Blocked(f"older versions that this Go builds are known, and were never fetched: {', '.join(missing)}",
                      next=f"once, where there is a network: go mod download {' '.join(missing)}")


def escaped(text: str) -> str:
    """As Go's cache writes a path: `!a` for `A` (golang.org/ref/mod, module cache)."""
    return re.sub(r"[A-Z]", lambda letter: f"!{letter[0].lower()}", text)
