"""Which keys and certificates a host has, for whom they are, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from runbook.chapters.etcd.layout import CLIENTS, PEERS, PKI, USER, service_folder, trust_file
from runbook.chapters.sections import sections
from runbook.pki.certificate import Certificate, parse_certificate, public_key_of
from runbook.pki.identity import Identity, Use, server_identity
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.site_tables import Host

SERVER, PEER, CHECK, SERVICE = "server", "peer", "check", "service"
SERVES, ENTERS = frozenset({Use.SERVER}), frozenset({Use.CLIENT})


@dataclass(frozen=True)
class Credential:
    """One key with its certificate: whose it is, which authority signs it, and who may read the key."""

    name: str
    stem: str  # the path without .key, .csr, .crt
    authority: str
    identity: Identity
    mode: int = 0o600
    owner: str = "root:root"

    @property
    def key(self) -> str:
        return f"{self.stem}.key"

    @property
    def request(self) -> str:
        return f"{self.stem}.csr"

    @property
    def certificate(self) -> str:
        return f"{self.stem}.crt"


def credentials_of(host: Host, organization: str, service: str) -> tuple[Credential, ...]:
    """What a host needs by its roles.

    A member serves under a certificate of the client authority, so that a client needs one anchor only. It is
    for serving alone: a member cannot pass for a client with it. Towards other members it has another, of the
    other authority, for both directions, since members call each other.
    """
    needed: list[Credential] = []
    if host.has("etcd"):
        serves = server_identity(host.name, host.address, organization, SERVES)
        both = server_identity(host.name, host.address, organization, SERVES | ENTERS)
        checks = Identity("runbook-check", organization, ENTERS)
        readable = {"mode": 0o640, "owner": f"root:{USER}"}
        needed += [
            Credential(SERVER, f"{PKI}/server", CLIENTS, serves, **readable),  # type: ignore[arg-type]
            Credential(PEER, f"{PKI}/peer", PEERS, both, **readable),  # type: ignore[arg-type]
            Credential(CHECK, f"{PKI}/check", CLIENTS, checks),
        ]
    if host.has("service"):
        enters = Identity(service, organization, ENTERS)
        needed.append(Credential(SERVICE, f"{service_folder(service)}/client", CLIENTS, enters))
    return tuple(needed)


def trust_of(host: Host, service: str) -> dict[str, str]:
    """The files with an authority's certificate that a host needs, each with the authority's name."""
    files = {trust_file(CLIENTS): CLIENTS, trust_file(PEERS): PEERS} if host.has("etcd") else {}
    if host.has("service"):
        files[f"{service_folder(service)}/ca.crt"] = CLIENTS
    return files


@dataclass(frozen=True)
class Held:
    """What lies on a host for one credential; a certificate that cannot be read is as good as none."""

    has_key: bool = False
    key_rights: str = ""  # such as `640 root:etcd`
    public_key: str = ""  # of the private key, as SubjectPublicKeyInfo in hex
    request: str = ""  # PEM
    certificate: Certificate | None = None


@dataclass(frozen=True)
class Credentials:
    """All of a host's credentials by their stem, and the authorities that it trusts by file."""

    held: Mapping[str, Held] = field(default_factory=dict, hash=False)
    trusted: Mapping[str, Certificate | None] = field(default_factory=dict, hash=False)

    def of(self, credential: Credential) -> Held:
        return self.held.get(credential.stem, Held())

    def __str__(self) -> str:
        signed = sum(one.certificate is not None for one in self.held.values())
        keys = sum(one.has_key for one in self.held.values())
        return f"{keys} keys, {signed} certificates"


def parse_credentials(text: str) -> Credentials:
    parts = sections(text)
    stems = [name.removeprefix("key ") for name in parts if name.startswith("key ")]
    held = {
        stem: Held(
            has_key=bool(parts[f"key {stem}"].strip()),
            key_rights=parts[f"key {stem}"].strip(),
            public_key=public_key_of(parts.get(f"public {stem}", "")),
            request=parts.get(f"request {stem}", "").strip(),
            certificate=_certificate(parts.get(f"certificate {stem}", "")),
        )
        for stem in stems
    }
    trusted = {
        name.removeprefix("trust "): _certificate(part)
        for name, part in parts.items()
        if name.startswith("trust ") and part.strip()
    }
    return Credentials(held, trusted)


def _certificate(pem: str) -> Certificate | None:
    try:
        return parse_certificate(pem) if pem.strip() else None
    except ValueError:
        return None


@cache
def credentials_question(service: str) -> Question[Credentials]:
    """Asks for public parts only: of a private key no more than its rights and its public half."""
    stems = [f"{PKI}/{name}" for name in (SERVER, PEER, CHECK)] + [f"{service_folder(service)}/client"]
    trust = [trust_file(CLIENTS), trust_file(PEERS), f"{service_folder(service)}/ca.crt"]
    return Question(
        Script(
            'while [ "$1" != -- ]; do\n'
            '  echo "== key $1"; [ ! -f "$1.key" ] || stat -c "%a %U:%G" "$1.key"\n'
            '  echo "== public $1"; [ ! -f "$1.key" ] || openssl pkey -in "$1.key" -pubout 2>/dev/null\n'
            '  echo "== request $1"; cat "$1.csr" 2>/dev/null\n'
            '  echo "== certificate $1"; cat "$1.crt" 2>/dev/null\n'
            "  shift\ndone; shift\n"
            'for file; do echo "== trust $file"; cat "$file" 2>/dev/null; done; :',
            (*stems, "--", *trust),
            sudo=True,
        ),
        parse_credentials,
        "etcd_credentials",
    )
