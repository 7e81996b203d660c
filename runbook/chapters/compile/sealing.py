"""Signing what was compiled: a statement of its own for each binary, and a look that both signatures hold."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.compile.artefacts import Artefacts
from runbook.chapters.compile.bill import ENDING as BILL
from runbook.chapters.compile.passport import ENDING, Passports
from runbook.chapters.signing.on_host import Sealed
from runbook.chapters.signing.programs import verifier
from runbook.chapters.signing.seal import Seal, Seals, keys_of, seal
from runbook.chapters.signing.statement import Source, digests, of_binary
from runbook.remote.command import command
from runbook.verdict import Verdicts, failed, passed

SIGNED = "signed"
REFUSED = {1: "the verifier's way to say no"}


def sealed(chapter: Chapter, made: Artefacts, passports: Passports) -> Seals:
    """Signs each binary with where it comes from; what goes with it is named by digest too."""
    keys = keys_of(chapter)
    return Seals(tuple(
        seal(chapter, keys, made.called(one.built), {made.called(one.built): digests(one.built.path)}, of_binary(one),
             beside=tuple(_beside(chapter, made.called(one.built))))
        for one in passports.each))


def _beside(chapter: Chapter, name: str) -> Iterator[Source]:
    for ending in (ENDING, BILL):
        path = chapter.run.artifacts / f"{name}{ending}"
        if path.exists():
            yield Source(path.name, {"sha256": chapter.artifact(path.name).sha256})


def are_signed(chapter: Chapter, made: Artefacts, seals: Seals) -> Verdicts:
    """Each binary by the program that the hosts run; and that it refuses one whose last byte is another."""
    program = verifier(os.uname().machine, chapter.site, chapter.local).path

    def refusal(one: Seal, path: Path) -> str:
        told = chapter.local.run(command(str(program), *Sealed(one, {}).words(str(path)), also=REFUSED))
        return told.stderr.decode("utf-8", "replace").strip() if told.exit_code else ""

    wrong = [f"{one.name}: {said}" for one, built in zip(seals.each, made, strict=True)
             if (said := refusal(one, built.path))]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        data = made.deployed.path.read_bytes()
        copy.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        if not refusal(seals.each[0], copy):
            wrong.append(f"{seals.each[0].name}: a copy with a changed byte was taken for what was signed")
    well = "the ECDSA and the SM2 signature of each binary hold, and a copy with a changed byte is refused"
    return Verdicts((failed(SIGNED, "; ".join(wrong)) if wrong else passed(SIGNED, well),))
