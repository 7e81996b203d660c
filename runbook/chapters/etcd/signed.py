"""By whom etcd's programs are signed: what a host does with each before it is used, and a look at what lies there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from runbook.chapter import Chapter
from runbook.chapters.compile.artefacts import called
from runbook.chapters.compile.build import Built
from runbook.chapters.etcd.layout import CTL, PROGRAM, SEALS, UTL
from runbook.chapters.etcd.programs import Programs
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.hosts.system import UNAME, Uname
from runbook.chapters.signing.look import SIGNED, refusal
from runbook.chapters.signing.on_host import Sealed, Verifier
from runbook.chapters.signing.programs import verifier
from runbook.chapters.signing.seal import ENDING, Seal, keys_of, trust_of
from runbook.errors import Blocked
from runbook.plan import Action, Folder, RemoveFolder
from runbook.remote.shell import Shell
from runbook.verdict import Verdict, Verdicts, failed, passed, skipped
from runbook.views import Observed

WELL = "the ECDSA and SM2 signatures of etcd, etcdctl and etcdutl hold, byte for byte"


def seals_of(chapter: Chapter, programs: Programs, seen: Observed) -> Mapping[str, Sealed]:
    """Each program's seal by its SHA-256, with what checks it on each host; none where the site asks for none.

    Raises Blocked where this run has no signature of a program, or no Go builds what checks it.
    """
    if not chapter.site.signing.on_hosts:
        return {}
    keys_of(chapter)  # writes the keys that count, the site's as they are now
    checks: dict[str, Verifier] = {}
    for host, uname in seen.of(UNAME).items():
        if isinstance(uname, Uname):
            built = verifier(uname.machine, chapter.site, chapter.local)
            checks[host] = Verifier(built.path, built.sha256)
    return {one.sha256: Sealed(_seal(chapter, one), checks) for one in programs.built()}


def _seal(chapter: Chapter, built: Built) -> Seal:
    name = called(built.recipe, chapter.target.name)
    try:
        envelope = chapter.artifact(f"{name}{ENDING}")
    except Blocked as error:
        raise Blocked(f"{name}: nobody has signed it in this run, and nothing unsigned is started",
                      next="run 03_static_compile in this run, which signs what it compiles; or on_hosts = false in "
                           "[signing]: then no host checks a signature") from error
    return Seal(name, envelope.path, trust_of(chapter))


def checked(host: str, path: str, built: Built, seals: Mapping[str, Sealed]) -> tuple[Action, ...]:
    """What the host does with a program that lies at its path, before anything uses it."""
    sealed = seals.get(built.sha256)
    if sealed is None:
        return ()
    folder = _folder(path)
    return (Folder(str(folder)), *sealed.before_the_start(host, path, folder))


def unchecked(path: str, built: Built, seals: Mapping[str, Sealed]) -> tuple[Action, ...]:
    """What takes that back."""
    sealed, folder = seals.get(built.sha256), _folder(path)
    return (*sealed.back(folder), RemoveFolder(str(folder))) if sealed else ()


def _folder(path: str) -> PurePosixPath:
    return SEALS / f"runbook-{PurePosixPath(path).name}"


def programs_signed(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """One verdict a member, on all three of its programs as they lie there now."""
    if not wanted.seals:
        return Verdicts((skipped(SIGNED, "the site does not ask for it: on_hosts = false in [signing]"),))
    members = chapter.fleet.with_role("etcd")
    machines = {one.host: one[UNAME].machine for one in members.ask(UNAME) if one.error is None}
    return Verdicts(tuple(members.each(lambda shell: _on(shell, wanted, machines.get(shell.name, ""))).values()))


def _on(shell: Shell, wanted: Wanted, machine: str) -> Verdict:
    programs = wanted.programs
    if machine not in programs.etcdctl or shell.name not in next(iter(wanted.seals.values())).verifiers:
        return failed(SIGNED, f"its machine was not known when the chapter began: {machine or 'no answer'}", shell.name)
    each = {PROGRAM: programs.etcd, UTL: programs.etcdutl, CTL: programs.etcdctl[machine]}
    wrong = [why for path, built in each.items() if (why := refusal(shell, wanted.seals[built.sha256], path))]
    return failed(SIGNED, "; ".join(wrong), shell.name) if wrong else passed(SIGNED, WELL, shell.name)
