"""Applying remedies: copies of the modules in a folder of their own, a module file that takes them, and the proof."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runbook.chapters.compile.build import HOME, IN_FOLDER, LIMIT
from runbook.chapters.compile.decide import environment
from runbook.chapters.portaudit.audit import Audit, audit
from runbook.chapters.portaudit.cause import Finding
from runbook.chapters.portaudit.graph import EVERYTHING, Module, tools_of
from runbook.chapters.portaudit.older import older_file, require_fetched
from runbook.chapters.portaudit.remedy import Remedy, folder_in
from runbook.chapters.toolchain.observe import Go
from runbook.diff import unified
from runbook.errors import CommandFailed, UsageError
from runbook.remote.command import Script, command
from runbook.remote.shell import Shell
from runbook.targets import Target

ROUNDS = 6
"""What is mended uncovers what waited for it; a graph that still fails after so many rounds needs a person."""

RECORD = "port.json"
DIFF = "port.diff"
"""Of the copies against the modules as they came: whole, while what is shown of it is short."""
OVERLAY = "overlay.json"
"""Files of the module itself, which cannot be replaced, and is not changed (`go help build`, -overlay)."""

COMPILED = (".go", ".s", ".h")


@dataclass(frozen=True)
class Ported:
    """What was written, in its order, with how many files of each changed, and the audit after it."""

    folder: Path
    applied: tuple[tuple[Finding, Remedy], ...]
    changed: tuple[int, ...]
    after: Audit
    given: tuple[str, ...] = ()  # flags of the audit

    @property
    def modfile(self) -> Path:
        return self.folder / "go.mod"

    @property
    def flags(self) -> tuple[str, ...]:
        """What a build with the port is given."""
        return (f"-modfile={self.modfile}", *self.given, *_overlaid(self.folder))

    def __str__(self) -> str:
        done = [f"✓ {finding.package or finding.where}: {remedy.title}, {count} files" for (finding, remedy), count
                in zip(self.applied, self.changed, strict=True)]
        how = f"every change is in {self.folder / DIFF}; build with: go build {' '.join(self.flags)}"
        return "\n".join([*done, str(self.after), *([how] if done else [])])


def apply(first: Audit, go: Go, target: Target, shell: Shell, into: Path, *, patterns: tuple[str, ...] = (),
          flags: tuple[str, ...] = ()) -> Ported:
    """Writes copies and a module file into a new folder, and audits with them until nothing more is known to help.

    Nothing of the module itself and nothing of Go's module cache is changed: Go refuses to overlay its cache, and a
    changed one would be everybody's. The copies leave no trace in a binary's build info but the replacement's path,
    so `port.json` there says what they are. `flags` are those of the first audit. Raises UsageError where the folder
    is there already, Blocked where an older version was never fetched.
    """
    if into.exists() and any(into.iterdir()):
        raise UsageError(f"{into}: is not empty", next="name a folder that is not there yet")
    into.mkdir(parents=True, exist_ok=True)
    for name in ("go.mod", "go.sum"):
        if (first.folder / name).exists():
            shutil.copyfile(first.folder / name, into / name)
    now = first
    applied: list[tuple[Finding, Remedy]] = []
    diffs: list[list[str]] = []
    older: dict[str, tuple[str, str]] = {}
    for _ in range(ROUNDS):
        helpful = {finding: remedy for finding, remedy in now.remedies.items() if (finding, remedy) not in applied}
        if not helpful:
            break
        for finding, remedy in helpful.items():
            assert finding.module is not None
            if remedy.older:
                diffs.append(list(_take_older(into, first.folder, remedy, go, target, shell,
                                               (*flags, "--", *patterns), older)))
                applied.append((finding, remedy))
                continue
            copy = None if finding.module.is_main else _copy_of(finding.module, first.folder, into, go, shell)
            diffs.append(list(_mend(copy, into, finding, remedy, go, target)))
            applied.append((finding, remedy))
        now = audit(first.folder, go, target, shell, patterns=patterns, modfile=into / "go.mod",
                    flags=(*flags, *_overlaid(into)))
    _record(into, applied, target, go, older)
    (into / DIFF).write_text("\n".join(text for texts in diffs for text in texts) + "\n")
    return Ported(into, tuple(applied), tuple(map(len, diffs)), now, flags)


def _take_older(into: Path, main: Path, remedy: Remedy, go: Go, target: Target, shell: Shell,
                asked: tuple[str, ...], taken: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Rewrites the module file for this Go, and has Go name what else that needs; the diff, where it is another then.

    Once for all findings: the versions were tried together. Raises Blocked where one was never fetched.
    """
    file = into / "go.mod"
    wanted = older_file(file.read_text("utf-8"), go, remedy.older)
    if wanted.after == wanted.before:
        return
    require_fetched(wanted, Path(go.settings["GOMODCACHE"]))
    taken |= wanted.pins
    file.write_text(wanted.after, "utf-8")
    pairs = {**dict(environment(go, target.goarch, HOME)), "GOFLAGS": "-mod=mod", "GOSUMDB": "off"}
    everything = () if asked[-1] != "--" else tools_of(main) or (EVERYTHING,)
    words = ("env", "-i", *(f"{name}={value}" for name, value in pairs.items()), str(go.program), "list", "-e", "-deps",
             f"-modfile={file}", *asked, *everything)
    with contextlib.suppress(CommandFailed):  # what is wrong is named when the packages are listed
        shell.run(Script(IN_FOLDER, limit=LIMIT).command(str(main), *words))
    yield replace(wanted, after=file.read_text("utf-8")).diff


