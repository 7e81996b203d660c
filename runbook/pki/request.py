"""A certificate request: read, and held against what was asked for before anything is signed."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbook.errors import RunbookError
from runbook.pki.identity import Identity

CURVE = ec.SECP256R1
"""P-256: in every crypto/tls, also where FIPS 186 is asked for, and fast in Go on common machines."""


class RequestRefused(RunbookError):
    """A request that is not what was asked for; nothing was signed."""


@dataclass(frozen=True)
class Request:
    """A request whose own signature holds, so that its sender has the private key."""

    common_name: str
    organization: str
    dns: frozenset[str]
    addresses: frozenset[str]
    curve: str
    public_key: str  # SubjectPublicKeyInfo as hex
    pem: str

    def differs_from(self, wanted: Identity) -> str:
        """What is not as asked, in words; empty where all is."""
        pairs = (
            ("the common name", self.common_name, wanted.common_name),
            ("the organization", self.organization, wanted.organization),
            ("the DNS names", sorted(self.dns), sorted(wanted.dns)),
            ("the addresses", sorted(self.addresses), sorted(wanted.addresses)),
            ("the key's curve", self.curve or "none", CURVE().name),
        )
        return "; ".join(f"{what} is {found}, asked for was {asked}" for what, found, asked in pairs if found != asked)

    def loaded(self) -> x509.CertificateSigningRequest:
        return x509.load_pem_x509_csr(self.pem.encode())

    def __str__(self) -> str:
        return f"request of {self.common_name}"


def parse_request(pem: str) -> Request:
    """Raises ValueError where it is no request, or where its signature is not made by its own key."""
    loaded = x509.load_pem_x509_csr(pem.encode("ascii", "replace"))
    try:
        if not loaded.is_signature_valid:
            raise ValueError("the request is not signed by its own key")
        key = loaded.public_key()
    except UnsupportedAlgorithm as error:
        raise ValueError(f"the request's key is not known here: {error}") from error
    try:
        names = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = None
    return Request(
        common_name=_first(loaded.subject, NameOID.COMMON_NAME),
        organization=_first(loaded.subject, NameOID.ORGANIZATION_NAME),
        dns=frozenset(names.get_values_for_type(x509.DNSName)) if names else frozenset(),
        addresses=frozenset(map(str, names.get_values_for_type(x509.IPAddress))) if names else frozenset(),
        curve=key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else "",
        public_key=key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo).hex(),
        pem=loaded.public_bytes(serialization.Encoding.PEM).decode(),
    )


def checked(pem: str, wanted: Identity, host: str) -> Request:
    """The request, if it asks for exactly what is wanted; raises RequestRefused with what does not fit."""
    try:
        request = parse_request(pem)
    except ValueError as error:
        raise RequestRefused(
            f"{host}: the request for {wanted} cannot be read: {error}",
            next="remove the .csr on the host: the next run makes it anew",
        ) from error
    if wrong := request.differs_from(wanted):
        raise RequestRefused(
            f"{host}: the request for {wanted} is not what was asked for: {wrong}",
            next="find out who wrote that request; remove the .csr on the host and run again",
        )
    return request


def _first(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""
