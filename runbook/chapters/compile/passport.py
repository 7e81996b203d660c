"""A binary's passport: what it is, what it is made of, what built it, and whether it can be built again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from runbook.chapters.buildhost.decide import FOLDER
from runbook.chapters.compile.build import KEPT, Built
from runbook.chapters.compile.decide import PLACES
from runbook.elf import Binary, read
from runbook.elf.leaks import leaked
from runbook.show.tables import state_mark, table
from runbook.site import ROOT
from runbook.site_tables import LOCAL
from runbook.targets import load_target
from runbook.toml_text import toml_text
from runbook.verdict import State, Verdict, Verdicts, failed, passed

SCHEMA = 1
ENDING = ".passport.toml"
NO_PATHS, STACK = "no path of this machine in it", "its stack holds no code"


@dataclass(frozen=True, repr=False)
class BinaryPassport:
    """One binary; equal builds have equal passports, on any day."""

    built: Built
    binary: Binary
    paths: tuple[str, ...]  # folders of the machine that built it, found in its bytes
    toolchain: str  # SHA-256 of the toolchain's passport; empty: it has none in this run
    ldd: str = ""  # what ldd says, for the claim; empty: it was not asked

    @property
    def name(self) -> str:
        return self.built.recipe.service

    @property
    def fits(self) -> bool:
        """For the machine that its recipe names, by the file's own header."""
        elf = load_target(self.built.recipe.target).elf
        seen = (self.binary.bits, self.binary.byte_order)
        return self.binary.machine in elf.machines and seen == (elf.bits, elf.byte_order)

    @property
    def equal(self) -> bool:
        """Whether it is what was built, and came out the same the second time."""
        return self.binary.sha256 == self.built.sha256 == self.built.again

    @property
    def ok(self) -> bool:
        return self.fits and self.binary.linking.is_static and self.equal and not self.paths \
            and not self.binary.stack_executable

    def to_toml(self) -> str:
        """The passport as it is kept; nothing in it tells of a day or of a folder, and of a machine only
        whether it was the one that runs the runbook, or which host of the site."""
        binary, recipe, go = self.binary, self.built.recipe, self.binary.go
        text = {
            "schema": SCHEMA, "name": self.name, "target": recipe.target, "sha256": binary.sha256,
            "size": binary.size, "toolchain_passport_sha256": self.toolchain,
            "elf": {
                "machine": f"{binary.machine:#x}", "right_machine": self.fits, "bits": binary.bits,
                "byte_order": binary.byte_order, "kind": binary.kind, "linking": str(binary.linking),
                "static": binary.linking.is_static, "interpreter": binary.interpreter, "needed": binary.needed,
                "relro": binary.relro, "nx": binary.stack_executable is False, "pie": binary.pie,
                "build_id": binary.gnu_build_id or binary.go_build_id, "ldd": self.ldd,
            },
            "build": {
                "on": self.built.on or LOCAL, "go": go.version if go else "", "package": go.path if go else "",
                "module": go.module if go else "", "sources_sha256": recipe.sources.sha256,
                "flags": recipe.flags, "environment": [f"{name}={value}" for name, value in recipe.environment
                                                       if name not in PLACES],
                "settings": [f"{name}={value}" for name, value in go.settings.items()] if go else [],
            },
            "reproducible": {"equal": self.equal, "again": self.built.again, "differs": self.built.differs,
                             "paths": self.paths},
            "module": [{"path": one.path, "version": one.version, "sum": one.sum, "instead_of": one.instead_of}
                       for one in (go.modules if go else ())],
        }
        return f"# The passport of {self.name}: read from the binary itself.\n" + toml_text(text)

    def __str__(self) -> str:
        go = self.binary.go.version if self.binary.go else "no Go"
        told = f"{self.binary.linking}, by {go}, {'equal when built again' if self.equal else 'another each time'}"
        return f"{self.name}: {told}, {'no path of this machine' if not self.paths else 'paths of this machine in it'}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Passports:
    """Those of all that a run compiled, the deployed one first."""

    each: tuple[BinaryPassport, ...] = field(default=())

    def __str__(self) -> str:
        return "\n".join(map(str, self.each))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        heads = ("", "", "machine", "linking", "RELRO", "NX", "PIE", "paths", "Go", "modules", "again", "size")
        return table(heads, map(_row, self.each))


def passport(built: Built, toolchain: str = "", ldd: str = "") -> BinaryPassport:
    """Reads the binary again. Raises BinaryError where it is none any more."""
    return BinaryPassport(built, read(built.path), leaked(built.path, folders_of(built)), toolchain, ldd)


def folders_of(built: Built) -> tuple[Path | str, ...]:
    """Where it was built, by what, and what the build saw: none of it belongs into the binary."""
    seen: Mapping[str, str] = dict(built.recipe.environment)
    places = (seen[name] for name in PLACES if name != "PATH" and name in seen)
    return (ROOT, KEPT, FOLDER, built.path.parent.parent, built.recipe.sources.folder, Path.home(), *places)


def verify_passports(passports: Iterable[BinaryPassport]) -> Verdicts:
    """What the ELF verdicts leave open: paths that leak, and a stack that could be executed. One verdict for all."""
    seen = tuple(passports)
    return Verdicts((
        _verdict(NO_PATHS, {one.name: ", ".join(one.paths) for one in seen if one.paths},
                 "neither of its sources, its Go nor its caches: what others build is the same"),
        _verdict(STACK, {one.name: "the stack may be executed" if one.binary.stack_executable else
                         "nothing is said of the stack" for one in seen if one.binary.stack_executable is not False},
                 "PT_GNU_STACK without the right to execute"),
    ))


def _verdict(what: str, wrong: Mapping[str, str], well: str) -> Verdict:
    return failed(what, "; ".join(f"{name}: {why}" for name, why in wrong.items())) if wrong else passed(what, well)


def _row(one: BinaryPassport) -> tuple[str, ...]:
    binary = one.binary
    return (
        state_mark(State.PASS if one.ok else State.FAIL), f"<b>{escape(one.name)}</b>", escape(binary.architecture),
        escape(str(binary.linking)), binary.relro, _yes(binary.stack_executable is False), _yes(binary.pie),
        escape(", ".join(one.paths)) or "none", escape(binary.go.version if binary.go else ""),
        str(len(binary.go.modules) if binary.go else 0), "equal" if one.equal else escape("; ".join(one.built.differs)),
        f"{binary.size / (1 << 20):.1f} MiB",
    )


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
