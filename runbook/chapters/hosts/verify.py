"""Whether the hosts can be worked on: asked anew, one verdict for each prerequisite and host."""

from __future__ import annotations

from runbook.chapters.hosts.clock import Offsets
from runbook.chapters.hosts.decide import Prerequisites
from runbook.chapters.hosts.memory import DISKS, Disks
from runbook.chapters.hosts.observe import basis_of
from runbook.chapters.hosts.system import INIT, UNAME, Init, Uname
from runbook.chapters.hosts.tools import SUDO, TOOLS, Sudo, Tools
from runbook.remote.question import Answers, HostAnswers, Unanswered
from runbook.targets import Target
from runbook.verdict import Basis, Figure, Verdict, Verdicts, blocked, failed, passed, skipped

REACHED, SUDO_ALLOWED, TOOLS_THERE = "reached", "sudo without a password", "tools of the runbook"
MACHINE, CLOCKS, SPACE, MANAGER = "the target's machine", "clock", "disk space", "systemd"


def ready_for_work(
    answers: Answers, offsets: Offsets, target: Target, wanted: Prerequisites | None = None
) -> Verdicts:
    """One verdict for each prerequisite and host, from fresh answers to START_QUESTIONS."""
    wanted = wanted or Prerequisites()
    verdicts: list[Verdict] = []
    for host in answers:
        verdicts += _of_host(host, offsets, target, wanted)
    return Verdicts(tuple(verdicts))


def _of_host(answers: HostAnswers, offsets: Offsets, target: Target, wanted: Prerequisites) -> list[Verdict]:
    host = answers.host
    if answers.error is not None:
        return [blocked(REACHED, str(answers.error), host)]
    verdicts = [passed(REACHED, "answers questions over its connection", host)]
    verdicts.append(_sudo(host, answers[SUDO]))
    verdicts.append(_tools(host, answers[TOOLS]))
    verdicts.append(_machine(host, answers[UNAME], target))
    verdicts.append(_clock(host, offsets, wanted))
    verdicts.append(_space(host, answers[DISKS], wanted))
    verdicts.append(_manager(host, answers[INIT], wanted))
    return verdicts


def _sudo(host: str, sudo: Sudo | Unanswered) -> Verdict:
    if isinstance(sudo, Unanswered):
        return blocked(SUDO_ALLOWED, sudo.why, host)
    if not sudo.allowed:
        return blocked(SUDO_ALLOWED, f"{sudo}; allow it in a file of /etc/sudoers.d", host)
    return passed(SUDO_ALLOWED, "changes can be made as root", host)


def _tools(host: str, tools: Tools | Unanswered) -> Verdict:
    if isinstance(tools, Unanswered):
        return blocked(TOOLS_THERE, tools.why, host)
    if tools.missing:
        return blocked(TOOLS_THERE, f"{tools}; install coreutils", host)
    return passed(TOOLS_THERE, "a POSIX sh and coreutils are there", host)


def _machine(host: str, uname: Uname | Unanswered, target: Target) -> Verdict:
    """Another machine is no failure: a rehearsal runs the target's programs under an emulator and says so."""
    if isinstance(uname, Unanswered):
        return blocked(MACHINE, uname.why, host)
    if basis_of(uname, target) is Basis.NATIVE:
        return passed(MACHINE, f"it is {target.name}", host)
    return skipped(MACHINE, f"it is not {target.name}: what runs there is emulated, if it runs at all", host)


def _clock(host: str, offsets: Offsets, wanted: Prerequisites) -> Verdict:
    offset = offsets.by_host.get(host)
    if offset is None:
        return blocked(CLOCKS, offsets.why_not.get(host, "its clock could not be compared with ours"), host)
    figure = Figure(round(offset.seconds, 4), "s", host)
    limit = f"{wanted.clock_apart:g} s"
    if offset.most < wanted.clock_apart:
        return passed(CLOCKS, f"within {limit} of ours", host, offset=figure)
    if abs(offset.seconds) - offset.uncertainty >= wanted.clock_apart:
        return failed(CLOCKS, f"{offset}: more than {limit} from ours; set it by chrony", host, offset=figure)
    return skipped(CLOCKS, f"{offset}: the connection is too slow to tell whether it is within {limit}", host)


def _space(host: str, disks: Disks | Unanswered, wanted: Prerequisites) -> Verdict:
    if isinstance(disks, Unanswered):
        return blocked(SPACE, disks.why, host)
    short = [
        f"{folder} has {system.free >> 20} MiB"
        for folder, system in disks.by_folder
        if system.free < wanted.free
    ]
    if short:
        return blocked(SPACE, f"{', '.join(short)} free; {wanted.free >> 20} MiB are needed", host)
    return passed(SPACE, f"at least {wanted.free >> 20} MiB are free wherever files will go", host)


def _manager(host: str, init: Init | Unanswered, wanted: Prerequisites) -> Verdict:
    if isinstance(init, Unanswered):
        return blocked(MANAGER, init.why, host)
    if not init.is_systemd or init.version is None:
        return blocked(MANAGER, f"{init}: services are run by systemd, which this host does not have", host)
    if init.version < wanted.systemd:
        return blocked(MANAGER, f"systemd {init.version} is older than {wanted.systemd}", host)
    return passed(MANAGER, f"systemd {wanted.systemd} or later is process 1", host)
