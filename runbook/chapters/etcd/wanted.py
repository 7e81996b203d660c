"""What the chapter wants on each host: everything that deciding needs besides what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runbook.chapters.etcd.cluster import Cluster, Member
from runbook.chapters.etcd.credentials import Credential, credentials_of
from runbook.chapters.etcd.programs import Programs
from runbook.chapters.signing.on_host import Sealed
from runbook.site import Site
from runbook.site_tables import Host
from runbook.targets import Target

RISK = "etcd-unsupported-architecture"
"""How a site's [[accept]] names the risk of running etcd where its authors do not test it."""

GATE = "ETCD_UNSUPPORTED_ARCH"
"""Opens etcd's start gate; its value is the GOARCH (server/etcdmain/etcd.go, checkSupportArch)."""


@dataclass(frozen=True, repr=False)
class Wanted:
    """The cluster, its programs, and the moment at which certificates and acceptances are judged."""

    site: Site
    target: Target
    cluster: Cluster
    programs: Programs
    at: datetime
    healthy_within: int = 60  # seconds
    seals: Mapping[str, Sealed] = field(default_factory=dict, hash=False)  # by the program's SHA-256

    def host(self, name: str) -> Host:
        return self.site.host(name)

    def member(self, name: str) -> Member | None:
        return self.cluster.member(name)

    def credentials(self, name: str) -> tuple[Credential, ...]:
        return credentials_of(self.host(name), self.site.name, self.site.service.name)

    @property
    def environment(self) -> dict[str, str]:
        """What a member's process needs; nothing where etcd supports the target."""
        return {} if self.target.go.etcd_supported else {GATE: self.target.goarch}

    def __str__(self) -> str:
        return f"{self.cluster}; {self.programs}"

    __repr__ = __str__


def cluster_of(site: Site) -> Cluster:
    """The members are all hosts of the role `etcd`, also those that a run leaves out: they are the cluster."""
    return Cluster(site.name, tuple(Member(host.name, host.address) for host in site.hosts_with("etcd")))
