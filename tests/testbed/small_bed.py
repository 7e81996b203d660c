"""The small bed of these tests, and how they speak to a host."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runbook.site import load_site
from runbook.testbed.layout import Layout, layout_of

SITE = """\
schema = 1
name = "bedtest"
target = "riscv64"
protected = false

[ssh]
key = "file:.cache/testbed/bedtest/id_ed25519"
known_hosts = ".cache/testbed/bedtest/known_hosts"
"""

HOST = """
[[host]]
name = "lone"
address = "198.18.9.11"
roles = ["service"]
  [host.bmc]
  address = "198.18.9.111"
  password = "file:.cache/testbed/bedtest/bmc_password"
"""


@dataclass(frozen=True)
class SmallBed:
    """A site of one host, whose bed is down when a test gets it and after the test."""

    file: Path

    @property
    def layout(self) -> Layout:
        return layout_of(load_site(self.file))


Ssh = Callable[..., str]


def ssh_to(layout: Layout, host: str, command: str, *, fails: bool = False, stdin: bytes = b"") -> str:
    """What a shell on the host says to both its outputs; it must exit 0, or must not where `fails`."""
    done = subprocess.run(
        ["ssh", "-F", "none", "-i", str(layout.key), "-o", f"UserKnownHostsFile={layout.known_hosts}",
         "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=5",
         f"{layout.operator}@{layout.place(host).address}", command],
        capture_output=True, timeout=30, check=False, input=stdin)
    said = (done.stdout + done.stderr).decode().strip()
    assert (done.returncode != 0) == fails, f"{command}: exit {done.returncode}: {said}"
    return said
