"""What a host's disk holds before its first boot: the differences from this machine's, which lies below."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runbook.testbed import accounts
from runbook.testbed.layout import Layout, Place

OPAQUE = "trusted.overlay.opaque"
"""A folder with this attribute hides what lies below it (Documentation/filesystems/overlayfs.rst)."""

HIDDEN = ("etc/systemd/system", "etc/ssh", "etc/sudoers.d", "etc/containerd", "home", "var/log", "var/tmp",
          "var/lib/runbook-testbed", "run")
"""Folders that start empty: nothing that this machine was told to start, and nobody's files."""

ABSENT = ("var/lib/runbook",)
"""What a host does not have before it is first changed, whatever this machine was changed by."""

WHITEOUT = os.makedev(0, 0)
"""The character device that hides what lies below it (Documentation/filesystems/overlayfs.rst)."""

WANTED = ("dbus.service", "ssh.service", "containerd.service")

MASKED = (
    # what belongs to the machine, not to a host of it
    "systemd-sysctl.service", "systemd-binfmt.service", "systemd-modules-load.service",
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-timesyncd.service",
    "systemd-pstore.service",
    "systemd-remount-fs.service", "systemd-update-utmp.service", "systemd-update-utmp-runlevel.service",
    "systemd-firstboot.service", "systemd-sysusers.service", "systemd-hwdb-update.service",
    "systemd-udevd-control.socket", "systemd-udevd-kernel.socket",
    "kmod-static-nodes.service", "binfmt-support.service", "openipmi.service", "ipmievd.service",
    "proc-sys-fs-binfmt_misc.automount", "proc-sys-fs-binfmt_misc.mount", "dev-hugepages.mount",
    "dev-mqueue.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount",
    "sys-fs-fuse-connections.mount", "getty.target", "getty-static.service", "console-getty.service",
)

SSHD = """\
# Keys only, no name look-ups, room for many connections at once.
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/authorized_keys/%u
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
MaxStartups 200:30:400
MaxSessions 100
PrintMotd no
PrintLastLog no
Subsystem sftp internal-sftp
"""

SUDOERS = """\
Defaults env_reset, secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
{operator} ALL=(ALL:ALL) NOPASSWD: ALL
@includedir /etc/sudoers.d
"""


@dataclass(frozen=True)
class Entry:
    """One file; or a symbolic link, where `link` is set."""

    content: str = ""
    mode: int = 0o644
    link: str = ""


def machine_id(bed: str, host: str) -> str:
    """32 hex digits that no other host has (`man machine-id`), the same whenever the bed is built."""
    return hashlib.sha256(f"{bed}/{host}".encode()).hexdigest()[:32]


def entries(layout: Layout, place: Place, host_key: str, operator_key: str) -> Mapping[str, Entry]:
    """Every file of a host that differs from this machine's, by its path without the leading `/`."""
    identity = machine_id(layout.name, place.name) + "\n"
    people = accounts.passwd(accounts.of_machine("passwd"), layout.operator)
    names = "".join(f"{one.address} {one.name}\n" for one in layout.places)
    units = "etc/systemd/system"
    return {
        "etc/hostname": Entry(place.name + "\n"),
        "etc/hosts": Entry("127.0.0.1 localhost\n::1 localhost ip6-localhost\n" + names),
        "etc/resolv.conf": Entry("# no resolver: /etc/hosts has every name\n"),
        "etc/machine-id": Entry(identity, 0o444),
        "var/lib/dbus/machine-id": Entry(identity, 0o444),
        "etc/fstab": Entry(),
        "etc/motd": Entry(),
        "etc/passwd": Entry(people),
        "etc/group": Entry(accounts.group(accounts.of_machine("group"), layout.operator)),
        "etc/shadow": Entry(accounts.shadow(people), 0o600),
        "etc/sudoers": Entry(SUDOERS.format(operator=layout.operator), 0o440),
        "etc/ssh/sshd_config": Entry(SSHD),
        "etc/ssh/ssh_host_ed25519_key": Entry(host_key, 0o600),
        "etc/ssh/authorized_keys/root": Entry(operator_key),
        f"etc/ssh/authorized_keys/{layout.operator}": Entry(operator_key),
        f"{units}/default.target": Entry(link="/lib/systemd/system/multi-user.target"),
        **{f"{units}/multi-user.target.wants/{unit}": Entry(link=f"/lib/systemd/system/{unit}")
           for unit in WANTED},
        **{f"{units}/{unit}": Entry(link="/dev/null") for unit in MASKED},
    }


def write(layout: Layout, place: Place, host_key: str, operator_key: str) -> None:
    """Fill a host's disk, which must be empty."""
    upper = place.disk / "upper"
    for folder in (upper, place.disk / "work", place.disk / "containerd"):
        folder.mkdir(parents=True)
    upper.chmod(0o755)
    for name in HIDDEN:
        folder = upper / name
        folder.mkdir(parents=True)
        os.setxattr(folder, OPAQUE, b"y")
    for name in ABSENT:
        os.mknod(upper / name, stat.S_IFCHR, WHITEOUT)
    for path, entry in entries(layout, place, host_key, operator_key).items():
        _write(upper / path, entry)
    (upper / "var/log/journal").mkdir()
    (upper / "var/tmp").chmod(0o1777)
    home = upper / "home" / layout.operator
    home.mkdir(mode=0o700)
    os.chown(home, accounts.OPERATOR_ID, accounts.OPERATOR_ID)
    _keep_what_the_package_brings(upper)


def _write(path: Path, entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.link:
        path.symlink_to(entry.link)
        return
    path.touch(mode=0o600)
    path.write_text(entry.content)
    path.chmod(entry.mode)


def _keep_what_the_package_brings(upper: Path) -> None:
    """containerd as Debian installs it, whatever this machine has made of its own."""
    packaged = Path("/etc/containerd/config.toml")
    if packaged.is_file():
        shutil.copy2(packaged, upper / "etc/containerd/config.toml")
