"""A certificate as a fact: whom it names, who signed it, what it may be used for, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runbook.pki.identity import Identity, Use

RENEW_BEFORE = timedelta(days=30)
"""A certificate that has less left is renewed at the next run: a month is what a maintenance window needs."""

USES = {ExtendedKeyUsageOID.SERVER_AUTH: Use.SERVER, ExtendedKeyUsageOID.CLIENT_AUTH: Use.CLIENT}


class Standing(StrEnum):
    """Where a certificate stands in its lifetime."""

    VALID = "valid"
    LAPSING = "about to lapse"
    LAPSED = "lapsed"
    EARLY = "not valid yet"


@dataclass(frozen=True)
class Certificate:
    """What a certificate says; `public_key` is its SubjectPublicKeyInfo in hex: keys can be compared."""

    common_name: str
    organization: str
    issuer: str
    dns: frozenset[str]
    addresses: frozenset[str]
    uses: frozenset[Use]
    is_authority: bool
    not_before: datetime
    not_after: datetime
    curve: str  # empty: no key on an elliptic curve
    public_key: str
    key_id: str  # subject key identifier, hex; empty where it has none
    signed_by: str  # authority key identifier, hex; empty where it has none
    sha256: str
    pem: str

    def standing(self, at: datetime, renew_before: timedelta = RENEW_BEFORE) -> Standing:
        """Valid, about to lapse, lapsed, or not valid yet, on that moment."""
        if at < self.not_before:
            return Standing.EARLY
        if at > self.not_after:
            return Standing.LAPSED
        return Standing.LAPSING if at > self.not_after - renew_before else Standing.VALID

    def names(self, wanted: Identity) -> bool:
        """Whether subject, alternative names and uses are exactly those of the identity."""
        return (self.common_name, self.organization, self.dns, self.addresses, self.uses) == (
            wanted.common_name,
            wanted.organization,
            wanted.dns,
            wanted.addresses,
            wanted.uses,
        )

    def is_signed_by(self, authority: Certificate) -> bool:
        """Whether the authority's key made its signature, and may make such."""
        if not authority.is_authority:
            return False
        try:
            _load(self.pem).verify_directly_issued_by(_load(authority.pem))
        except (InvalidSignature, ValueError, TypeError):
            return False
        return True

    def __str__(self) -> str:
        return f"{self.common_name}, signed by {self.issuer}"


def parse_certificate(pem: str) -> Certificate:
    """The first certificate of a PEM text; raises ValueError where there is none or it cannot be read."""
    loaded = _load(pem)
    names = _extension(loaded, x509.SubjectAlternativeName)
    usage = _extension(loaded, x509.ExtendedKeyUsage)
    basic = _extension(loaded, x509.BasicConstraints)
    own = _extension(loaded, x509.SubjectKeyIdentifier)
    theirs = _extension(loaded, x509.AuthorityKeyIdentifier)
    key = _public_key(loaded)
    return Certificate(
        common_name=_name(loaded.subject, NameOID.COMMON_NAME),
        organization=_name(loaded.subject, NameOID.ORGANIZATION_NAME),
        issuer=_name(loaded.issuer, NameOID.COMMON_NAME),
        dns=frozenset(names.get_values_for_type(x509.DNSName)) if names else frozenset(),
        addresses=frozenset(map(str, names.get_values_for_type(x509.IPAddress))) if names else frozenset(),
        uses=frozenset(USES[use] for use in usage or () if use in USES),
        is_authority=bool(basic and basic.ca),
        not_before=loaded.not_valid_before_utc,
        not_after=loaded.not_valid_after_utc,
        curve=key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else "",
        public_key=_spki(key) if key is not None else "",
        key_id=own.digest.hex() if own else "",
        signed_by=(theirs.key_identifier or b"").hex() if theirs else "",
        sha256=loaded.fingerprint(hashes.SHA256()).hex(),
        pem=loaded.public_bytes(serialization.Encoding.PEM).decode(),
    )


def public_key_of(pem: str) -> str:
    """SubjectPublicKeyInfo of a PEM public key, in hex as in Certificate; empty where it cannot be read."""
    try:
        return _spki(serialization.load_pem_public_key(pem.encode("ascii", "replace")))
    except (ValueError, UnsupportedAlgorithm):
        return ""


def _load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode("ascii", "replace"))


def _spki(key: object) -> str:
    return key.public_bytes(
        serialization.Encoding.DER,  # type: ignore[attr-defined]
        serialization.PublicFormat.SubjectPublicKeyInfo,
    ).hex()


def _public_key(loaded: x509.Certificate) -> object | None:
    try:
        return loaded.public_key()
    except (ValueError, UnsupportedAlgorithm):  # a curve that is not known here, SM2 for one
        return None


def _extension(loaded: x509.Certificate, kind: type) -> object | None:  # type: ignore[type-arg]
    try:
        return loaded.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""
