"""Signing: requests are fetched, checked and signed; only public parts pass between host and runbook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook import run as runs
from runbook.chapter import Chapter
from runbook.chapters.etcd.credentials import Credentials, credentials_question
from runbook.chapters.etcd.layout import CLIENTS, PEERS, trust_file
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.etcd.wants import wants_signature
from runbook.errors import Blocked
from runbook.pki.authority import Authority, find_authority, make_authority
from runbook.pki.certificate import Certificate
from runbook.pki.request import checked
from runbook.run import Run

FOLDER = "authorities"
"""Of a run: the authorities' keys, for their owner alone. Nothing copies this folder; who removes the run's folder
removes the keys, and what the hosts have from them is taken back by the run's undo."""


@dataclass(frozen=True, repr=False)
class Signed:
    """The new certificates by host and stem, and the authorities' own by name; all of it public, as PEM."""

    certificates: Mapping[tuple[str, str], str] = field(default_factory=dict, hash=False)
    authorities: Mapping[str, str] = field(default_factory=dict, hash=False)
    waiting: int = 0  # requests that are not there yet: in check mode

    def __str__(self) -> str:
        if self.waiting:
            return "nothing to sign yet: the keys above are pending"
        return "signed what the hosts asked for" if self.certificates else "nothing to sign: every certificate holds"

    __repr__ = __str__


def sign_requests(chapter: Chapter, wanted: Wanted) -> Signed:
    """Signs what the hosts ask for where their certificates do not hold.

    Raises RequestRefused for a request that is not as asked, Blocked where the authority that the hosts trust has
    its key in none of the site's runs.
    """
    question = credentials_question(wanted.site.service.name)
    answers = chapter.fleet.only(*hosts_of(chapter)).ask(question)
    seen = {one.host: one[question] for one in answers}
    trusted = trusted_by(seen)
    new: dict[tuple[str, str], str] = {}
    authorities: dict[str, Authority] = {}
    waiting = 0
    for host, held in seen.items():
        for credential in wanted.credentials(host):
            if not wants_signature(credential, held, wanted.at):
                continue
            own = held.of(credential)
            if not own.request and chapter.check:
                waiting += 1
                continue
            request = checked(own.request, credential.identity, host)
            name = credential.authority
            if name not in authorities:
                authorities[name] = authority_for(name, trusted, chapter.run, wanted)
            certificate = authorities[name].sign(request, credential.identity, at=wanted.at)
            new[host, credential.stem] = certificate.pem
            chapter.note(
                "signed",
                f"{host}: {certificate} for {credential.name}, until {certificate.not_after}, "
                f"sha256 {certificate.sha256}",
            )
    known = {name: found.pem for name, found in trusted.items()}
    known |= {name: one.certificate.pem for name, one in authorities.items()}
    _keep(chapter.run, known)
    return Signed(new, known, waiting)


def _keep(run: Run, authorities: Mapping[str, str]) -> None:
    """The authorities' certificates are public: they belong to what the run hands over."""
    for name, pem in authorities.items():
        path = run.artifacts / f"etcd-ca-{name}.crt"
        path.write_text(pem)
        run.keep(path.name, path)


def hosts_of(chapter: Chapter) -> tuple[str, ...]:
    """The hosts that the chapter has to do with: members, and those of the service that enters the cluster."""
    concerned = {host.name for role in ("etcd", "service") for host in chapter.hosts_with(role)}
    return tuple(name for name in chapter.fleet.names if name in concerned)


def trusted_by(seen: Mapping[str, Credentials]) -> dict[str, Certificate]:
    """The authorities that the hosts trust already, by name; raises Blocked where two hosts trust different ones."""
    found: dict[str, tuple[str, Certificate]] = {}
    for host, held in seen.items():
        for name in (CLIENTS, PEERS):
            certificate = held.trusted.get(trust_file(name))
            if certificate is None:
                continue
            first, known = found.setdefault(name, (host, certificate))
            if known.sha256 != certificate.sha256:
                raise Blocked(
                    f"{host} and {first} trust different authorities for {name}",
                    next=f"undo the run that made {host}'s, or remove {trust_file(name)} there and run again",
                )
    return {name: certificate for name, (_, certificate) in found.items()}


def authority_for(name: str, trusted: Mapping[str, Certificate], run: Run, wanted: Wanted) -> Authority:
    """The one that the hosts trust, from the run that made it; a new one only where they trust none yet."""
    known = trusted.get(name)
    if known is not None:
        found = find_trusted(name, known, run)
        if found is not None:
            return found
        raise Blocked(
            f"the hosts trust an authority for {name} whose key is in no run of {run.site.name}",
            next=f"bring the folder of the run that made it back to {runs.reports()}, or undo that run and form "
            "the cluster anew",
        )
    folder = run.folder / FOLDER
    own = find_authority(folder, name)
    return own or make_authority(f"{name} of {wanted.cluster.token}", wanted.site.name, folder, name, at=wanted.at)


def find_trusted(name: str, known: Certificate, run: Run) -> Authority | None:
    """The authority with this certificate, from any run of the site; None where no run has its key."""
    folders: list[Path] = [run.folder, *(other.folder for other in runs.all_runs(run.site.name))]
    for folder in folders:
        found = find_authority(folder / FOLDER, name)
        if found is not None and found.certificate.sha256 == known.sha256:
            return found
    return None
