"""A bed's network: one bridge in a namespace of its own, a cable to each host, and one to this machine."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from runbook.errors import Blocked
from runbook.testbed.layout import PREFIX_LENGTH, Layout, of_version_6
from runbook.testbed.program import run

UPLINK = "uplink"
BRIDGE = "lan"
LOOSE = "for each in all default; do echo 0 >/proc/sys/net/ipv4/conf/$each/rp_filter; done"
"""A host may send by another way than it hears (the fault `delay`): the kernel takes its packets all the same, whatever
this machine does about that (Documentation/networking/ip-sysctl.rst, rp_filter)."""
HAS_IPV6 = Path("/proc/net/if_inet6")
LAST_RESORT = 4_278_198_272
"""The unreachable route's metric: behind every other route, so that it holds only when the bridge is gone."""


def fence(layout: Layout) -> None:
    """Make the prefix unreachable wherever no bridge has it, for good: nothing may follow the default route.

    This one route stays when the bed is down, on purpose; `ip route del unreachable PREFIX` takes it away.
    """
    for prefix in (layout.prefix, *([layout.prefix_6] if HAS_IPV6.exists() else [])):
        run("ip", "route", "replace", "unreachable", str(prefix), "metric", str(LAST_RESORT))


def fenced(layout: Layout) -> bool:
    """Whether the unreachable route stands."""
    return bool(run("ip", "route", "show", "type", "unreachable", "exact", str(layout.prefix)).strip())


def refuse_a_taken_prefix(layout: Layout) -> None:
    """Raises Blocked where a network of this machine overlaps the bed's prefix."""
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        if route["dst"] == "default" or "dev" not in route or route["dev"] in (layout.interface, "lo"):
            continue
        if IPv4Network(route["dst"], strict=False).overlaps(layout.prefix):
            raise Blocked(f"{layout.name}: its prefix is in use: {route['dst']} on {route['dev']}",
                          next=f"give the hosts in {layout.site_file} addresses in another /24")


def build(layout: Layout) -> None:
    """The bridge and every cable. The prefix is fenced before."""
    ends = [(f"h{number}", place.namespace, place.address) for number, place in enumerate(layout.places)]
    ends += [(f"b{number}", place.bmc_namespace, place.bmc_address)
             for number, place in enumerate(layout.places) if place.bmc_address]
    make_namespace(layout.namespace)
    for _, namespace, _ in ends:
        make_namespace(namespace)
    length = layout.prefix.prefixlen
    batch(layout.namespace, [f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up addrgenmode none"] + [
        line for port, namespace, _ in ends for line in (
            f"link add {port} master {BRIDGE} type veth peer name eth0 netns {namespace}",
            f"link set {port} up addrgenmode none")])
    for _, namespace, address in ends:
        run("nsenter", f"--net={namespace}", "--", "sh", "-c", LOOSE)
        batch(namespace, ["link set lo up", f"address add {address}/{length} dev eth0",
                          *_version_6(address, "eth0"), "link set eth0 addrgenmode none", "link set eth0 up"])
    batch(None, [f"link add {layout.interface} type veth peer name {UPLINK} netns {layout.namespace}",
                 f"address add {layout.bridge_address}/{length} dev {layout.interface}",
                 *_version_6(layout.bridge_address, layout.interface),
                 f"link set {layout.interface} addrgenmode none", f"link set {layout.interface} up"])
    batch(layout.namespace, [f"link set {UPLINK} master {BRIDGE} addrgenmode none", f"link set {UPLINK} up"])


def _version_6(address: IPv4Address, interface: str) -> list[str]:
    """nodad: nobody else can have it, and an address that waits for that answers nobody for a second or two."""
    if not HAS_IPV6.exists():
        return []
    return [f"address add {of_version_6(address)}/{96 + PREFIX_LENGTH} dev {interface} nodad"]


def remove(layout: Layout) -> None:
    """Take down this machine's end, then every namespace; the unreachable route stays."""
    if interface_is_there(layout.interface):
        run("ip", "link", "delete", layout.interface, also=(1,))  # 1: it went with its namespace meanwhile
    for mount in namespace_mounts(layout):
        run("umount", "--lazy", str(mount), also=(32,))  # 32: not mounted any more


def make_namespace(path: Path) -> None:
    """A network namespace that stays as long as its file is mounted."""
    path.touch()
    run("unshare", f"--net={path}", "true")


def namespace_mounts(layout: Layout) -> tuple[Path, ...]:
    """Where namespaces of the bed are mounted."""
    mounts = (Path(line.split()[1]) for line in Path("/proc/self/mounts").read_text().splitlines())
    return tuple(mount for mount in mounts if mount.is_relative_to(layout.state))


def interface_is_there(name: str) -> bool:
    """Whether this machine has a network interface of that name."""
    return Path("/sys/class/net", name).exists()


def batch(namespace: Path | None, lines: list[str]) -> None:
    """Run lines of `ip` at once, in a namespace or in this machine's own."""
    where = ("nsenter", f"--net={namespace}", "--") if namespace else ()
    run(*where, "ip", "-batch", "-", stdin="\n".join(lines) + "\n")
