"""The faults that a bed's hosts can be given: what each does, and what takes exactly that back."""

from __future__ import annotations

import sys
from ipaddress import IPv4Address

from runbook.errors import UsageError
from runbook.testbed import cgroups, slow_wire
from runbook.testbed.deed import HOST, MACHINE, NET, NOTES, Deed, Fault, Words, absolute, number
from runbook.testbed.layout import Layout, Place
from runbook.testbed.network import HAS_IPV6
from runbook.testbed.oddities import ODDITIES
from runbook.testbed.program import TestbedError

PERIOD_MICROSECONDS = 100_000
"""The kernel's default for both cgroup versions (Documentation/scheduler/sched-bwc.rst)."""


def _table(rules: tuple[str, ...]) -> Deed:
    """A table of nftables with an input and an output chain before all others, and its removal."""
    hooks = "; ".join(f"add chain inet fault {hook} {{ type filter hook {hook} priority -300; }}"
                      for hook in ("input", "output"))
    text = "; ".join(["add table inet fault", hooks, *(f"add rule inet fault {rule}" for rule in rules)])
    return Deed(NET, (("nft", text),), (("nft", "delete table inet fault"),))


def partition(layout: Layout, place: Place, peer: str) -> Deed:
    if peer == "all":
        return _table(('input iifname != "lo" drop', 'output oifname != "lo" drop'))
    address = layout.bridge_address if peer == "machine" else layout.place(peer).address
    return _table((f"input ip saddr {IPv4Address(address)} drop", f"output ip daddr {IPv4Address(address)} drop"))


def loss(layout: Layout, place: Place, percent: str) -> Deed:
    return _table((f'input iifname != "lo" numgen random mod 100 < {number(percent, 1, 100)} drop',))


def flapping(layout: Layout, place: Place) -> Deed:
    return _table(("input tcp dport 22 ct state new numgen inc mod 2 0 reject with tcp reset",))


def refusing(layout: Layout, place: Place, port: str) -> Deed:
    return _table((f"input tcp dport {number(port, 1, 65535)} reject with tcp reset",))


def reset(layout: Layout, place: Place) -> Deed:
    return Deed(NET, (("ss", "--kill", "--no-header", "--tcp", "sport = :22"),))


def bandwidth(layout: Layout, place: Place, kilobits: str) -> Deed:
    rate = f"{number(kilobits, 8, 10_000_000)}kbit"
    return Deed(NET, (("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "16kb",
                       "latency", "200ms"),), (("tc", "qdisc", "delete", "dev", "eth0", "root"),))


def delay(layout: Layout, place: Place, milliseconds: str, spread: str = "0") -> Deed:
    """By a program that holds the host's packets: netem is not in every kernel."""
    if number(spread, 0, 10_000) > number(milliseconds, 1, 10_000):
        raise UsageError(f"{spread}: more than the {milliseconds} ms that it varies", next="mend the fault's argument")
    if not slow_wire.DEVICE.exists():
        raise TestbedError(f"{slow_wire.DEVICE}: not there, and delays are made by it", next="modprobe tun")
    addresses = (str(place.address), *([str(place.address_6)] if HAS_IPV6.exists() else []))
    words = (sys.executable, "-m", slow_wire.__name__, milliseconds, spread, str(place.state / NOTES), *addresses)
    return Deed(NET, (words,), (slow_wire.healing(),))


def full_disk(layout: Layout, place: Place, folder: str, kilobytes: str) -> Deed:
    """What is in the folder is hidden meanwhile: the host's disk is this machine's, and nobody fills that."""
    size = f"size={number(kilobytes, 4, 1_000_000)}k,mode=1777"
    return Deed(HOST, (("mkdir", "-p", "--", absolute(folder)), ("mount", "-t", "tmpfs", "-o", size, "full", folder)),
                (("umount", "--lazy", folder),), until_reboot=True)


def read_only(layout: Layout, place: Place, folder: str) -> Deed:
    return Deed(HOST, (("mount", "--bind", absolute(folder), folder), ("mount", "-o", "remount,bind,ro", folder)),
                (("umount", "--lazy", folder),), until_reboot=True)


def kill(layout: Layout, place: Place, unit: str) -> Deed:
    return Deed(HOST, (("systemctl", "kill", "--signal=KILL", "--", unit),))


def freeze(layout: Layout, place: Place, unit: str) -> Deed:
    return Deed(HOST, (("systemctl", "kill", "--signal=STOP", "--", unit),),
                (("systemctl", "kill", "--signal=CONT", "--", unit),), until_reboot=True)


def freeze_host(layout: Layout, place: Place) -> Deed:
    file, frozen, thawed = _knob(layout, place, "freezer", ("freezer.state", "FROZEN", "THAWED"),
                                 ("cgroup.freeze", "1", "0"))
    return Deed(MACHINE, (_written(file, frozen),), (_written(file, thawed),), until_reboot=True)


def slow_cpu(layout: Layout, place: Place, percent: str) -> Deed:
    quota = number(percent, 1, 100) * PERIOD_MICROSECONDS // 100
    file, slow, free = _knob(layout, place, "cpu", ("cpu.cfs_quota_us", str(quota), "-1"),
                             ("cpu.max", f"{quota} {PERIOD_MICROSECONDS}", "max"))
    return Deed(MACHINE, (_written(file, slow),), (_written(file, free),), until_reboot=True)


def reboot(layout: Layout, place: Place) -> Deed:
    return Deed(HOST, (("systemctl", "reboot"),))


