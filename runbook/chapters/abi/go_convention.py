"""Go's own calling convention, by target: what a Go's compiler does with a probe, beside what its own sources say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from runbook import targets
from runbook.chapters.abi.go_listing import STACK, THREAD, UNKNOWN, Listing, parse_listing
from runbook.chapters.compile.build import IN_FOLDER
from runbook.chapters.compile.decide import environment
from runbook.chapters.toolchain.goroot import OBJECTS
from runbook.chapters.toolchain.observe import Go
from runbook.errors import RemoteError
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.show.tables import sentence, table
from runbook.targets import Target
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

SOURCES = Path(__file__).with_name("go")
LIMIT = 120.0  # seconds; a third of one is usual
ARGUMENTS, GOROUTINE, CLOSURE = "Go's arguments", "Go's goroutine register", "Go's closure register"
NAMED = {GOROUTINE: re.compile(r"^\s*REG_?G\s*=\s*REG_(\w+)", re.MULTILINE),
         CLOSURE: re.compile(r"^\s*REG_?CTXT\s*=\s*REG_(\w+)", re.MULTILINE)}
REGISTERS = re.compile(r"^\s*(Int|Float)ArgRegs\s*=\s*(\d+)", re.MULTILINE)
ALIAS = "g"  # how most assemblers of Go write the goroutine's register, whichever it is


@dataclass(frozen=True)
class Own:
    """What the sources of a Go say of one target: how many argument registers, and the two special ones."""

    integers: int = 0
    reals: int = 0
    goroutine: str = ""
    closure: str = ""


@dataclass(frozen=True)
class GoConvention:
    """One target by one Go; `why` where nothing was compiled."""

    target: Target
    own: Own = Own()
    seen: Listing | None = None
    why: str = ""

    @property
    def in_registers(self) -> tuple[str, ...]:
        return _up_to_the_stack(self.seen.integers) if self.seen else ()

    @property
    def reals_in_registers(self) -> tuple[str, ...]:
        return _up_to_the_stack(self.seen.reals) if self.seen else ()

    @property
    def goroutine(self) -> str:
        """By its number: the alias stands for what the assembler's own sources name."""
        found = self.seen.goroutine if self.seen else ""
        return self.own.goroutine or ALIAS if found == ALIAS else found

    def __str__(self) -> str:
        return f"{self.target.name}: {'measured' if self.seen else 'not measured: ' + self.why}"


@dataclass(frozen=True, repr=False)
class GoConventions:
    """The site's target first, then every other that this Go builds for and a file describes."""

    go: Go | None
    measured: tuple[GoConvention, ...]

    def __repr__(self) -> str:
        return f"{self.go}: {self.measured[0]}" if self.go else str(self.measured[0])

    def _repr_html_(self) -> str:
        listed = ", ".join(sorted(pair for pair in self.go.targets if pair.startswith("linux/"))) if self.go else ""
        return table(("target", "integer arguments", "floating arguments", "result", "goroutine", "closure",
                      "expected from primary sources"), map(_row, self.measured)) + (
            sentence(f"go tool dist list: {listed}") if listed else "")


def _row(one: GoConvention) -> tuple[str, ...]:
    about = one.target.go
    expected = "; ".join(part for part in (
        f"goroutine {about.goroutine}" if about.goroutine else "", f"closure {about.closure}" if about.closure else "",
        f"arguments {about.arguments}" if about.arguments else "") if part)
    if one.seen is None:
        return (f"<b>{escape(one.target.name)}</b>", escape(one.why), "", "", "", "", escape(expected))
    return (f"<b>{escape(one.target.name)}</b>", _places(one.in_registers), _places(one.reals_in_registers),
            escape(one.seen.result), escape(one.goroutine), escape(one.seen.closure), escape(expected))


def _places(registers: tuple[str, ...]) -> str:
    return escape(f"{', '.join(registers)}, then the stack" if registers else STACK)


def measure_go(go: Go, site: Target, shell: Shell, home: Path) -> GoConventions:
    """Compiles the probe for every target that it can be compiled for; nothing is run."""
    others = [target for target in map(targets.load_target, targets.names()) if target.name != site.name]
    return GoConventions(go, tuple(_measure(go, target, shell, home) for target in (site, *others)))


