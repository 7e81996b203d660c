"""Host keys: what the site knows of a host, and the refusal of any other key with both fingerprints."""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook.errors import HostKeyRefused

SSH_PORT = 22  # RFC 4253, section 4.1


def fingerprint(blob: bytes) -> str:
    """`SHA256:` and unpadded base64, as `ssh-keygen -lf` prints it since OpenSSH 6.8."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class KnownKey:
    """A key that a known_hosts file holds for a host."""

    kind: str
    fingerprint: str
    revoked: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.fingerprint}"


def known_keys(text: str, name: str) -> tuple[KnownKey, ...]:
    """The keys of `name` in a known_hosts text, hashed names included (`man 8 sshd`, SSH_KNOWN_HOSTS FILE FORMAT).

    Lines of certificate authorities are left out: a host certificate is no host key. Damaged lines say nothing.
    """
    return tuple(_matching(text, name))


def _matching(text: str, name: str) -> Iterator[KnownKey]:
    for line in text.splitlines():
        words = line.split()
        marker = words.pop(0) if words and words[0].startswith("@") else ""
        if len(words) < 3 or words[0].startswith("#") or marker == "@cert-authority":
            continue
        names, kind, encoded = words[:3]
        try:
            blob = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if _names_match(names, name):
            yield KnownKey(kind, fingerprint(blob), revoked=marker == "@revoked")


def _names_match(names: str, name: str) -> bool:
    if names.startswith("|1|"):
        salt, _, hashed = names[3:].partition("|")
        try:
            wanted = hmac.new(base64.b64decode(salt), name.encode(), "sha1").digest()
            return hmac.compare_digest(wanted, base64.b64decode(hashed))
        except ValueError:
            return False
    patterns = [pattern.replace("[", "[[]") for pattern in names.split(",")]
    if any(pattern.startswith("!") and fnmatch.fnmatchcase(name, pattern[1:]) for pattern in patterns):
        return False
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Pin:
    """What the site knows of one host's key: one fingerprint, or the lines of its known_hosts."""

    host: str
    address: str
    port: int
    known_hosts: Path
    host_key: str = ""

    @property
    def name(self) -> str:
        """How known_hosts calls the host."""
        return self.address if self.port == SSH_PORT else f"[{self.address}]:{self.port}"

    def known(self) -> tuple[KnownKey, ...]:
        """The known keys of the host; none where the file is not there."""
        try:
            text = self.known_hosts.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise HostKeyRefused(self.host, f"{self.known_hosts} cannot be read: {error.strerror}",
                                 next=f"make {self.known_hosts} readable") from error
        return known_keys(text, self.name)

    def check(self, kind: str, blob: bytes) -> None:
        """Raises HostKeyRefused unless the site knows exactly this key."""
        seen = KnownKey(kind, fingerprint(blob))
        if self.host_key:
            if seen.fingerprint != self.host_key:
                raise self._changed(seen, self.host_key, f"`host_key` of {self.host} in the site file")
            return
        known = self.known()
        if any(key.revoked and key.fingerprint == seen.fingerprint for key in known):
            raise HostKeyRefused(self.host, f"shows {seen}, which {self.known_hosts} has as revoked",
                                 next="give the host a new key; this one must not be trusted again")
        trusted = [key for key in known if not key.revoked]
        if seen in trusted:
            return
        if trusted:
            same_kind = [key for key in trusted if key.kind == kind] or trusted
            raise self._changed(seen, ", ".join(map(str, same_kind)),
                                f"the lines of {self.name} in {self.known_hosts}")
        raise HostKeyRefused(
            self.host, f"its host key is unknown: seen {seen}, expected: none known",
            next=f"compare with {_on_the_console(kind)}; if equal: `{self._keyscan(kind)} >> {self.known_hosts}`",
        )

    def _changed(self, seen: KnownKey, expected: str, where: str) -> HostKeyRefused:
        return HostKeyRefused(
            self.host, f"its host key is another one: seen {seen}, expected {expected}",
            next=f"somebody may stand between: compare with {_on_the_console(seen.kind)}; only if equal, mend {where} "
                 f"(`{self._keyscan(seen.kind)}`)",
        )

    def _keyscan(self, kind: str) -> str:
        port = "" if self.port == SSH_PORT else f"-p {self.port} "
        return f"ssh-keyscan {port}-t {_file_word(kind)} {self.address}"


def algorithms_of(kind: str) -> tuple[str, ...]:
    """The signature algorithms of a kind of key, as SSH negotiates them (RFC 8332, section 3)."""
    return ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512") if kind == "ssh-rsa" else (kind,) if kind else ()


def _on_the_console(kind: str) -> str:
    return f"`ssh-keygen -lf /etc/ssh/ssh_host_{_file_word(kind)}_key.pub` on the host's console"


def _file_word(kind: str) -> str:
    """`ed25519`, `ecdsa` or `rsa`: how ssh-keyscan and the files of sshd call a kind of key."""
    return "ecdsa" if kind.startswith("ecdsa") else kind.removeprefix("ssh-")
