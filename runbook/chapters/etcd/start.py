"""Starting a member: program, configuration and unit in one step, which ends healthy or is taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from runbook.chapters.etcd.cluster import Member
from runbook.chapters.etcd.layout import CLIENTS, CONFIG, CTL, PKI, PROGRAM, UNIT, UNIT_FILE, USER, trust_file
from runbook.chapters.etcd.observe import FILES, UNIT_STATE, Files
from runbook.chapters.etcd.settings import configuration, unit
from runbook.chapters.etcd.signed import checked, unchecked
from runbook.chapters.etcd.wanted import Wanted
from runbook.plan import Action, Place, Replace, Restore, Run, Step
from runbook.remote.question import HostAnswers

GIVES_UP_AFTER = 3
"""Restarts by the service manager after which a start has failed: what is wrong three times is not a race."""

AFTERWARDS = 15.0
"""Seconds that the command may take beyond the limit for being healthy: to read the log."""

# `start --no-block`: a first member is ready only when there is a quorum, so no host may wait for another's turn.
UNTIL_HEALTHY = """\
unit=$1 seconds=$2 restarts=$3; shift 3
since=$(date '+%Y-%m-%d %H:%M:%S') end=$(($(date +%s) + seconds))
systemctl stop -- "$unit" 2>/dev/null
systemctl reset-failed -- "$unit" 2>/dev/null
systemctl start --no-block -- "$unit" || exit
while [ "$(date +%s)" -lt "$end" ]; do
  state=$(systemctl is-active -- "$unit")
  if [ "$state" = active ] && "$@" >/dev/null 2>&1; then exit 0; fi
  tried=$(systemctl show -p NRestarts -- "$unit"); tried=${tried#NRestarts=}
  if [ "$state" = failed ] || [ "${tried:-0}" -ge "$restarts" ]; then break; fi
  sleep 0.2
done
echo "$unit is $(systemctl is-active -- "$unit") and not healthy; the last lines of its log:" >&2
journalctl -u "$unit" --since "$since" -n 8 -o cat --no-pager 2>/dev/null | cut -c 1-400 >&2
exit 1
"""


def check_words(endpoints: str) -> tuple[str, ...]:
    """etcdctl as the runbook's own client, on the host itself; for root, who alone can read its key."""
    return (CTL, "--endpoints", endpoints, "--cacert", trust_file(CLIENTS), "--cert", f"{PKI}/check.crt",
            "--key", f"{PKI}/check.key")  # fmt: skip


def healthy(member: Member) -> tuple[str, ...]:
    """The command that succeeds where a member answers a read that a quorum agreed on."""
    return (*check_words(member.client_url), "--command-timeout", "5s", "endpoint", "health")


def start_member(seen: HostAnswers, wanted: Wanted) -> Iterator[Step]:
    """The step that makes the member run as wanted; none where it does.

    A change restarts the member; changed members restart side by side, so writes wait some seconds then. Its program's
    signature is checked before: where it does not hold, nothing new is started.
    """
    member = wanted.member(seen.host)
    assert member is not None
    files, now = seen[FILES], seen[UNIT_STATE]
    changes = _changes(files, member, wanted)
    if not changes and now.runs and now.enabled:
        return
    reload, again = Run("systemctl", "daemon-reload"), _start(member, wanted)
    program = wanted.programs.etcd
    check = checked(seen.host, PROGRAM, program, wanted.seals)
    restored = (*unchecked(PROGRAM, program, wanted.seals), *(Restore(change.path) for change in reversed(changes)))
    if now.runs:
        why, undo = (
            "the member restarts with what changed",
            (*restored, reload, Run("systemctl", "restart", UNIT)),
        )
    elif now.loaded:
        why, undo = (
            f"{UNIT} is {now.active or 'not enabled'}",
            (Run("systemctl", "stop", UNIT), *restored, reload),
        )
    else:
        # A leader that is asked to stop looks some seconds for an heir, and there is none left; its data goes anyway.
        killed = Run("systemctl", "kill", "-s", "KILL", UNIT, also={1: "it does not run", 5: "it is not loaded"})
        forgotten = Run("systemctl", "reset-failed", UNIT, also={1: "it had not failed"})
        undo = (killed, Run("systemctl", "disable", "--now", UNIT), *restored, reload, forgotten)
        why = f"a member of {wanted.cluster.token} on ports {member.client_port} and {member.peer_port}"
    yield Step(why=why, do=(*changes, reload, *check, Run("systemctl", "enable", UNIT), again), undo=undo)


def _changes(files: Files, member: Member, wanted: Wanted) -> tuple[Place | Replace, ...]:
    program = wanted.programs.etcd
    texts = (
        Replace(CONFIG, configuration(member, wanted.cluster), 0o640, f"root:{USER}", was=_text(files, CONFIG)),
        Replace(UNIT_FILE, unit(wanted.environment), was=_text(files, UNIT_FILE)),
    )
    placed = Place(PROGRAM, program.path, program.sha256)
    found: list[Place | Replace] = []
    if not files.is_file(placed.path, placed.sha256, placed.mode, placed.owner):
        found.append(placed)
    for one in texts:
        sha256 = hashlib.sha256(one.data).hexdigest()
        if not files.is_file(one.path, sha256, one.mode, one.owner):
            found.append(one)
    return tuple(found)


def _text(files: Files, path: str) -> str | None:
    there = files.get(path)
    return there.text if there else None


def _start(member: Member, wanted: Wanted) -> Action:
    words = ("sh", "-c", UNTIL_HEALTHY, "sh", UNIT, str(wanted.healthy_within), str(GIVES_UP_AFTER))
    return Run(*words, *healthy(member), limit=wanted.healthy_within + AFTERWARDS)
