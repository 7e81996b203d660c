"""What a binary's bytes are made of, package by package, from the symbols of the same program linked with them."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from runbook.chapters.compile.build import Built, compile_in
from runbook.chapters.compile.decide import linker_flags
from runbook.elf.image import Image
from runbook.elf.sections import section_hashes
from runbook.errors import BuildFailed
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.show.figures import bars
from runbook.show.picture import Picture
from runbook.show.tables import table

KEPT = "packages.json"
"""Beside the binary, so that it is counted once for each build."""
NM = Script('GOTOOLCHAIN=local "$2" tool nm -size "$3" >"$1"', limit=120.0)
"""Into a file: 30,000 lines, which take two seconds, are nothing for the journal's logs."""
LINE = re.compile(r"^\s*([0-9a-f]+)\s+(\d+)\s+\S\s(.*)$")
LINKERS = re.compile(r"(?:type|go):|type\.|go\.(?:itab|string|func|buildid|importpath|builtin|interface|map)\b")
"""Names of the linker's own; with a dot instead of the colon before Go 1.20."""
SHOWN = 12
SAME_CODE = (".text",)
"""Sections that the program with symbols must share with the one that is deployed, or it is another program."""
TABLES: Mapping[str, str] = {
    ".gopclntab": "where code comes from (.gopclntab)",
    ".rodata": "types and texts (.rodata)",
}
OTHERS = "headers and the rest"
MEBIBYTE = 1 << 20


@dataclass(frozen=True, repr=False)
class Sizes:
    """Bytes of the file by package, and by table for what belongs to none; together they are the file's size."""

    service: str
    packages: Mapping[str, int] = field(hash=False)
    tables: Mapping[str, int] = field(hash=False)

    @property
    def total(self) -> int:
        return sum(self.packages.values()) + sum(self.tables.values())

    def largest(self, count: int = SHOWN) -> dict[str, int]:
        """The largest packages, what all others have, and the tables."""
        ordered = sorted(self.packages.items(), key=lambda one: (-one[1], one[0]))
        rest = sum(size for _, size in ordered[count:])
        others = {f"{len(ordered) - count} other packages": rest} if rest else {}
        return {**dict(ordered[:count]), **others, **self.tables}

    @property
    def picture(self) -> Picture:
        shown = self.largest()
        rows = ((escape(name), f"{size:,}", f"{100 * size / self.total:.1f}") for name, size in shown.items())
        drawn = bars({name: round(size / MEBIBYTE, 2) for name, size in shown.items()}, "MiB")
        caption = f"What the bytes of {self.service} are: its largest packages, and the tables that Go adds."
        return Picture(f"{self.service}-packages", caption, drawn, table(("what", "bytes", "%"), rows))

    def __str__(self) -> str:
        return f"{self.service}: {len(self.packages)} packages"

    __repr__ = __str__


def sizes_of(built: Built, shell: Shell) -> Sizes:
    """Links the program once more, with its symbols, and counts them; what was counted before is taken.

    Raises BuildFailed where it cannot be built, or where the code is not that of the binary.
    """
    name = built.recipe.service
    kept = built.path.with_name(KEPT)
    try:
        told = json.loads(kept.read_text("utf-8"))
        if told["sha256"] == built.sha256:
            return Sizes(name, told["packages"], told["tables"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    with tempfile.TemporaryDirectory(dir=built.path.parent.parent, prefix="symbols-") as scratch:
        folder = Path(scratch)
        flag = linker_flags(built.recipe.sources, built.recipe.package).removeprefix("-s -w ")
        compile_in(built.recipe, shell, folder / "sources", folder / "whole", f"-ldflags={flag}")
        plain, symbols = section_hashes(built.path), section_hashes(folder / "whole")
        if unlike := [one for one in SAME_CODE if plain.get(one) != symbols.get(one)]:
            raise BuildFailed(f"{built.recipe}: with its symbols its {', '.join(unlike)} is another",
                              next="run the chapter again; if it stays, this Go links differently for -s")
        listing = folder / "symbols"
        shell.run(NM.command(str(listing), str(built.recipe.go.program), str(folder / "whole")))
        found = counted(name, listing.read_text("utf-8", "replace").splitlines(), built.path)
    kept.write_text(json.dumps({"sha256": built.sha256, "packages": found.packages, "tables": found.tables}) + "\n")
    return found


def counted(service: str, lines: Iterable[str], binary: Path) -> Sizes:
    """The lines of `go tool nm -size`, where the sections of the binary have bytes for them."""
    with binary.open("rb") as stream:
        image = Image(stream, str(binary))
        parts = [part for part in image.sections if part.address and part.size]
    packages: Counter[str] = Counter()
    left = Counter({part.name: part.size for part in parts})
    for line in lines:
        seen = LINE.match(line)
        if seen is None:
            continue
        address, size = int(seen[1], 16), int(seen[2])
        part = next((one for one in parts if one.address <= address < one.address + one.size), None)
        package = package_of(seen[3])
        if part is None or not package or size > left[part.name]:
            continue
        packages[package] += size
        left[part.name] -= size
    tables = {name: left.pop(section, 0) for section, name in TABLES.items()}
    tables[OTHERS] = binary.stat().st_size - sum(packages.values()) - sum(tables.values())
    return Sizes(service, dict(packages), {name: size for name, size in tables.items() if size})


def package_of(symbol: str) -> str:
    """The import path that a symbol belongs to; empty for what the linker makes for all of them."""
    plain = symbol.partition("[")[0]
    if LINKERS.match(plain):
        return ""
    folder, slash, last = plain.rpartition("/") if "(" not in plain else _before_receiver(plain)
    package, dot, _ = last.partition(".")
    if not dot:
        return ""
    return re.sub(r"%([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), f"{folder}{slash}{package}")


def _before_receiver(symbol: str) -> tuple[str, str, str]:
    """A receiver, `(*T)`, may hold slashes of its own only in what follows it."""
    before, _, _ = symbol.partition("(")
    return before.rpartition("/")
