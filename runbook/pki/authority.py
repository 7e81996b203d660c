"""A certificate authority: a key in one file of the runbook's machine, and what it signs."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from runbook.errors import RunbookError
from runbook.pki.certificate import Certificate, parse_certificate
from runbook.pki.identity import Identity, Use
from runbook.pki.request import CURVE, Request
from runbook.remote.secret import Secret

AUTHORITY_LIFETIME = timedelta(days=5 * 365)
LIFETIME = timedelta(days=365)
EARLIER = timedelta(minutes=5)
"""Certificates begin a little before they are signed: the hosts' clocks are not this machine's."""

EXTENDED = {Use.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Use.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Authority:
    """One authority: its certificate is public, its key is in `key_file` (0600) and nowhere else."""

    certificate: Certificate
    key_file: Path

    def __str__(self) -> str:
        return self.certificate.common_name

    def sign(
        self, request: Request, identity: Identity, *, at: datetime, lifetime: timedelta = LIFETIME
    ) -> Certificate:
        """A certificate for a request that was checked, from a little before `at` for `lifetime`.

        A lifetime that ended before `at` is allowed: it makes the lapsed certificate of a test of refusal.
        Raises RunbookError where the key's file cannot be read.
        """
        issuer = x509.load_pem_x509_certificate(self.certificate.pem.encode())
        key = self._key()
        loaded = request.loaded()
        ends = min(at + lifetime, self.certificate.not_after)
        starts = min(at, ends) - EARLIER
        builder = _builder(loaded.subject, issuer.subject, loaded.public_key(), starts, ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([EXTENDED[use] for use in sorted(identity.uses)]), critical=False
        )
        issuer_id = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_id), critical=False
        )
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in sorted(identity.dns)]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(identity.addresses)]
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return _certificate(builder.sign(key, hashes.SHA256()))

    def _key(self) -> ec.EllipticCurvePrivateKey:
        try:
            pem = self.key_file.read_text()
        except OSError as error:
            raise RunbookError(
                f"{self.key_file}: the key of {self} cannot be read: {error.strerror}",
                next="run as the user who made the run, or bring its folder back",
            ) from error
        Secret(pem)  # known from now on, so masked wherever it should turn up
        key = serialization.load_pem_private_key(pem.encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key


def make_authority(name: str, organization: str, folder: Path, file: str, *, at: datetime) -> Authority:
    """A new authority: its key in `folder/file.key` (0600, folder 0700), its certificate beside it.

    Raises RunbookError where there is one already: a new key would strand all that the old one signed.
    """
    key = ec.generate_private_key(CURVE())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = _builder(subject, subject, key.public_key(), at - EARLIER, at + AUTHORITY_LIFETIME)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    certificate = _certificate(builder.sign(key, hashes.SHA256()))
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    Secret(pem)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{file}.key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as key_file:
            key_file.write(pem)
    except FileExistsError as error:
        raise RunbookError(f"{path}: there is an authority already", next="use it, or take its folder away") from error
    (folder / f"{file}.crt").write_text(certificate.pem)
    return Authority(certificate, path)


def find_authority(folder: Path, file: str) -> Authority | None:
    """The authority of a folder; None where it has none or only one half of it."""
    path = folder / f"{file}.key"
    try:
        certificate = parse_certificate((folder / f"{file}.crt").read_text())
    except (OSError, ValueError):
        return None
    return Authority(certificate, path) if path.exists() else None


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    """What authorities and the others share; RFC 5280 wants a serial number and key identifiers."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False) -> x509.KeyUsage:
    """RFC 5280, section 4.2.1.3: an ECDSA key signs; only an authority's signs certificates."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate(signed: x509.Certificate) -> Certificate:
    return parse_certificate(signed.public_bytes(serialization.Encoding.PEM).decode())