def sshd_down(layout: Layout, place: Place) -> Deed:
    return Deed(HOST, (("systemctl", "stop", "ssh"),), (("systemctl", "start", "ssh"),), until_reboot=True)


def sshd_silent(layout: Layout, place: Place) -> Deed:
    """The kernel takes connections, and nobody ever says a word: as an sshd that hangs, or starves."""
    return Deed(HOST, (("systemctl", "kill", "--kill-whom=main", "--signal=STOP", "ssh"),),
                (("systemctl", "kill", "--kill-whom=main", "--signal=CONT", "ssh"),), until_reboot=True)


KEY = "/etc/ssh/ssh_host_ed25519_key"


SHOWN = """
i=0
until ssh-keyscan -t ed25519 127.0.0.1 2>/dev/null | grep -qF "$(ssh-keygen -y -f "$1" | cut -d' ' -f2)"; do
    i=$((i + 1))
    [ $i -lt 100 ] || exit 1
    sleep 0.05
done
"""
"""Until sshd shows the key `$1`: after a reload it listens to nobody for a moment."""

RELOADED = (("systemctl", "reload", "ssh"), ("sh", "-c", SHOWN, "sh", KEY))


def host_key(layout: Layout, place: Place) -> Deed:
    return Deed(HOST, (("mv", KEY, f"{KEY}.before"), ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY),
                       ("rm", "-f", f"{KEY}.pub"), *RELOADED),
                (("mv", f"{KEY}.before", KEY), *RELOADED))


REVOKED = "/etc/sudoers.d/zz-revoked"


def sudo_revoked(layout: Layout, place: Place) -> Deed:
    rule = f"{layout.operator} ALL=(ALL:ALL) PASSWD: ALL"
    script = 'umask 0337; printf "%s\\n" "$1" >"$2"'
    return Deed(HOST, (("sh", "-c", script, "sh", rule, REVOKED),), (("rm", "-f", REVOKED),))


FAULTS = {
    "partition": Fault("no packet from or to a peer: a host, `machine` (this one) or `all`", (("PEER", "all"),),
                       partition),
    "loss": Fault("so many of a hundred packets that come are lost", (("PERCENT", "20"),), loss),
    "flapping": Fault("every second new SSH connection is reset", (), flapping),
    "refusing": Fault("connections to a port are answered with a reset", (("PORT", "22"),), refusing),
    "reset": Fault("SSH connections that stand are cut, once", (), reset),
    "delay": Fault("what the host sends leaves so many milliseconds late", (("MS", "50"),), delay),
    "jitter": Fault("the same, each packet by so many milliseconds more or less", (("MS", "50"), ("SPREAD", "20")),
                    delay),
    "bandwidth": Fault("the host sends so many kbit/s at most", (("KBIT", "1000"),), bandwidth),
    "full-disk": Fault("a folder on a file system of its own, of so many KiB", (("FOLDER", "/srv"), ("KIB", "64")),
                       full_disk),
    "read-only": Fault("a folder that nobody can write to", (("FOLDER", "/srv"),), read_only),
    "kill": Fault("a unit's processes get SIGKILL, once", (("UNIT", ""),), kill),
    "freeze": Fault("a unit's processes stand still; the unit says active all the same", (("UNIT", ""),), freeze),
    "freeze-host": Fault("every process of the host stands still; its kernel still answers", (), freeze_host),
    "slow-cpu": Fault("the host gets so many percent of one CPU", (("PERCENT", "10"),), slow_cpu),
    "reboot": Fault("the host reboots, once", (), reboot),
    "sshd-down": Fault("nobody listens for SSH; sessions that stand go on", (), sshd_down),
    "sshd-silent": Fault("sshd takes connections and says nothing", (), sshd_silent),
    "host-key": Fault("the host shows another key", (), host_key),
    "sudo-revoked": Fault("the operator's `sudo -n` wants a password", (), sudo_revoked),
    **ODDITIES,
}
"""By name, the oddities of hosts at the end."""


def fault_of(name: str, arguments: tuple[str, ...]) -> tuple[Fault, tuple[str, ...]]:
    """The fault of a name, and its arguments with the defaults for those not given. Raises UsageError."""
    if name not in FAULTS:
        raise UsageError(f"there is no fault `{name}`", next=f"there are {', '.join(FAULTS)}")
    fault = FAULTS[name]
    whole = (*arguments, *(default for _, default in fault.arguments[len(arguments):]))
    if len(whole) != len(fault.arguments) or not all(whole):
        raise UsageError(f"{name}: {len(arguments)} arguments", next=f"fault {name} HOST {fault.usage()}".rstrip())
    return fault, whole


def _knob(layout: Layout, place: Place, controller: str, v1: tuple[str, str, str],
          v2: tuple[str, str, str]) -> tuple[str, str, str]:
    """The file of the host's cgroup, what is written for the fault, and what without it. Raises TestbedError."""
    for hierarchy in cgroups.hierarchies():
        folder = hierarchy.group(layout.group, place.name)
        for file, on, off in [v1] if controller in hierarchy.controllers else [v2] if hierarchy.unified else []:
            if (folder / file).exists():
                return str(folder / file), on, off
    raise TestbedError(f"no cgroup hierarchy of this machine has the controller {controller}",
                       next="another fault: `runbook testbed fault --help`")


def _written(file: str, content: str) -> Words:
    return ("sh", "-c", 'printf "%s\\n" "$1" >"$2"', "sh", content, file)
