"""Light hosts, for scale: a network and an sshd each, and this machine's own files and processes for all of them."""

from __future__ import annotations

import time
from pathlib import Path

from runbook.errors import UsageError
from runbook.site import ROOT, load_site
from runbook.testbed import bed, cgroups, lock, network, prerequisites
from runbook.testbed.bed import Bed
from runbook.testbed.emulation import Emulation
from runbook.testbed.host import answers
from runbook.testbed.keeper import keep
from runbook.testbed.layout import KEYS, Layout, Place, layout_of
from runbook.testbed.program import TestbedError, run
from runbook.testbed.status import READY

NAME = "light"
PREFIX = "198.18.64."
FIRST, MOST = 11, 200
"""The first host's address in its /24, and how many there may be."""

SITE_FILE = ROOT / KEYS / NAME / "site.toml"

SECONDS = 60.0

SSHD = """\
HostKey {keys}/host
AuthorizedKeysFile {keys}/id_ed25519.pub
ListenAddress {address}
PidFile none
UsePAM no
UseDNS no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
AllowUsers root
MaxStartups 200:30:400
MaxSessions 100
PrintMotd no
PrintLastLog no
SetEnv HOME={state}
Subsystem sftp internal-sftp
"""
"""HOME is elsewhere: what root's start files on this machine do would cost each command its time."""


def site_text(count: int) -> str:
    """The site file of so many light hosts. They are all this machine: nothing is to be changed on them."""
    target = load_site(ROOT / "sites" / "testbed.toml").target
    head = (f'schema = 1\nname = "{NAME}"\ntarget = "{target}"\nprotected = true\n\n[ssh]\nuser = "root"\n'
            f'sudo = false\nkey = "file:id_ed25519"\nknown_hosts = "known_hosts"\n')
    hosts = (f'\n[[host]]\nname = "light{number + 1}"\naddress = "{PREFIX}{FIRST + number}"\nroles = ["service"]\n'
             for number in range(count))
    return head + "".join(hosts)


def up(count: int) -> Bed:
    """Brings up so many light hosts anew; their site is SITE_FILE. Raises as the bed's `up` does, and UsageError."""
    if not 1 <= count <= MOST:
        raise UsageError(f"{count} light hosts", next=f"from 1 to {MOST}: they have one /24")
    prerequisites.require()
    layout = _layout(count)
    began = time.monotonic()
    with lock.changing(layout.name):
        bed.refuse_in_use(layout)
        try:
            bed.clear(layout)
            _layout(count)  # its file was among the keys
            _build(layout)
        except BaseException:
            bed.clear(layout)
            raise
    return Bed(layout, Emulation(layout.target, False, why="light hosts run none"), False, time.monotonic() - began)


def down() -> Layout:
    """Takes down the light hosts that there are. Raises as the bed's `down` does."""
    _layout(1)
    return bed.down(SITE_FILE)


def _layout(count: int) -> Layout:
    SITE_FILE.parent.mkdir(parents=True, exist_ok=True)
    SITE_FILE.write_text(site_text(count))
    return layout_of(load_site(SITE_FILE))


def _build(layout: Layout) -> None:
    network.refuse_a_taken_prefix(layout)
    layout.state.mkdir(parents=True, mode=0o755)
    bed.record(layout)
    network.fence(layout)
    for place in layout.places:
        place.state.mkdir()
    network.build(layout)
    for name in ("id_ed25519", "host"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(layout.keys / name))
    kind, key = (layout.keys / "host.pub").read_text().split()[:2]
    layout.known_hosts.write_text("".join(f"{place.name},{place.address} {kind} {key}\n" for place in layout.places))
    cgroups.make(layout.group, cgroups.KEEPERS)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    for place in layout.places:
        _start(layout, place)
    until = time.monotonic() + SECONDS
    for place in layout.places:
        while not answers(place):
            if time.monotonic() > until:
                raise TestbedError(f"{place.name}: no sshd answers at {place.address}",
                                   tail=(place.state / "sshd.log").read_text(), next="is the machine overloaded?")
            time.sleep(0.02)
    (layout.state / READY).touch()


def _start(layout: Layout, place: Place) -> None:
    config = place.state / "sshd_config"
    config.write_text(SSHD.format(keys=layout.keys, address=place.address, state=place.state))
    keep(layout.group, ["nsenter", f"--net={place.namespace}", "--", "/usr/sbin/sshd", "-D", "-e", "-f", str(config)],
         place.state / "sshd.log", Path("/"))
