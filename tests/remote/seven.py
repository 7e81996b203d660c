"""Light hosts that fail each in its own way: an sshd started anew, with mounts of its own where a file differs."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from runbook.testbed.host import answers
from runbook.testbed.keeper import keep
from runbook.testbed.layout import Layout, Place

USER = "guest"

NO_SUDO = """
umask 022
cp /etc/passwd "$1/passwd" && echo "guest:*:64000:64000::$1:/bin/sh" >>"$1/passwd" || exit
printf 'root ALL=(ALL) ALL\\n' >"$1/sudoers" && chmod 440 "$1/sudoers" || exit
mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/sudoers" /etc/sudoers || exit
shift
exec "$@"
"""
"""A user who may log in, and whom sudoers(5) does not name."""

SMALL = 'mkdir "$1/work" && mount -t tmpfs -o size=64k small "$1/work" && shift && exec "$@"'


def listener(place: Place) -> int:
    """The pid of the host's sshd that listens."""
    title = f"-f {place.state}/sshd_config [listener]".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if title in path.read_bytes():
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError(f"{place.name}: no sshd")


def again(layout: Layout, place: Place, *, within: str = "", key: Path | None = None, user: str = "root") -> None:
    """Ends the host's sshd and starts it anew: with another host key, for another user, or within a script."""
    os.kill(listener(place), signal.SIGTERM)
    config = place.state / "sshd_config"
    text = config.read_text().replace("AllowUsers root", f"AllowUsers {user}")
    config.write_text(text.replace(f"HostKey {layout.keys}/host", f"HostKey {key or layout.keys / 'host'}"))
    words = ["/usr/sbin/sshd", "-D", "-e", "-f", str(config)]
    if within:
        words = ["unshare", "--mount", "sh", "-c", within, "sh", str(place.state), *words]
    until = time.monotonic() + 20
    while answers(place):                 # the one before has its address for a moment
        assert time.monotonic() < until
    keep(layout.group, ["nsenter", f"--net={place.namespace}", "--", *words], place.state / "sshd.log", Path("/"))
    while not answers(place):
        assert time.monotonic() < until, (place.state / "sshd.log").read_text()
        time.sleep(0.02)


def other_key(folder: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "other")], check=True, timeout=30)
    return folder / "other"
