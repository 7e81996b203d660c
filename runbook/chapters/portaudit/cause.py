"""Why a package does not build for the target: the compiler's words, put into a class that says what helps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from runbook.chapters.portaudit.graph import EXCLUDED, Graph, Module, Package
from runbook.chapters.toolchain.observe import Go


class Cause(StrEnum):
    SYMBOL = "a symbol is missing that other architectures have in a file of their own"
    SYSCALL = "numbers of system calls are missing"
    NO_FILE = "no file is for this architecture"
    ASSEMBLY = "a function is in assembly, and there is none for this architecture"
    CGO = "it needs cgo"
    NEWER_GO = "it needs a newer Go"
    SWALLOWED = "a file is named for an architecture that this Go does not know: it is compiled for every one"
    CONSTANT = "a constant of the kernel's is written out, and is another number on the target"
    SOURCE = "an error in the sources"


@dataclass(frozen=True)
class Finding:
    """One root cause: a package, the first place, the names that are missing, and how many packages wait for it."""

    cause: Cause
    package: str
    module: Module | None
    where: str  # file:line in the package's folder; empty where the loader said it
    words: str  # the compiler's first line
    names: tuple[str, ...] = ()
    lie_in: tuple[str, ...] = ()  # files of other architectures that have what is missing
    wants: str = ""  # a version of Go
    breaks: int = 0

    def __str__(self) -> str:
        whose = str(self.module) if self.module else "the standard library"
        return f"{whose}: {self.package}: {self.cause}"


LINE = re.compile(r"^(?P<file>\S[^:\n]*):(?P<line>\d+)(?::\d+)?: (?P<words>.*)$", re.MULTILINE)
UNDEFINED = re.compile(r"(?:undefined|undeclared name): ([\w.]+)|undefined array length ([\w.]+)"
                       r"|name (\w+) not exported by package|([\w.]+) not declared by package")
OTHER_SYSTEMS = frozenset((
    "aix", "android", "darwin", "dragonfly", "freebsd", "hurd", "illumos", "ios", "js", "nacl", "netbsd", "openbsd",
    "plan9", "solaris", "wasip1", "windows", "zos"))
"""Every GOOS but linux (Go's internal/syslist)."""

NEW_LANGUAGE = re.compile(
    r"module requires Go (\d+\.\d+)|requires go ?>?=? ?(\d+\.\d+)|type parameters? require|requires go1\.(\d+)"
    r"|-lang was set to go"
)


NOT_IN_STD = re.compile(r"is not in (?:GOROOT|std)\b")


def findings(graph: Graph, go: Go, foreign: Iterable[str]) -> tuple[Finding, ...]:
    """Root causes, those that most packages wait for first. `foreign`: names of architectures of other Gos."""
    waiting = graph.waiting_for()
    found = [_of(package, graph, go, len(waiting[package.path])) for package in graph.failing]
    found += swallowed(graph, foreign)
    return tuple(sorted(found, key=lambda one: (-one.breaks, one.package)))


def _of(package: Package, graph: Graph, go: Go, breaks: int) -> Finding:
    asks = _who_asks_for_a_newer_library(package, graph)
    if asks is not None:
        words = f"package {package.path} is not in this Go's library; {asks.path} imports it"
        wants = asks.module.go if asks.module else ""
        return Finding(Cause.NEWER_GO, package.path, asks.module, "", words, wants=wants, breaks=breaks)
    lines = list(LINE.finditer(package.said))
    first = lines[0] if lines else None
    where = f"{Path(first['file']).name}:{first['line']}" if first else ""
    words = first["words"] if first else re.sub(r" in /\S*", "", package.said.splitlines()[0])
    names = tuple(dict.fromkeys(name for line in lines for name in _undefined(line["words"])))
    cause, lie_in, wants = _class(package, graph, go, names)
    return Finding(cause, package.path, package.module, where, words, names, lie_in, wants, breaks)


def _who_asks_for_a_newer_library(package: Package, graph: Graph) -> Package | None:
    """For a package of a newer Go's library, the first that imports it; the library's paths have no dot in front."""
    if not NOT_IN_STD.search(package.said) or "." in package.path.partition("/")[0]:
        return None
    return next((one for one in graph.packages.values() if one.module and package.path in one.imports), None)


def _undefined(words: str) -> Iterator[str]:
    for groups in UNDEFINED.findall(words):
        yield next(name for name in groups if name)


def _class(package: Package, graph: Graph, go: Go, names: tuple[str, ...]) -> tuple[Cause, tuple[str, ...], str]:
    said = package.said
    if EXCLUDED in said:
        others = tuple(name for name in package.ignored if not of_another_system(name))
        return (Cause.CGO, package.with_cgo, "") if package.with_cgo else (Cause.NO_FILE, others, "")
    newer = NEW_LANGUAGE.search(said)
    wants = package.module.go if package.module else ""
    if newer:
        told = next((one for one in newer.groups()[:2] if one), "") or (f"1.{newer[3]}" if newer[3] else "")
        return Cause.NEWER_GO, (), told or wants
    if "missing function body" in said:
        assembly = tuple(name for name in package.ignored if name.endswith(".s"))
        return Cause.ASSEMBLY, assembly, ""
    if names:
        calls = [name for name in names if name.rpartition(".")[2].startswith("SYS_")]
        if len(calls) == len(names):
            return Cause.SYSCALL, _defining(package, [name.rpartition(".")[2] for name in calls]), ""
        own = [package.folder / name for name in _defining(package, [name for name in names if "." not in name])]
        others = [path for name in names for path in _defining_elsewhere(package, graph, name)]
        lie_in = dict.fromkeys([*own, *others])
        if lie_in:
            cause = Cause.CGO if all(_wants_c(path) for path in lie_in) else Cause.SYMBOL
            return cause, tuple(_short(path, package) for path in lie_in), ""
        if any(_of_std(package, graph, name) for name in names):  # whatever its go.mod says
            return Cause.NEWER_GO, (), wants if _numbers(wants) > go.numbers != (0, 0) else ""
    return Cause.SOURCE, (), ""


def _numbers(version: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def of_another_system(name: str) -> bool:
    """By its name, as go/build reads it: `x_windows.go`, or with an architecture behind."""
    parts = name.removesuffix("_test.go").removesuffix(".go").split("_")[1:]
    return any(part in OTHER_SYSTEMS for part in parts[-2:])


def _defining(package: Package, names: Iterable[str]) -> tuple[str, ...]:
    """The ignored files that declare one of the names at the top level."""
    wanted = [re.escape(name) for name in names]
    if not wanted:
        return ()
    declares = re.compile(rf"^(?:(?:func|type|var|const)\s+|\t)(?:{'|'.join(wanted)})\b", re.MULTILINE)
    sources = (name for name in package.ignored if name.endswith(".go") and not of_another_system(name))
    return tuple(name for name in sources if declares.search(text_of(package.folder / name)))


def _defining_elsewhere(package: Package, graph: Graph, name: str) -> tuple[Path, ...]:
    """The same for a name of another package that it imports, such as `unix.Stat_t`."""
    qualifier, dot, own = name.partition(".")
    if not dot:
        return ()
    for path in package.imports:
        other = graph.packages.get(path)
        if other and other.module and other.name == qualifier:
            return tuple(other.folder / file for file in _defining(other, [own]))
    return ()


def _short(path: Path, package: Package) -> str:
    """The file's name; of another package with the folder before it."""
    return path.name if path.parent == package.folder else f"{path.parent.name}/{path.name}"


def _wants_c(path: Path) -> bool:
    """Whether a file is for builds with cgo alone."""
    return _imports_c(path) or re.search(r"^//go:build .*(?<![!\w])cgo\b", text_of(path), re.MULTILINE) is not None


def _of_std(package: Package, graph: Graph, name: str) -> bool:
    """Whether a name such as `atomic.Pointer` would be the standard library's."""
    qualifier, dot, _ = name.partition(".")
    others = (graph.packages.get(path) for path in package.imports)
    return bool(dot) and any(one and one.module is None and one.name == qualifier for one in others)


def swallowed(graph: Graph, foreign: Iterable[str]) -> Iterator[Finding]:
    """Files that this Go compiles for every architecture, since it does not know the one in their name.

    A //go:build line decides otherwise and is the mend; with it Go would not list them among the package's files.
    """
    endings = tuple(f"_{name}.go" for name in foreign)
    for package in graph.packages.values():
        files = tuple(name for name in package.files if endings and name.endswith(endings))
        if files and package.module is not None:
            yield Finding(Cause.SWALLOWED, package.path, package.module, files[0], "add a //go:build line", (), files)


def _imports_c(path: Path) -> bool:
    return path.suffix == ".go" and re.search(r'^(?:import\s+|\s+)"C"', text_of(path), re.MULTILINE) is not None


def text_of(path: Path) -> str:
    """A source file's text; empty where it is not there, as one of an overlay is not."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
