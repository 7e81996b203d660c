"""The Go on a host that compiles: the site's, brought there, or the host's own where it is the same by its sources."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from runbook.chapters.buildhost.bench import Bench
from runbook.chapters.buildhost.parcel import UNUSED, parcel_of
from runbook.errors import Blocked, CommandFailed
from runbook.remote.command import Script
from runbook.remote.strict import StrictShell

KIND = "go"
NOTHING = 66  # EX_NOINPUT of sysexits.h
VERSION = Script('GOTOOLCHAIN=local GOFLAGS=-mod=readonly exec "$1/bin/go" version')
OWN = Script(r"""
[ -x "$1/bin/go" ] || { echo "there is no bin/go in $1" >&2; exit 66; }
GOTOOLCHAIN=local GOFLAGS=-mod=readonly "$1/bin/go" version || exit
cd -- "$1" && find -L VERSION go.env src -type f ! -name '*_test.go' ! -path '*/testdata/*' -print0 2>/dev/null |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
""", limit=300.0)
"""What the Go in the folder `$1` says it is, and the hash of its sources without tests."""
SAYS = re.compile(r"go version go(\d\S*)")
INSTEAD = "leave [build] on empty to compile on this machine"


def go_there(bench: Bench, root: Path, own: str = "") -> str:
    """The folder on the host of the Go that lies in `root` here; `own` is the host's, which is not sent then.

    Raises Blocked where the host has none, another one, or cannot run it, and the errors of a host.
    """
    if own:
        _is_the_same(bench.shell, root, own)
        return own
    here = os.uname().machine
    if bench.seen.machine != here:
        raise Blocked(f"{bench.name} is {bench.seen.machine}, and the site's Go runs on {here}: it is of no use there",
                      next=f"name the folder of the same Go on {bench.name} as go in [build], or {INSTEAD}")
    place = bench.bring(parcel_of(root, UNUSED.fullmatch), KIND)
    try:
        bench.shell.run(VERSION.command(place))
    except CommandFailed as error:
        raise Blocked(f"the site's Go does not run on {bench.name}", tail=error.tail,
                      next=f"name a Go of its own as go in [build], or {INSTEAD}") from error
    return place


def version_there(shell: StrictShell, own: str) -> str:
    """Of the host's own Go, as it says it; empty where it is none."""
    try:
        said = SAYS.match(shell.run(VERSION.command(own)).text)
    except CommandFailed:
        return ""
    return said[1] if said else ""


def _is_the_same(shell: StrictShell, root: Path, own: str) -> None:
    """Equal sources compile to equal bytes, whatever machine the compiler runs on."""
    try:
        says, told = shell.run(OWN.command(own)).text.splitlines()
    except CommandFailed as error:
        if error.exit_code_seen == NOTHING:
            raise Blocked(f"{shell.name} has no Go in {own}",
                          next=f"install the site's Go there, take go out of [build] to have it sent, or {INSTEAD}") \
                from error
        raise Blocked(f"{own}/bin/go does not run on {shell.name}", tail=error.tail,
                      next=f"install a Go for its machine there, or {INSTEAD}") from error
    if told.split()[0] != sources_of(root):
        raise Blocked(f"{shell.name}: the Go in {own} is another one than the site's: it says `{says}`, and its "
                      "sources differ",
                      next=f"install the same Go there, take go out of [build] to have it sent, or {INSTEAD}")


def sources_of(root: Path) -> str:
    """What OWN prints of the same files: the SHA-256 of sha256sum's lines, in the order of their names."""
    def left_out(name: str) -> bool:
        inside = name.split("/")
        return inside[0] not in ("VERSION", "go.env", "src") or name.endswith("_test.go") or "testdata" in inside

    digest = hashlib.sha256()
    for entry in sorted(parcel_of(root, left_out).entries, key=lambda one: one.name):
        if entry.sha256:
            digest.update(entry.sha256.encode() + b"  " + entry.name + b"\n")
    return digest.hexdigest()
