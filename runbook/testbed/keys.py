"""Keys that a bed makes for itself: each host's, the operator's, and the BMCs' password."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from runbook.testbed.layout import Layout
from runbook.testbed.program import run


@dataclass(frozen=True)
class HostKey:
    """One host's key pair, as sshd and known_hosts write it."""

    private: str
    public: str


def make(layout: Layout) -> tuple[dict[str, HostKey], str]:
    """New keys: every host's by name, and the operator's public key. Writes those that the site refers to."""
    remove(layout.keys)
    layout.keys.mkdir(parents=True, mode=0o700)
    _generate(layout.key, f"{layout.operator}@{layout.name}")
    hosts = {}
    for place in layout.places:
        file = layout.keys / f"host-{place.name}"
        _generate(file, place.name)
        hosts[place.name] = HostKey(file.read_text(), file.with_suffix(".pub").read_text())
        file.unlink()
        file.with_suffix(".pub").unlink()
    layout.known_hosts.write_text("".join(
        f"{place.name},{place.address},{place.address_6} {' '.join(hosts[place.name].public.split()[:2])}\n"
        for place in layout.places))
    if layout.bmc_password:
        layout.bmc_password.touch(mode=0o600)
        # 16 characters: what IPMI 1.5 holds; IPMI 2.0 has 20
        layout.bmc_password.write_text(secrets.token_hex(8) + "\n")
    return hosts, layout.key.with_suffix(".pub").read_text()


def remove(folder: Path) -> None:
    """Take a bed's own folder of keys away; the folders above it too, where nothing else is in them."""
    if folder.is_dir():
        shutil.rmtree(folder)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _generate(file: Path, comment: str) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file))
