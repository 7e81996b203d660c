"""An envelope around a signed statement: DSSE, as in-toto has it; written, and checked here for what Python can."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PAYLOAD = "application/vnd.in-toto+json"
"""DSSE's payloadType of an in-toto statement (in-toto attestation framework, envelope.md)."""
ECDSA, SM2 = "ecdsa-p256-sha256", "sm2-sm3"
ALGORITHMS = (ECDSA, SM2)
TRUST_SCHEMA = 1


@dataclass(frozen=True)
class PublicKey:
    """A key that may sign, and from when until when; `id` is the SHA-256 of its SubjectPublicKeyInfo."""

    id: str
    algorithm: str
    pem: str
    not_before: datetime
    not_after: datetime

    def to_dict(self) -> dict[str, str]:
        return {"keyid": self.id, "algorithm": self.algorithm, "public": self.pem,
                "not_before": moment(self.not_before), "not_after": moment(self.not_after)}

    @classmethod
    def from_dict(cls, raw: Mapping[str, str]) -> PublicKey:
        """Raises KeyError and ValueError for what is no such key."""
        return cls(raw["keyid"], raw["algorithm"], raw["public"], datetime.fromisoformat(raw["not_before"]),
                   datetime.fromisoformat(raw["not_after"]))

    def __str__(self) -> str:
        return f"{self.algorithm} key {self.id[:12]}"


def moment(at: datetime) -> str:
    """RFC 3339 in whole seconds of UTC, which Go reads too."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def message(payload: bytes, kind: str = PAYLOAD) -> bytes:
    """What is signed: DSSE's pre-authentication encoding (DSSE protocol 1.0)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def wrapped(payload: bytes, signatures: Mapping[str, bytes]) -> str:
    """The envelope's text; `signatures` in DER by the key's id."""
    return json.dumps({
        "payloadType": PAYLOAD, "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": key, "sig": base64.b64encode(one).decode()} for key, one in signatures.items()],
    }, indent=1) + "\n"


@dataclass(frozen=True)
class Envelope:
    """An envelope taken apart; nothing in it is to be believed before its signatures were checked."""

    payload: bytes
    signatures: Mapping[str, bytes]  # in DER, by the key's id

    @property
    def statement(self) -> dict[str, object]:
        """Raises ValueError where the payload is none."""
        told = json.loads(self.payload)
        if not isinstance(told, dict):
            raise ValueError("the payload is no statement")
        return told


def opened(text: str) -> Envelope:
    """Raises ValueError where the text is no envelope of a statement."""
    try:
        raw = json.loads(text)
        if raw["payloadType"] != PAYLOAD:
            raise ValueError(f"its payload is {raw['payloadType']!r}")
        signatures = {str(one["keyid"]): base64.b64decode(one["sig"], validate=True) for one in raw["signatures"]}
        return Envelope(base64.b64decode(raw["payload"], validate=True), signatures)
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError(f"no envelope: {error}") from error


def trust_text(keys: tuple[PublicKey, ...]) -> str:
    """Which keys count, as a host's verifier reads it: it asks for a signature by each algorithm."""
    return json.dumps({"schema": TRUST_SCHEMA, "need": [key.algorithm for key in keys],
                       "keys": [key.to_dict() for key in keys]}, indent=1) + "\n"


def trusted(text: str) -> tuple[PublicKey, ...]:
    """Raises ValueError where the text is no list of trusted keys."""
    try:
        return tuple(PublicKey.from_dict(one) for one in json.loads(text)["keys"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"no list of trusted keys: {error}") from error


def ecdsa_holds(key: PublicKey, signed: bytes, signature: bytes) -> bool:
    """Whether an ECDSA signature is the key's. What Python's library cannot check, SM2, the caller asks others for."""
    public = serialization.load_pem_public_key(key.pem.encode())
    if not isinstance(public, ec.EllipticCurvePublicKey):
        return False
    try:
        public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
