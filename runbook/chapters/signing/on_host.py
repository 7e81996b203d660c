"""Checking on a host: verifier, envelope and trusted keys beside the artefact, and a command that may say no."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from runbook.action import Action, Place, Restore, Run
from runbook.chapters.signing.seal import Seal

PROGRAM, ENVELOPE, TRUST = "verify", "envelope.json", "trust.json"
LIMIT = 120.0  # seconds: hashing some hundred megabytes on a slow host
INLINE = "base64:"
"""How the verifier takes a text as an argument, for a look at a host that leaves nothing there."""


@dataclass(frozen=True)
class Verifier:
    """The program for one machine."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Sealed:
    """A seal, and for each host the program that checks it there."""

    seal: Seal
    verifiers: Mapping[str, Verifier] = field(hash=False)

    def before_the_start(self, host: str, artefact: str, folder: PurePosixPath) -> tuple[Action, ...]:
        """What is done before the artefact at that path is used for anything; it fails where the seal does not hold.

        By the host's own clock: who has the runbook's machine cannot make an old signature young by an argument.
        """
        program = self.verifiers[host]
        return (
            Place(str(folder / PROGRAM), program.path, program.sha256),
            _text(folder / ENVELOPE, self.seal.envelope),
            _text(folder / TRUST, self.seal.trust),
            Run(str(folder / PROGRAM), "-trust", str(folder / TRUST), "-envelope", str(folder / ENVELOPE),
                "-name", self.seal.name, artefact, limit=LIMIT),
        )

    def back(self, folder: PurePosixPath) -> tuple[Action, ...]:
        """What takes that back."""
        return tuple(Restore(str(folder / name)) for name in (ENVELOPE, TRUST, PROGRAM))

    def words(self, artefact: str) -> tuple[str, ...]:
        """The verifier's arguments for a look by itself."""
        files = (self.seal.trust, self.seal.envelope)
        trust, envelope = (INLINE + base64.b64encode(file.read_bytes()).decode() for file in files)
        return ("-trust", trust, "-envelope", envelope, "-name", self.seal.name, artefact)


def _text(path: PurePosixPath, source: Path) -> Place:
    """By digest, as an artefact is: nobody reads signatures in a plan."""
    return Place(str(path), source, hashlib.sha256(source.read_bytes()).hexdigest(), mode=0o644)
