"""Host keys are read from known_hosts as OpenSSH reads them, and named as it names them."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from runbook.errors import HostKeyRefused
from runbook.remote.hostkey import Pin, fingerprint, known_keys

BLOB = b"\0\0\0\x0bssh-ed25519\0\0\0 " + bytes(32)
KEY = f"ssh-ed25519 {base64.b64encode(BLOB).decode()}"


@pytest.mark.parametrize(("line", "name", "known"), [
    ("node1 {}", "node1", True),
    ("node1,192.0.2.1 {} a comment", "192.0.2.1", True),
    ("node1 {}", "node11", False),
    ("[node1]:2222 {}", "[node1]:2222", True),
    ("[node1]:2222 {}", "node1", False),
    ("node? {}", "node7", True),
    ("*.example,!bad.example {}", "good.example", True),
    ("*.example,!bad.example {}", "bad.example", False),
    ("# node1 {}", "node1", False),
    ("@cert-authority node1 {}", "node1", False),
    ("node1 ssh-ed25519 AAAA!", "node1", False),
    ("node1", "node1", False),
])
def test_a_line_is_for_the_names_it_lists(line: str, name: str, known: bool) -> None:
    assert bool(known_keys(line.format(KEY) + "\n", name)) is known


def test_hashed_names_are_found_as_openssh_hashed_them(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"node1 {KEY}\n[192.0.2.1]:2222 {KEY}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(file)], check=True, timeout=10, capture_output=True)
    assert "node1" not in file.read_text()
    assert known_keys(file.read_text(), "node1") and known_keys(file.read_text(), "[192.0.2.1]:2222")
    assert not known_keys(file.read_text(), "node2")


def test_a_fingerprint_is_what_ssh_keygen_prints(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True, timeout=10)
    blob = base64.b64decode((tmp_path / "key.pub").read_text().split()[1])
    told = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True, timeout=10)
    assert fingerprint(blob) == told.stdout.split()[1]


def test_a_revoked_key_is_refused_though_it_is_listed_too(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"node1 {KEY}\n@revoked * {KEY}\n")
    with pytest.raises(HostKeyRefused, match="revoked"):
        Pin("node1", "node1", 22, file).check("ssh-ed25519", BLOB)


def test_the_known_key_passes_and_the_pinned_one_needs_no_file(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text(f"node1 {KEY}\n")
    Pin("node1", "node1", 22, file).check("ssh-ed25519", BLOB)
    Pin("node1", "node1", 22, tmp_path / "none", fingerprint(BLOB)).check("ssh-ed25519", BLOB)