def _overlaid(into: Path) -> tuple[str, ...]:
    return (f"-overlay={into / OVERLAY}",) if (into / OVERLAY).exists() else ()


def _copy_of(module: Module, main: Path, into: Path, go: Go, shell: Shell) -> Path:
    """The module's copy, made at its first finding and named in the module file.

    Go reads a replaced module's own go.mod again, and wants the sums of what that names: they come from its cache.
    """
    copy = into / "modules" / module.path
    if not copy.exists():
        shutil.copytree(module.folder, copy)
        for path in (copy, *copy.rglob("*")):  # Go keeps its cache read-only
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
        pairs = {**dict(environment(go, "", HOME)), "GOFLAGS": "-mod=mod", "GOSUMDB": "off"}
        words = ("env", "-i", *(f"{name}={value}" for name, value in pairs.items() if name not in ("GOARCH", "GOOS")))
        edit = f"-replace={module.path}={copy.resolve()}"
        shell.run(command(*words, str(go.program), "mod", "edit", edit, str(into / "go.mod")))
        with contextlib.suppress(CommandFailed):  # what the cache lacks is named when the packages are listed
            more = ("mod", "download", f"-modfile={into / 'go.mod'}")
            shell.run(Script(IN_FOLDER, limit=LIMIT).command(str(main), *words, str(go.program), *more))
    return copy


def _mend(copy: Path | None, into: Path, finding: Finding, remedy: Remedy, go: Go, target: Target) -> Iterator[str]:
    """Changes the copy, or for the module itself the overlay; the diff of each file that is another one then."""
    assert finding.module is not None
    for folder, after in _wanted(copy or Path(finding.module.folder), finding, remedy, go, target).items():
        before = _sources((copy or Path(finding.module.folder)) / folder)
        for name in sorted(before.keys() | after.keys()):
            was, new = before.get(name), after.get(name)
            if was == new:
                continue
            if copy is None:
                _overlay(into, Path(finding.module.folder), f"{folder}/{name}".lstrip("/"), new)
            elif new is None:
                (copy / folder / name).unlink()
            else:
                (copy / folder / name).write_text(new)
            path = "/".join(filter(None, (finding.module.path, folder, name)))
            yield unified(was, new or "", before=path if was is not None else "/dev/null", after=path)


def _wanted(module: Path, finding: Finding, remedy: Remedy, go: Go, target: Target) -> dict[str, dict[str, str]]:
    """The sources as they should be, by the package's folder and the file's name."""
    own = remedy.folder_for(finding, go, target)
    if own is not None:  # a toolchain's copy comes without tests, and they are what proves it
        was = _sources(module / folder_in(finding))
        tests = {name: text for name, text in was.items() if name.endswith("_test.go")}
        return {folder_in(finding): tests | _sources(own)}
    found: dict[str, dict[str, str]] = {}
    for file in remedy.files_for(finding, target):
        sources = found.setdefault(file.package, _sources(module / file.package))
        sources[file.name.format(goarch=target.goarch)] = file.text
    return found


def _overlay(into: Path, module: Path, name: str, text: str | None) -> None:
    """A file of the module itself as the builds shall see it; None: as if it were not there."""
    file = into / OVERLAY
    told = json.loads(file.read_text()) if file.exists() else {"Replace": {}}
    told["Replace"][str(module / name)] = ""
    if text is not None:
        path = into / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        told["Replace"][str(module / name)] = str(path)
    file.write_text(json.dumps(told, indent=1) + "\n")


def _sources(package: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8", "replace") for path in sorted(package.iterdir())
            if path.is_file() and path.suffix in COMPILED}


def _record(into: Path, applied: list[tuple[Finding, Remedy]], target: Target, go: Go,
            older: Mapping[str, tuple[str, str]]) -> None:
    """What a passport says of a binary that is built with these copies; the hash is over names and contents."""
    modules: dict[str, dict[str, str]] = {
        module.path: {"version": module.version, "remedy": remedy.title, "source": remedy.source,
                      "sha256": _hash(into / ("own" if module.is_main else f"modules/{module.path}"))}
        for finding, remedy in applied if (module := finding.module) and not remedy.older}
    for remedy in (one for _, one in applied if one.older):
        modules |= {path: {"version": now, "instead_of": was, "remedy": remedy.title, "source": remedy.source}
                    for path, (was, now) in older.items()}
    told = {"schema": 1, "target": target.name, "go": go.version, "modules": modules}
    (into / RECORD).write_text(json.dumps(told, indent=1) + "\n")


def _hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = Path(root, name)
            digest.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
