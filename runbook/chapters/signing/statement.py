"""Where an artefact comes from, as an in-toto statement: what, from what, by which toolchain, and until when it counts.

The predicate is SLSA's provenance 1.0 (https://slsa.dev/spec/v1.0/provenance); names of our own begin with `runbook_`,
as that page asks. docs/signing.md explains each field.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from runbook.chapters.compile.decide import PLACES
from runbook.chapters.compile.passport import BinaryPassport
from runbook.elf.go import Module
from runbook.pki.envelope import moment

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILDER = "https://runbook.example/builder"
GO_BUILD, PACK = "https://runbook.example/go-build/v1", "https://runbook.example/oci-image/v1"
"""Build types: names, no pages; docs/signing.md says what each means."""
CHUNK = 1 << 20

Digest = Mapping[str, str]


@dataclass(frozen=True)
class Source:
    """One thing that went in: an in-toto resource descriptor."""

    name: str
    digest: Digest = field(hash=False)
    uri: str = ""

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name, "digest": dict(self.digest)} | ({"uri": self.uri} if self.uri else {})


@dataclass(frozen=True)
class Origin:
    """How something was made: the kind of build, what it was told, and what went in."""

    kind: str
    parameters: Mapping[str, object] = field(hash=False)
    sources: tuple[Source, ...]


def digests(path: Path) -> Digest:
    """SHA-256 and SM3, so that each signature stands on hashes of its own house."""
    one, other = hashes.Hash(hashes.SHA256()), hashes.Hash(hashes.SM3())
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            one.update(chunk)
            other.update(chunk)
    return {"sha256": one.finalize().hex(), "sm3": other.finalize().hex()}


def of_binary(seen: BinaryPassport) -> Origin:
    """A binary: from sources and modules, by the toolchain whose passport has that digest."""
    recipe = seen.built.recipe
    environment = {name: value for name, value in recipe.environment if name not in PLACES}
    sources = [Source("sources", {"sha256": recipe.sources.sha256})]
    if seen.toolchain:
        sources.append(Source("toolchain's passport", {"sha256": seen.toolchain}))
    sources += map(_module, seen.binary.go.modules if seen.binary.go else ())
    told = {"service": recipe.service, "target": recipe.target, "package": recipe.package,
            "go": recipe.go.version, "flags": list(recipe.flags), "environment": environment}
    return Origin(GO_BUILD, told, tuple(sources))


def of_image(service: str, platform: str, binary: Digest) -> Origin:
    """An image's archive: the binary, and nothing else."""
    return Origin(PACK, {"service": service, "platform": platform}, (Source(service, binary),))


def statement(
    subjects: Mapping[str, Digest], origin: Origin, *, run: str, at: datetime, until: datetime,
    beside: Iterable[Source] = (),
) -> bytes:
    """The statement's bytes, which are what is signed. `beside` came out of the same build: passport, SBOM."""
    return json.dumps({
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": dict(digest)} for name, digest in subjects.items()],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": origin.kind, "externalParameters": origin.parameters,
                "resolvedDependencies": [one.to_dict() for one in origin.sources],
            },
            "runDetails": {
                "builder": {"id": BUILDER},
                "metadata": {"invocationId": run, "finishedOn": moment(at), "runbook_expiresOn": moment(until)},
                "byproducts": [one.to_dict() for one in beside],
            },
        },
    }, sort_keys=True).encode()


def _module(module: Module) -> Source:
    """By package URL; Go's `h1:` is in-toto's dirHash, in hex instead of base64."""
    kind, _, text = module.sum.partition(":")
    digest = {"dirHash": base64.b64decode(text).hex()} if kind == "h1" else {}
    return Source(str(module), digest, f"pkg:golang/{module.path}@{module.version}")
