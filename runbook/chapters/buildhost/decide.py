"""Where something is compiled: on which host, in which folder, and what takes that folder away again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runbook.errors import Blocked, ParameterError
from runbook.plan import Folder, Plan, Restore, Run, Step
from runbook.remote.lease_scripts import BORN
from runbook.site import Host, Site
from runbook.site_tables import LOCAL

FOLDER = "/var/cache/runbook"
"""On the host, for its user alone: what may be lost at any time (Filesystem Hierarchy Standard, /var/cache)."""
ROLE = "build"
MODE = 0o700
WHY = "a folder for what is compiled on this host"
CLEAR_LIMIT = 300.0  # seconds: a Go, its modules and what was compiled are some 50,000 files
CLEAR = BORN + r"""
folder=$1
[ -d "$folder" ] && [ ! -L "$folder" ] || exit 0
boot=$(cat /proc/sys/kernel/random/boot_id)
lives() { # the group $1, whose leader was born at $2
    kill -s 0 -- "-$1" 2>/dev/null || return 1
    now=$(born "$1")
    [ "${now:-$2}" = "$2" ]
}
ended() {
    [ ! -f "$1/exit" ] && [ -f "$1/group" ] || return 0
    read -r group since when <"$1/group"
    [ "$when" = "$boot" ] || return 0
    tries=0
    while lives "$group" "$since"; do
        [ $tries -lt 100 ] || { echo "process group $group works in $folder and does not end" >&2; exit 75; }
        [ $tries -lt 50 ] && signal=TERM || signal=KILL
        kill -s $signal -- "-$group" 2>/dev/null
        tries=$((tries + 1))
        sleep 0.1 2>/dev/null || sleep 1
    done
}
home=$(getent passwd "$(stat -c %u -- "$folder")" 2>/dev/null | cut -d: -f6)
for about in /var/lib/runbook/leases/*/about "${home:-/nonexistent}"/.local/state/runbook/leases/*/about; do
    [ -f "$about" ] && grep -qF -- " $folder/" "$about" || continue
    ended "${about%/about}"
    scope= by=
    [ ! -f "${about%/about}/unit" ] || read -r scope by <"${about%/about}/unit"
    [ -z "$scope" ] || systemctl kill -s KILL "$scope" 2>/dev/null # what left its group
    rm -rf -- "${about%/about}"
    rmdir -- "${about%/*/about}" "${about%/*/*/about}" 2>/dev/null
done
rm -rf --one-file-system -- "$folder"/* "$folder"/.[!.]* "$folder"/..?*
"""
"""As root, of the folder `$1`: the leases that still work in it are ended and forgotten, and it is emptied."""


class Seen(Protocol):
    """What a plan asks of a host that compiles."""

    @property
    def name(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def folder(self) -> str: ...


def host_for(site: Site, on: str = "") -> Host | None:
    """The host that compiles: `on`, else the site's; None: the machine that runs the runbook.

    Raises SiteError for a host that the site has not, ParameterError for one that is not there to compile.
    """
    name = on or site.build.on
    if name in ("", LOCAL):
        return None
    host = site.host(name)
    if not host.has(ROLE):
        raise ParameterError(f"{name} has not the role `{ROLE}`: nothing is compiled there",
                             next=f'add "{ROLE}" to its roles in the site file, or on = "{LOCAL}"')
    return host


@dataclass(frozen=True)
class Place:
    """The host that compiles, and what is to be done for the folder there first."""

    host: Seen
    plan: Plan

    def __str__(self) -> str:
        return f"on {self.host.name}, in {FOLDER}: {self.plan}"


def place_for(seen: Seen | None) -> Place | None:
    """None: this machine. Raises Blocked as `folder_for` does."""
    return Place(seen, folder_for(seen)) if seen else None


def folder_for(seen: Seen) -> Plan:
    """The folder, which only the user who logs in can enter; the undo stops what runs in it, and takes all of it.

    Raises Blocked where it is somebody else's.
    """
    if seen.folder == f"{MODE:o} {seen.owner}":
        return Plan(because=f"{FOLDER} is there")
    mode, _, owner = seen.folder.partition(" ")
    if seen.folder and owner != seen.owner:
        raise Blocked(f"{seen.name}: {FOLDER} is {owner}'s, and {seen.owner} is to compile there",
                      next="undo the run that made it, or log in as the user that it belongs to")
    back = () if mode else (Run("sh", "-c", CLEAR, "sh", FOLDER, limit=CLEAR_LIMIT),)
    return Plan(Step(WHY, (Folder(FOLDER, MODE, seen.owner),), (*back, Restore(FOLDER))))
