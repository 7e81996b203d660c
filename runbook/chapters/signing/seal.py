"""A seal: the envelope that goes with one artefact, and the keys by which it is to be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runbook.chapter import Chapter
from runbook.chapters.signing.keys import FOLDER, TRUST, Keys, find_keys, make_keys
from runbook.chapters.signing.programs import signer
from runbook.chapters.signing.statement import Digest, Origin, Source, statement
from runbook.errors import Blocked

ENDING = ".intoto.json"


@dataclass(frozen=True, repr=False)
class Seal:
    """`name` is how the statement calls the artefact; both files are public."""

    name: str
    envelope: Path
    trust: Path

    def __str__(self) -> str:
        return f"the seal of {self.name}"

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Seals:
    """Those of what a run compiled."""

    each: tuple[Seal, ...]

    def __str__(self) -> str:
        count = len(self.each)
        what = "1 binary is" if count == 1 else f"{count} binaries are"
        return f"{what} signed with ECDSA and SM2, each with where it comes from"

    __repr__ = __str__


def keys_of(chapter: Chapter) -> Keys:
    """The site's keys where it names a folder, else the run's, made when they are first needed.

    Raises Blocked where a key is not there, has expired, or may be read by others, or where no Go builds what signs.
    """
    site = chapter.site
    sm2 = signer(site, chapter.local).path
    own = chapter.run.folder / FOLDER
    if site.signing.keys is None and not (own / TRUST).exists():
        keys = make_keys(own, sm2, chapter.local, at=now(), lifetime=timedelta(days=site.signing.days))
    else:
        keys = find_keys(site.signing.keys or own, sm2)
    if lapsed := [str(key) for key in keys.public if key.not_after <= now()]:
        raise Blocked(f"{keys.folder}: {' and '.join(lapsed)} expired: no host would take what is signed now",
                      next="`runbook new-keys FOLDER` makes new ones for the site; a new run makes its own")
    trust = trust_of(chapter)
    trust.write_text(keys.trust, "utf-8")
    chapter.run.keep(TRUST, trust)
    return keys


def seal(
    chapter: Chapter, keys: Keys, name: str, subjects: Mapping[str, Digest], origin: Origin, *,
    file: Path | None = None, beside: Sequence[Source] = (),
) -> Seal:
    """Signs a statement on the subjects, of which `name` is one; kept as `NAME.intoto.json` unless `file` is elsewhere.

    Raises Blocked and RunbookError where a key cannot be used.
    """
    at = now()
    until = min(at + timedelta(days=chapter.site.signing.days), *(key.not_after for key in keys.public))
    payload = statement(subjects, origin, run=chapter.run.name, at=at, until=until, beside=beside)
    text = keys.sign(payload, chapter.local)
    path = file or chapter.run.artifacts / f"{name}{ENDING}"
    path.write_text(text, "utf-8")
    if file is None:
        chapter.run.keep(path.name, path)
    return Seal(name, path, trust_of(chapter))


def is_of_signatures(artifact: str) -> bool:
    """Whether an artefact of that name says who vouches for another, and is nothing that was built."""
    return artifact == TRUST or artifact.endswith(ENDING)


def trust_of(chapter: Chapter) -> Path:
    """The keys that count in this run, as `keys_of` wrote them."""
    return chapter.run.artifacts / TRUST


def now() -> datetime:
    """The moment of signing, in whole seconds as the statement has it."""
    return datetime.now(UTC).replace(microsecond=0)
