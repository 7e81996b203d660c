"""A C toolchain's passport: what it is by content and how it was made; without it no later step takes a compiler."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from runbook.chapters.toolchain.compiler import Compiler, tried
from runbook.chapters.toolchain.cross.build import log_of
from runbook.chapters.toolchain.cross.stages import (
    DONE,
    LEFT_OUT,
    StagePlan,
    read_record,
    record_of,
    sha256_of,
    words_of,
)
from runbook.errors import Blocked
from runbook.remote.command import Script
from runbook.remote.shell import Shell
from runbook.targets import Target
from runbook.toml_text import toml_text

SCHEMA = 1
DISTRIBUTION, STAGES = "distribution", "stages"
PROGRAMS = ("cc1", "cc1plus", "as", "ld")
FILES = ("libc.so.6", "libc.a", "crt1.o", "libgcc.a", "libstdc++.so.6", "libstdc++.a")
PARTS = Script("""
compiler=$1; shift
printf 'gcc\\t%s\\n' "$(readlink -f -- "$compiler")"
for name; do
  kind=-print-prog-name; case $name in *.*) kind=-print-file-name;; esac
  path=$("$compiler" "$kind=$name")
  case $path in /*) ;; *) path=$(command -v -- "$path" || :);; esac
  printf '%s\\t%s\\n' "$name" "${path:+$(readlink -f -- "$path")}"
done
""")
PACKAGE = Script("""
[ -f "$1" ] || exit 0
if command -v dpkg-query >/dev/null; then
  name=$(dpkg-query --search -- "$1" 2>/dev/null | sed 's/: .*//') || :
  [ -z "$name" ] || dpkg-query --show --showformat '${Package} ${Version}' "$name"
elif command -v rpm >/dev/null; then rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}' -f "$1" 2>/dev/null || :
fi
""")
"""Which package a file is of: Debian's and its kin's, or an rpm; nothing where neither knows it."""


@dataclass(frozen=True, repr=False)
class CPassport:
    """One C toolchain for one target; equal toolchains at the same place have equal passports, times aside."""

    target: str
    way: str                              # DISTRIBUTION or STAGES
    compiler: Compiler
    parts: dict[str, tuple[str, str]] = field(hash=False)  # path and SHA-256 by name; empty: it has none
    packages: dict[str, str] = field(hash=False, default_factory=dict)  # by part, as name and version
    sources: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    stages: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)

    def __str__(self) -> str:
        how = "as the distribution packages it" if self.way == DISTRIBUTION else f"built in {len(self.stages)} stages"
        return f"a C toolchain for {self.target}, {how}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.to_toml())}</pre>"

    @property
    def complete(self) -> bool:
        """Whether it has a C library: without one it only builds what needs none."""
        return all(self.parts.get(name, ("", ""))[1] for name in ("libc.so.6", "crt1.o"))

    def to_toml(self) -> str:
        return "# A C toolchain's passport.\n" + toml_text({
            "schema": SCHEMA, "target": self.target, "way": self.way,
            "compiler": {"program": self.compiler.program, "machine": self.compiler.machine,
                         "version": self.compiler.version},
            "parts": {_key(name): {"path": path, "sha256": sha256, "package": self.packages.get(name, "")}
                      for name, (path, sha256) in self.parts.items()},
            "source": list(self.sources), "stage": list(self.stages)})


def of_distribution(compiler: Compiler, shell: Shell) -> CPassport:
    """Of a compiler that was found on this machine: its parts, and the packages that they are of."""
    parts = _parts(compiler, shell)
    packages = {name: shell.run(PACKAGE.command(path)).text.strip() for name, (path, _) in parts.items() if path}
    return CPassport(compiler.target, DISTRIBUTION, compiler, parts, packages)


def of_stages(plan: StagePlan, target: Target, shell: Shell) -> CPassport:
    """Of a toolchain that was built, up to where it was built. Raises Blocked where its compiler was not."""
    found, recipe = plan.found, plan.found.recipe
    program = str(recipe.prefix / "bin" / f"{recipe.triplet}-gcc")
    compiler = tried(program, target, shell)
    if not isinstance(compiler, Compiler):
        left = ", ".join(str(one.stage) for one in plan.doings if one.state == LEFT_OUT)
        raise Blocked(f"{program} {compiler}" if Path(program).exists() else f"{program} was not built",
                      next=f"the build left out {left}: call it without stop_after" if left else "build its stages")
    sources = tuple({"name": one.name, "from": str(one.origin), "sha256": found.contents[one.name].sha256,
                     "patches": [f"{name}#sha256={sha256}" for name, sha256 in found.contents[one.name].patches]}
                    for one in recipe.sources)
    stages = []
    for doing in plan.doings:
        record = read_record(recipe, doing.stage.name)
        if record is None:
            continue
        words = words_of(found, doing.stage, Path("{source}"), Path("{build}"))
        stages.append({"name": doing.stage.name, "source": doing.stage.source, "key": record.key,
                       "calls": [" ".join(call) for call in words], "seconds": record.seconds,
                       "attempts": record.attempts, "log": str(log_of(recipe, doing.stage)),
                       "log_sha256": record.log_sha256, "files": len(record.files),
                       "record": str(record_of(recipe, doing.stage.name)),
                       "record_sha256": sha256_of(record_of(recipe, doing.stage.name)),
                       "check": record.checked, "state": record.state})
    return CPassport(target.name, STAGES, compiler, _parts(compiler, shell), {}, sources, tuple(stages))


def is_built(plan: StagePlan) -> bool:
    return all(one.state in (DONE, LEFT_OUT) for one in plan.doings)


def accepted(text: str, target: Target, shell: Shell) -> Compiler:
    """The compiler of a passport, looked at again: for the target, with every part as it was written down.

    Raises Blocked, with what contradicts, where the passport is none, is another target's, or is no longer true.
    """
    document = _read(text)
    wrong = _contradiction(document, target)
    if wrong:
        raise Blocked(f"the C toolchain's passport: {wrong}", next="run 02_toolchain_build again on this site")
    written = document["compiler"]
    for key, part in document["parts"].items():
        now = sha256_of(Path(part["path"])) if part["path"] else ""
        if now != part["sha256"]:
            raise Blocked(f"the C toolchain is not the one of its passport: {part['path']} ({key}) "
                          f"{'is not there' if not now else 'was changed'}",
                          next="run 02_toolchain_build again: it writes the passport of what is there")
    for stage in document.get("stage", ()):
        changed = _changed_in(stage)
        if changed:
            raise Blocked(f"the C toolchain is not the one of its passport: {changed}, of stage {stage['name']}",
                          next="run 02_toolchain_build again: it builds that stage anew")
    found = tried(written["program"], target, shell)
    if not isinstance(found, Compiler):
        raise Blocked(f"{written['program']} {found}", next="mend it, then run 02_toolchain_build again")
    if (found.machine, found.version) != (written["machine"], written["version"]):
        raise Blocked(f"{found.program} calls itself {found.machine}, {found.version}; its passport says "
                      f"{written['machine']}, {written['version']}", next="run 02_toolchain_build again on this site")
    return found


def _changed_in(stage: Mapping[str, Any]) -> str:
    """The first file of a stage that is no longer as it was made; the stage's record has all of their hashes."""
    record = Path(stage["record"])
    if sha256_of(record) != stage["record_sha256"]:
        return f"{record} was changed"
    prefix = record.parent.parent
    files = json.loads(record.read_text("utf-8"))["files"]
    return next((f"{prefix / path} was changed" for path, sha256 in files.items()
                 if sha256_of(prefix / path) != sha256), "")


