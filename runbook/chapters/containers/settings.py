"""What a service is given besides its binary: its environment and its credentials, where it alone can read them."""

from __future__ import annotations

from runbook.chapters.etcd.layout import service_folder

ENVIRONMENT = "environment"
"""Of the service, `NAME=VALUE` a line; the service runs without it too."""
FILES = (ENVIRONMENT, "ca.crt", "client.crt", "client.key")

GATHER = """
umask 077; mkdir -p "$1" || exit; owner=${3:-$(stat -c %u:%g "$1/..")}; : >"$1/environment" || exit;
for one in environment ca.crt client.crt client.key; do
  [ ! -f "$2/$one" ] || cat "$2/$one" >"$1/$one" || exit;
done;
chown -R "$owner" "$1"
"""
"""As root, before the service: at rest the key is root's alone, and a service's user may be made anew at each start.

`$1` a folder in the one that lasts as long as the service runs, `$2` where things lie, `$3` the owner (none: that of
the folder around it). Not that one itself: systemd gives it, with all in it, back to the unit's user before each
command.
"""


def at_rest(service: str) -> str:
    """Where a chapter puts the files; none need be there."""
    return service_folder(service)


def runtime_folder(service: str) -> str:
    """As systemd's RuntimeDirectory= names it: made at the start, gone after the stop."""
    return f"runbook-{service}"


def while_it_runs(service: str) -> str:
    """Where the service itself finds them: a folder in memory."""
    return f"/run/{runtime_folder(service)}/given"
