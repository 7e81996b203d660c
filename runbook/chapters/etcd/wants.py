"""Whether a credential's certificate will do, and why not."""

from __future__ import annotations

from datetime import datetime

from runbook.chapters.etcd.credentials import Credential, Credentials
from runbook.pki.certificate import Certificate, Standing


def wants_signature(credential: Credential, held: Credentials, at: datetime) -> str:
    """Why a credential needs a new certificate; empty where what it has will do."""
    own = held.of(credential)
    certificate, authority = own.certificate, _trusted(credential, held)
    if certificate is None:
        return "has no certificate"
    standing = certificate.standing(at)
    if standing is not Standing.VALID:
        return f"has a certificate that is {standing}"
    if not certificate.names(credential.identity):
        return "has a certificate for other names or uses"
    if certificate.public_key != own.public_key:
        return "has a certificate of another key"
    if authority is None or not certificate.is_signed_by(authority):
        return "has a certificate of another authority"
    return ""


def _trusted(credential: Credential, held: Credentials) -> Certificate | None:
    """The authority's certificate beside the credential, in whichever folder it is trusted from."""
    folder = credential.stem.rpartition("/")[0]
    names = (f"{folder}/ca-{credential.authority}.crt", f"{folder}/ca.crt")
    return next((held.trusted[name] for name in names if held.trusted.get(name)), None)
