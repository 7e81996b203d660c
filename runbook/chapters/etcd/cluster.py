"""The cluster as it is wanted: its members, their addresses, and the number that etcd will give it."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass

from runbook.chapters.etcd.layout import CLIENT_PORT, PEER_PORT


@dataclass(frozen=True)
class Member:
    """One member, by its host's name and the address that the others reach it at."""

    name: str
    address: str
    client_port: int = CLIENT_PORT
    peer_port: int = PEER_PORT

    @property
    def client_url(self) -> str:
        return f"https://{bracketed(self.address)}:{self.client_port}"

    @property
    def peer_url(self) -> str:
        return f"https://{bracketed(self.address)}:{self.peer_port}"

    @property
    def bind(self) -> str:
        """What it listens on: its address, or every address where the site knows it by name only.

        etcd wants a number there (embed/config.go, checkBindURLs).
        """
        try:
            return bracketed(str(ipaddress.ip_address(self.address)))
        except ValueError:
            return "0.0.0.0"


@dataclass(frozen=True)
class Cluster:
    """Members in the site's order; `token` keeps clusters of other sites apart."""

    token: str
    members: tuple[Member, ...]

    @property
    def initial(self) -> str:
        """As `initial-cluster` takes it."""
        return ",".join(f"{member.name}={member.peer_url}" for member in self.members)

    @property
    def quorum(self) -> int:
        return len(self.members) // 2 + 1

    @property
    def id(self) -> int:
        """The number that etcd computes for the cluster, and writes into every data directory of it.

        SHA-1 of the members' numbers in order, first eight bytes (membership/cluster.go, genID).
        """
        numbers = sorted(member_id(member.peer_url, self.token) for member in self.members)
        packed = b"".join(number.to_bytes(8, "big") for number in numbers)
        return int.from_bytes(hashlib.sha1(packed, usedforsecurity=False).digest()[:8], "big")

    def member(self, name: str) -> Member | None:
        return next((member for member in self.members if member.name == name), None)

    def endpoints(self, *without: str) -> str:
        """As etcdctl's `--endpoints` takes them."""
        return ",".join(member.client_url for member in self.members if member.name not in without)

    def __str__(self) -> str:
        return f"{self.token}: {', '.join(member.name for member in self.members)}"


def member_id(peer_url: str, token: str) -> int:
    """An initial member's number: SHA-1 of peer URL and token (membership/member.go, computeMemberID)."""
    return int.from_bytes(hashlib.sha1((peer_url + token).encode(), usedforsecurity=False).digest()[:8], "big")


def bracketed(address: str) -> str:
    """An address as URLs have it: that of version 6 in brackets."""
    return f"[{address}]" if ":" in address else address
