"""The private keys that a site refers to, each read once for a whole fleet."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

from runbook.errors import LoginRefused
from runbook.remote.secret import Reference
from runbook.site_tables import Host, SshSettings

if TYPE_CHECKING:
    import paramiko


class Keys:
    """The private keys of a fleet, each read (and its passphrase asked for) once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[tuple[str | None, str | None], paramiko.PKey] = {}

    def of(self, host: Host) -> paramiko.PKey | None:
        """The host's key; None where the site leaves it to the agent. Raises UsageError, LoginRefused."""
        if host.ssh.key is None:
            return None
        with self._lock:
            at = (host.ssh.key, host.ssh.passphrase)
            if at not in self._read:
                self._read[at] = _read_key(host.name, host.ssh)
            return self._read[at]


def _read_key(host: str, ssh: SshSettings) -> paramiko.PKey:
    text = Reference(str(ssh.key)).resolve().reveal() + "\n"
    import paramiko  # 0.1 s: only who connects pays

    passphrase = Reference(str(ssh.passphrase)).resolve().reveal() if ssh.passphrase else None
    why = ""
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except paramiko.PasswordRequiredException as error:
            raise LoginRefused(
                host, f"the key {ssh.key} wants its passphrase",
                next="set `passphrase` beside `key` in the site file, as a reference") from error
        except (paramiko.SSHException, ValueError, IndexError) as error:
            why = str(error)
    raise LoginRefused(
        host, f"the key {ssh.key} cannot be read: {why}",
        next="it has to be an OpenSSH or PEM private key (Ed25519, ECDSA or RSA); is its passphrase right?")
