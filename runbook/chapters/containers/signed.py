"""Whether what lies on a host is what somebody trusted has signed: asked of the host, by the program that checks."""

from __future__ import annotations

from runbook.chapters.containers.wanted import Deployment
from runbook.chapters.signing.on_host import LIMIT
from runbook.chapters.visit import visit
from runbook.errors import RunbookError
from runbook.remote.fleet import Fleet
from runbook.remote.shell import Shell
from runbook.verdict import Verdict, Verdicts, failed, passed, skipped

SIGNED = "signed by a key that is trusted"


def is_signed(fleet: Fleet, wanted: Deployment) -> Verdicts:
    """One verdict a host. The verifier is brought along and leaves nothing there: what a host keeps might lie."""
    if wanted.sealed is None:
        return Verdicts((skipped(SIGNED, "the site does not ask for it: on_hosts = false in [signing]"),))
    return Verdicts(tuple(fleet.each(lambda shell: _on(shell, wanted)).values()))


def _on(shell: Shell, wanted: Deployment) -> Verdict:
    assert wanted.sealed is not None
    program = wanted.sealed.verifiers[shell.name].path
    try:
        seen = visit(shell, program, *wanted.sealed.words(wanted.path), limit=LIMIT)
    except RunbookError as error:
        return failed(SIGNED, error.what, shell.name)
    if seen.exit_code:
        return failed(SIGNED, seen.last_words, shell.name)
    return passed(SIGNED, "its ECDSA and SM2 signatures hold, and it is byte for byte what was signed", shell.name)
