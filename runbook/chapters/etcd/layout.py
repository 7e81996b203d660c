"""Where things are on a host: one table of paths, so that observing, deciding and undoing mean the same."""

from __future__ import annotations

from pathlib import PurePosixPath

UNIT = "etcd.service"
USER = "etcd"

PROGRAM = "/usr/local/bin/etcd"
CTL = "/usr/local/bin/etcdctl"
UTL = "/usr/local/bin/etcdutl"
SEALS = PurePosixPath("/usr/local/lib")
"""Where the folders with each program's signature, and what checks it, are (FHS 3.0, 4.9: libraries of the host's own
programs, executables among them)."""

SETTINGS = "/etc/etcd"
CONFIG = f"{SETTINGS}/etcd.yaml"
PKI = f"{SETTINGS}/pki"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
DATA = "/var/lib/etcd"

CLIENTS = "clients"
"""The authority whose certificates open the client port, from either side."""

PEERS = "peers"
"""The authority whose certificates make a member: no client's certificate opens a peer port."""

CLIENT_PORT = 2379
PEER_PORT = 2380
"""Registered with IANA for etcd: etcd-client and etcd-server."""


def trust_file(authority: str) -> str:
    """Where a member has an authority's certificate."""
    return f"{PKI}/ca-{authority}.crt"


def service_folder(service: str) -> str:
    """Where a service finds what it enters the cluster with."""
    return f"/etc/{service}/etcd"
