"""A look at what lies on a host: whether it is what somebody trusted has signed. It leaves nothing there."""

from __future__ import annotations

from runbook.chapters.signing.on_host import LIMIT, Sealed
from runbook.chapters.visit import visit
from runbook.errors import RunbookError
from runbook.remote.shell import Shell

SIGNED = "signed by a key that is trusted"
WELL = "its ECDSA and SM2 signatures hold, and it is byte for byte what was signed"


def refusal(shell: Shell, sealed: Sealed, artefact: str) -> str:
    """Why the seal of the file at that path does not hold there; empty where it does.

    The verifier is brought along, for the host's own machine: what a host keeps might lie.
    """
    try:
        seen = visit(shell, sealed.verifiers[shell.name].path, *sealed.words(artefact), limit=LIMIT)
    except RunbookError as error:
        return error.what
    return seen.last_words if seen.exit_code else ""
