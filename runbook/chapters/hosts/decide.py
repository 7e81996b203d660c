"""What the start needs of a host, so that everything after it can work."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Prerequisites:
    """The least that a host must offer; sizes in bytes, times in seconds."""

    # Certificates and leases are compared across hosts; etcd warns of peers that are 1 s apart (rafthttp).
    clock_apart: float = 1.0
    # The service, its pre-images, an image and what containerd unpacks of it.
    free: int = 512 * MIB
    # What the service's unit is written for: the oldest that enterprise systems still run (RHEL 7).
    systemd: int = 219

    def __str__(self) -> str:
        space = f"{self.free // MIB} MiB free"
        return f"clocks within {self.clock_apart:g} s, {space}, systemd {self.systemd} or later"