def _measure(go: Go, target: Target, shell: Shell, home: Path) -> GoConvention:
    if not go.builds_for(target.goarch):
        return GoConvention(target, why=f"{go} does not build for linux/{target.goarch}")
    assignments = [f"{name}={value}" for name, value in environment(go, target.goarch, home)]
    words = ("env", "-i", *assignments, str(go.program), "build", "-trimpath", "-gcflags=-S", "./probe")
    try:
        told = shell.run(Script(IN_FOLDER, limit=LIMIT).command(str(SOURCES), *words))
    except RemoteError as error:
        return GoConvention(target, why=error.what)
    seen = parse_listing(told.stderr.decode("utf-8", "replace"))
    if seen is None:
        return GoConvention(target, why=f"{go} printed no listing of the probe")
    return GoConvention(target, own_sources(go.root, target), seen)


def own_sources(root: Path, target: Target) -> Own:
    """Constants of cmd/internal/obj and internal/abi; 0 argument registers where a port or a release has none."""
    folder = next((root / OBJECTS / name for name in (target.goarch, target.names.kernel)
                   if (root / OBJECTS / name).is_dir()), None)
    text = "\n".join(path.read_text("utf-8", "replace") for path in sorted(folder.glob("*.go"))) if folder else ""
    special = {what: _resolved(found[1], text) if (found := pattern.search(text)) else ""
               for what, pattern in NAMED.items()}
    count = {"Int": 0, "Float": 0}
    place = root / "src" / "internal" / "abi" / f"abi_{target.goarch}.go"
    if place.exists():
        count |= {kind: int(number) for kind, number in REGISTERS.findall(place.read_text("utf-8", "replace"))}
    return Own(count["Int"], count["Float"], special[GOROUTINE], special[CLOSURE])


def _resolved(name: str, text: str) -> str:
    """A register may have a name by its role, which is another's: S10 is X26."""
    found = re.search(rf"^\s*REG_{name}\s*=\s*REG_(\w+)", text, re.MULTILINE)
    return found[1] if found else name


def _up_to_the_stack(places: tuple[str, ...]) -> tuple[str, ...]:
    end = next((at for at, place in enumerate(places) if place in (STACK, UNKNOWN)), len(places))
    return places[:end]


def verify_go(one: GoConvention) -> Verdicts:
    """What the compiler did beside what this Go's own sources say."""
    if one.seen is None:
        return Verdicts((skipped(f"{one.target.name}: {ARGUMENTS}", one.why),))
    return Verdicts((_arguments(one, one.seen), _register(one, GOROUTINE, one.goroutine, one.own.goroutine),
                     _register(one, CLOSURE, one.seen.closure, one.own.closure)))


def _arguments(one: GoConvention, seen: Listing) -> Verdict:
    what, name = f"{one.target.name}: {ARGUMENTS}", f"abi.{one.target.name}.go"
    found = (len(one.in_registers), len(one.reals_in_registers))
    figures = {f"{name}.argument_registers": Figure(found[0], "registers"),
               f"{name}.float_argument_registers": Figure(found[1], "registers")}
    odd = [place for place in seen.integers + seen.reals if place == UNKNOWN]
    told = f"integers in {', '.join(one.in_registers)}, then the stack" if found[0] else "all on the stack"
    if odd:
        return failed(what, f"{len(odd)} arguments were found nowhere in the listing", **figures)
    if found != (one.own.integers, one.own.reals):
        return failed(what, f"{told}: {found[0]} and {found[1]} registers, and internal/abi of this Go says "
                            f"{one.own.integers} and {one.own.reals}", **figures)
    return passed(what, f"{told}, as its internal/abi says", **figures)


def _register(one: GoConvention, what: str, measured: str, said: str) -> Verdict:
    what = f"{one.target.name}: {what}"
    if measured == said or (measured == THREAD and not said):
        return passed(what, f"{measured}, as its assembler's sources say")
    if not said:
        return skipped(what, f"{measured}; its assembler's sources name none")
    return failed(what, f"{measured}, and its assembler's sources say {said}")
