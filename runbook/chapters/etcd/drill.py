"""A drill: one member killed; the others go on writing, and it comes back by itself."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from runbook.chapter import Chapter
from runbook.chapters.etcd.health import HEALTH, what_is_wrong
from runbook.chapters.etcd.layout import UNIT
from runbook.chapters.etcd.replication import KEYS, ask_member
from runbook.chapters.etcd.start import healthy
from runbook.chapters.etcd.wanted import Wanted
from runbook.errors import RemoteError
from runbook.lasting import lasting
from runbook.remote.command import Script, command
from runbook.remote.fleet import Fleet
from runbook.remote.question import Unanswered
from runbook.remote.shell import Shell
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

GOES_ON, COMES_BACK = "writes go on without one member", "a killed member comes back"
WRITES = 3
REJOIN_SECONDS = 60

BACK = Script(
    """\
unit=$1 seconds=$2 was=$3; shift 3
end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$end" ]; do
  now=$(systemctl show -p MainPID -- "$unit")
  if [ "${now#MainPID=}" != "$was" ] && [ "$(systemctl is-active -- "$unit")" = active ]; then
    "$@" >/dev/null 2>&1 && exit 0
  fi
  sleep 0.1
done
echo "$unit is $(systemctl is-active -- "$unit") and not healthy; the last lines of its log:" >&2
journalctl -u "$unit" -n 8 -o cat --no-pager 2>/dev/null | cut -c 1-400 >&2
exit 1
""",
    sudo=True,
    limit=REJOIN_SECONDS + 15.0,
)


@dataclass(frozen=True)
class Written:
    """The survivors' writes: seconds of the longest, and when, on this machine's clock, each was agreed on."""

    longest: float
    ends: tuple[float, ...]


@lasting
def member_killed(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """Only where the site allows drills. A follower is killed: killing the leader would measure an election."""
    if chapter.check:
        return Verdicts((skipped(COMES_BACK, "check mode: no member is killed"),))
    if not chapter.options.get("drill", True):
        return Verdicts((skipped(COMES_BACK, "no drill was asked for: drill = True"),))
    if not chapter.site.drills:
        return Verdicts((skipped(COMES_BACK, "the site does not allow drills: drills = true in the site file"),))
    members = chapter.fleet.with_role("etcd")
    if len(members) < 3 or len(members) < len(wanted.cluster.members):
        return Verdicts((skipped(COMES_BACK, "a drill wants all members, and at least three"),))
    victim = _follower(members, wanted)
    if victim is None:
        return Verdicts((skipped(COMES_BACK, "no drill on a cluster that is not wholly healthy"),))
    writer = next(name for name in members.names if name != victim)
    pid = members[victim].run(command("systemctl", "show", "-p", "MainPID", "--value", UNIT)).text.strip()
    members[victim].run(command("systemctl", "kill", "-s", "KILL", UNIT, sudo=True))
    killed = time.monotonic()
    member = wanted.member(victim)
    assert member is not None
    wait = BACK.command(UNIT, str(REJOIN_SECONDS), pid, *healthy(member))

    def act(shell: Shell) -> Written | float:
        if shell.name == writer:
            return _writes(shell)
        shell.run(wait)
        return time.monotonic()

    outcomes = members.only(writer, victim).each(act)
    back = None if victim in outcomes.errors else outcomes[victim]
    wrote = outcomes.errors.get(writer) or outcomes[writer]
    return Verdicts((_goes_on(chapter, writer, wrote, back), _comes_back(chapter, victim, outcomes, killed)))


def _goes_on(chapter: Chapter, writer: str, wrote: object, back: object) -> Verdict:
    if not isinstance(wrote, Written):
        return failed(GOES_ON, str(wrote), writer)
    meanwhile = sum(not isinstance(back, float) or end < back for end in wrote.ends)
    longest = Figure(round(wrote.longest * 1e3, 1), "ms", writer, chapter.basis_for(writer))
    if not meanwhile:
        return skipped(GOES_ON, "the member was back before the first write came to its end", None, longest_put=longest)
    during = Figure(float(meanwhile), "writes", writer)
    return passed(GOES_ON, "a quorum agreed on writes before the member was back", None, longest_put=longest,
                  meanwhile=during)  # fmt: skip


def _comes_back(chapter: Chapter, victim: str, outcomes, killed: float) -> Verdict:  # type: ignore[no-untyped-def]
    if victim in outcomes.errors:
        return failed(COMES_BACK, str(outcomes.errors[victim]), victim)
    rejoin = Figure(round(outcomes[victim] - killed, 2), "s", victim, chapter.basis_for(victim))
    return passed(COMES_BACK, "its service manager started it again, and it is healthy", None, rejoin=rejoin)


def _follower(members: Fleet, wanted: Wanted) -> str | None:
    """The last member that does not lead; None where one is not as wanted."""
    followers: list[str] = []
    for answers in members.ask(HEALTH):
        health = None if answers.error else answers[HEALTH]
        if health is None or isinstance(health, Unanswered):
            return None
        if what_is_wrong(health, wanted.cluster, wanted.programs.etcd.sha256):
            return None
        if not health.leads:
            followers.append(answers.host)
    return followers[-1] if followers else None


def _writes(shell: Shell) -> Written:
    key, seconds, ends = f"{KEYS}drill", [], []
    try:
        for number in range(WRITES):
            seconds.append(shell.run(ask_member("put", key, str(number))).seconds)
            ends.append(time.monotonic())
    finally:
        with contextlib.suppress(RemoteError):  # what is said above matters more than a key that stays
            shell.run(ask_member("del", key))
    return Written(max(seconds), tuple(ends))
