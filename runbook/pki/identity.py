"""An identity: whom a certificate names, under which names it is reached, and what it may be used for."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

# RFC 5280, appendix A.1, ub-common-name. The rest is what needs no escape, neither in a subject of openssl's
# command line nor in its subjectAltName.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


class Use(StrEnum):
    """What a certificate is for; extended key usage, RFC 5280, section 4.2.1.12."""

    SERVER = "server"
    CLIENT = "client"


@dataclass(frozen=True)
class Identity:
    """Subject, alternative names and uses as wanted; raises ValueError for a name that needs escapes."""

    common_name: str
    organization: str
    uses: frozenset[Use]
    dns: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in (self.common_name, self.organization, *self.dns):
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r}: a name in a certificate has letters, digits, `.`, `_`, `-`, at most 64")
        for address in self.addresses:
            ipaddress.ip_address(address)

    def __str__(self) -> str:
        return f"{self.common_name} ({' and '.join(sorted(self.uses))})"

    @property
    def subject(self) -> str:
        """As `openssl req -subj` takes it."""
        return f"/O={self.organization}/CN={self.common_name}"

    @property
    def alternative_names(self) -> str:
        """As openssl's `subjectAltName=` takes it; empty where there are none."""
        addresses = sorted(self.addresses, key=lambda one: (ipaddress.ip_address(one).version, one))
        return ",".join([f"DNS:{name}" for name in sorted(self.dns)] + [f"IP:{address}" for address in addresses])


def server_identity(name: str, address: str, organization: str, uses: frozenset[Use]) -> Identity:
    """Who answers on a host: under its name, its address, and from the host itself as localhost."""
    dns, addresses = {name, "localhost"}, {"127.0.0.1"}
    try:
        addresses.add(str(ipaddress.ip_address(address)))
    except ValueError:  # the site names the host, not its address
        dns.add(address)
    return Identity(name, organization, uses, frozenset(dns), frozenset(addresses))
