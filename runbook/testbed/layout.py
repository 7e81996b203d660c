"""What a bed is made of: every name, address and folder, derived from its site."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from runbook.errors import SiteError
from runbook.site import Host, Reference, Site

DEVICE_TESTS = IPv4Network("198.18.0.0/15")
"""Set aside for tests of network devices, routed nowhere (RFC 2544, RFC 6890)."""

DEVICE_TESTS_6 = IPv6Network("2001:2::/48")
"""The same of IPv6 (RFC 5180, RFC 6890). A host has its IPv4 address in the last 32 bits of its own here."""

PREFIX_LENGTH = 24
STATES = Path("/run/runbook-testbed")
"""What stands: namespaces, process ids, locks. On a tmpfs, so a reboot of the machine empties it."""

DISKS = Path("/var/lib/runbook-testbed")
"""The hosts' disks. On the machine's own file system, so that fsync on a host means something."""

KEYS = Path(".cache") / "testbed"
"""A bed's keys are in a folder of this name and its own: it may be removed whole."""

INTERFACE_LENGTH = 15  # IFNAMSIZ less the NUL: linux/if.h


@dataclass(frozen=True)
class Place:
    """One host of a bed: where it is on the network and on this machine."""

    name: str
    address: IPv4Address
    bmc_address: IPv4Address | None
    state: Path                           # power, process ids, console; gone with the bed
    disk: Path                            # the overlay's upper layer and containerd's folder

    @property
    def address_6(self) -> IPv6Address:
        return of_version_6(self.address)

    @property
    def namespace(self) -> Path:
        """The host's network, which outlives a reboot."""
        return self.state / "net"

    @property
    def bmc_namespace(self) -> Path:
        """The BMC's own network, which outlives its host."""
        return self.state / "bmc-net"

    @property
    def sensors(self) -> Path:
        """One file for each sensor of the BMC; its number is the reading."""
        return self.state / "sensors"


@dataclass(frozen=True)
class Layout:
    """A whole bed, before any of it exists. Beds may stand side by side: every name has the site's in it."""

    name: str
    places: tuple[Place, ...]
    state: Path
    disk: Path
    key: Path                             # the operator's; beside it known_hosts and the BMCs' password
    known_hosts: Path
    bmc_user: str
    bmc_password: Path | None
    operator: str
    target: str
    site_file: Path

    @property
    def prefix(self) -> IPv4Network:
        return IPv4Network((self.places[0].address, PREFIX_LENGTH), strict=False)

    @property
    def prefix_6(self) -> IPv6Network:
        return IPv6Network((of_version_6(self.prefix[0]), 96 + PREFIX_LENGTH))

    @property
    def keys(self) -> Path:
        """The folder of the keys; the bed's own, whole."""
        return self.key.parent

    @property
    def bridge_address(self) -> IPv4Address:
        """This machine's own address among the hosts: the first of the prefix."""
        return self.prefix[1]

    @property
    def interface(self) -> str:
        """This machine's end of the cable to the bridge."""
        name = f"rb-{self.name}"
        if len(name) <= INTERFACE_LENGTH:
            return name
        return f"rb-{self.name[:6]}-{hashlib.sha256(self.name.encode()).hexdigest()[:5]}"

    @property
    def group(self) -> str:
        """The bed's folder in every cgroup hierarchy."""
        return f"runbook-{self.name}"

    @property
    def namespace(self) -> Path:
        """Where the bridge is."""
        return self.state / "lan-net"

    def place(self, name: str) -> Place:
        """The host of that name; raises SiteError."""
        for place in self.places:
            if place.name == name:
                return place
        known = ", ".join(place.name for place in self.places)
        raise SiteError(f"{self.name}: no host is called {name}", next=f"its hosts are {known}")


def of_version_6(address: IPv4Address) -> IPv6Address:
    return DEVICE_TESTS_6[int(address)]


def layout_of(site: Site) -> Layout:
    """The bed of a site. Raises SiteError where the site is not one of a testbed."""
    state, disk = STATES / site.name, DISKS / site.name
    places = tuple(_place(host, state, disk, site) for host in site.hosts)
    _check_addresses(places, site)
    bmcs = [host.bmc for host in site.hosts if host.bmc]
    passwords = {_file(bmc.password) for bmc in bmcs}
    if len(passwords) > 1 or len({bmc.user for bmc in bmcs}) > 1:
        raise _refused(site, "its BMCs differ in user or password", "give all of them the same")
    layout = Layout(
        name=site.name, places=places, state=state, disk=disk, key=_file(site.ssh.key),
        known_hosts=Path(os.path.normpath(site.ssh.known_hosts)), bmc_user=bmcs[0].user if bmcs else "",
        bmc_password=passwords.pop() if passwords else None, operator=site.ssh.user,
        target=site.target, site_file=site.file,
    )
    wanted = KEYS / site.name
    for file in (layout.key, layout.known_hosts, *([layout.bmc_password] if bmcs else [])):
        if file is None or file.parent.parts[-3:] != wanted.parts:
            raise _refused(site, f"a bed makes its own keys, in a folder {wanted}, not in {file}",
                           f'write `key = "file:../{wanted}/id_ed25519"`, '
                           f'`known_hosts = "../{wanted}/known_hosts"`, '
                           f'and for a BMC `password = "file:../{wanted}/bmc_password"`')
    return layout


def _place(host: Host, state: Path, disk: Path, site: Site) -> Place:
    try:
        bmc = IPv4Address(host.bmc.address) if host.bmc else None
        return Place(host.name, IPv4Address(host.address), bmc, state / host.name, disk / host.name)
    except AddressValueError as error:
        raise _refused(site, f"{host.name}: {error}", "a testbed's addresses are IPv4 addresses") from error


def _check_addresses(places: tuple[Place, ...], site: Site) -> None:
    prefix = IPv4Network((places[0].address, PREFIX_LENGTH), strict=False)
    addresses = [address for place in places for address in (place.address, place.bmc_address) if address]
    for address in addresses:
        if address not in prefix or not prefix.subnet_of(DEVICE_TESTS):
            raise _refused(site, f"{address} is not a testbed's address",
                           f"all of them in one /{PREFIX_LENGTH} of {DEVICE_TESTS}, which is routed nowhere")
        if address in (prefix[0], prefix[1], prefix[-1]) or addresses.count(address) > 1:
            raise _refused(site, f"{address} is taken", f"give each its own; {prefix[1]} is this machine's")


def _file(reference: Reference | None) -> Path | None:
    kind, _, path = str(reference or "").partition(":")
    return Path(os.path.normpath(path)) if kind == "file" else None


def _refused(site: Site, why: str, next: str) -> SiteError:
    return SiteError(f"{site.file}: not a site of a testbed: {why}", next=next)
