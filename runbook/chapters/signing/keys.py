"""The keys that sign: the run's own, made when they are first needed, or the site's, which a person made before."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from runbook.errors import Blocked, CommandFailed, RunbookError
from runbook.pki.envelope import ECDSA, SM2, PublicKey, message, trust_text, trusted, wrapped
from runbook.remote.command import command
from runbook.remote.shell import Shell

FOLDER = "signing"
"""Of a run: the private keys, for their owner alone. Nothing copies this folder, and no artefact lies in it."""
FILES = {ECDSA: "ecdsa.key", SM2: "sm2.key"}
TRUST = "trust.json"
EARLIER = timedelta(minutes=5)
"""Keys count from a little before they were made: the hosts' clocks are not this machine's."""


@dataclass(frozen=True, repr=False)
class Keys:
    """Private keys in their files, which nothing shows, and the public ones; `sm2` is the program that signs."""

    folder: Path
    public: tuple[PublicKey, ...]
    sm2: Path

    @property
    def trust(self) -> str:
        """The public keys as a host's verifier reads them."""
        return trust_text(self.public)

    def sign(self, payload: bytes, shell: Shell) -> str:
        """The envelope around a statement, signed by each key. Raises RunbookError where a key cannot be used."""
        signed, signatures = message(payload), {}
        for key in self.public:
            path = private(self.folder / FILES[key.algorithm])
            if key.algorithm == ECDSA:
                signatures[key.id] = _ecdsa(path).sign(signed, ec.ECDSA(hashes.SHA256()))
            else:
                told = shell.run(command(str(self.sm2), "sign", str(path), stdin=signed))
                signatures[key.id] = base64.b64decode(told.text)
        return wrapped(payload, signatures)

    def __str__(self) -> str:
        return " and ".join(map(str, self.public))


def private(path: Path) -> Path:
    """The key's file. Raises Blocked where it is not there, or where others may read it."""
    try:
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise Blocked(f"{path}: {error.strerror}: no key to sign with",
                      next="`runbook new-keys FOLDER` makes a site's keys") from error
    if mode & 0o077:
        raise Blocked(f"{path}: mode {mode:04o}: others may read this private key", next=f"chmod 0600 {path}; if "
                      "others had access to it, make new keys")
    return path


def make_keys(folder: Path, sm2: Path, shell: Shell, *, at: datetime, lifetime: timedelta) -> Keys:
    """New keys in a folder, 0700, each file 0600. Raises RunbookError where there is a key already."""
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    pems = {ECDSA: _new_ecdsa(folder / FILES[ECDSA])}
    try:
        pems[SM2] = shell.run(command(str(sm2), "new", str(folder / FILES[SM2]))).text
    except CommandFailed as error:
        raise RunbookError(f"{folder}: no SM2 key was made", tail=error.tail, next="name a new folder") from error
    public = tuple(PublicKey(_id(pem), algorithm, pem, at - EARLIER, at + lifetime)
                   for algorithm, pem in pems.items())
    (folder / TRUST).write_text(trust_text(public), "utf-8")
    return Keys(folder, public, sm2)


def find_keys(folder: Path, sm2: Path) -> Keys:
    """Keys that were made before. Raises Blocked where they are not there or not whole."""
    for name in FILES.values():
        private(folder / name)
    try:
        public = trusted((folder / TRUST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Blocked(f"{folder / TRUST}: {error}", next="`runbook new-keys FOLDER` makes a site's keys") from error
    return Keys(folder, public, sm2)


def inherit(earlier: Path, folder: Path, now: datetime) -> bool:
    """A run's keys for a later one that takes over what they signed: with new ones its hosts would not believe it.

    Both are folders of keys. False where a key has expired: what it signed is of no use any more. A run without keys
    of its own has the site's, or has signed nothing.
    """
    if not (earlier / TRUST).exists() or folder.exists():
        return True
    if any(key.not_after <= now for key in trusted((earlier / TRUST).read_text("utf-8"))):
        return False
    shutil.copytree(earlier, folder)  # with the rights of the folder and of each file
    return True


def _new_ecdsa(path: Path) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise RunbookError(f"{path}: there is a key already", next="name a new folder: a key is never replaced"
                           ) from error
    with open(descriptor, "wb") as file:
        file.write(pem)
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def _ecdsa(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise RunbookError(f"{path}: no private key in PEM without a passphrase",
                           next="`runbook new-keys FOLDER` makes a site's keys") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise RunbookError(f"{path}: no key on an elliptic curve", next="`runbook new-keys FOLDER` makes a site's keys")
    return key


def _id(pem: str) -> str:
    """By the PEM's own bytes: the library does not load a key of SM2."""
    body = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    return hashlib.sha256(base64.b64decode(body)).hexdigest()
