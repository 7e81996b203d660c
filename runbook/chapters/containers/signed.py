"""Whether what lies on a host is what somebody trusted has signed: asked of the host, by the program that checks."""

from __future__ import annotations

from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.signing.look import SIGNED, WELL, refusal
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.verdict import Verdict, Verdicts, failed, passed, skipped


def is_signed(fleet: Fleet, wanted: Deployment) -> Verdicts:
    """One verdict a host."""
    if wanted.sealed is None:
        return Verdicts((skipped(SIGNED, "the site does not ask for it: on_hosts = false in [signing]"),))
    return Verdicts(tuple(fleet.each(lambda shell: _on(shell, wanted)).values()))


def _on(shell: Shell, wanted: Deployment) -> Verdict:
    assert wanted.sealed is not None
    why = refusal(shell, wanted.sealed, wanted.path)
    return failed(SIGNED, why, shell.name) if why else passed(SIGNED, WELL, shell.name)