def stages_of(text: str) -> tuple[str, ...]:
    """The sources of the stages that are done, in their order; none of a distribution's. Raises Blocked."""
    return tuple(one["source"] for one in _read(text).get("stage", ()))


def _contradiction(document: Mapping[str, Any], target: Target) -> str:
    try:
        if document["schema"] != SCHEMA:
            return f"its schema is {document['schema']}, not {SCHEMA}"
        if document["target"] != target.name:
            return f"it is of a toolchain for {document['target']}, not {target.name}"
        if document["way"] not in (DISTRIBUTION, STAGES):
            return f"it was made neither by the {DISTRIBUTION} nor in {STAGES}, but by {document['way']}"
        if (document["way"] == STAGES) != bool(document.get("stage")):
            return "its way and its stages contradict each other"
        program = document["compiler"]["program"]
        for key in ("machine", "version"):
            document["compiler"][key]  # missing: told below
        for one in document.get("stage", ()):
            one["name"], one["record"], one["record_sha256"], one["source"]  # missing: told below
        gcc = document["parts"]["gcc"]
        if not all(isinstance(part["path"], str) and isinstance(part["sha256"], str)
                   for part in document["parts"].values()) or not isinstance(program, str):
            return "a path or a hash in it is no string"
        return "" if gcc["sha256"] else "it has no hash of the compiler itself"
    except (KeyError, TypeError, AttributeError) as error:
        return f"the entry {error} is missing, or is no table"


def _read(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Blocked(f"the C toolchain's passport cannot be read: {error}",
                      next="run 02_toolchain_build again on this site") from error


def _parts(compiler: Compiler, shell: Shell) -> dict[str, tuple[str, str]]:
    told = shell.run(PARTS.command(compiler.program, *PROGRAMS, *FILES)).text
    parts = dict(line.partition("\t")[::2] for line in told.splitlines())
    return {name: (path, sha256_of(Path(path)) if path else "") for name, path in parts.items()}


def _key(name: str) -> str:
    """A bare key of TOML."""
    return name.replace(".", "_").replace("+", "x")
