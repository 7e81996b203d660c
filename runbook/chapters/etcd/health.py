"""How the members are: each one's own answer, through mutual TLS, by the runbook's client on its host."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from runbook.chapter import Chapter
from runbook.chapters.etcd.cluster import Cluster
from runbook.chapters.etcd.figures import member_figures
from runbook.chapters.etcd.layout import CLIENT_PORT, PROGRAM, UNIT
from runbook.chapters.etcd.observe import UNIT_STATE
from runbook.chapters.etcd.start import check_words
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.sections import sections
from runbook.remote.command import Script
from runbook.remote.question import HostAnswers, Question, Unanswered
from runbook.verdict import Verdict, Verdicts, failed, passed

HEALTHY = "member is healthy"
UNITS = {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9, "m": 60.0, "h": 3600.0}
"""Of Go's time.Duration, as it writes itself."""


@dataclass(frozen=True)
class Health:
    """What a member says of itself and of the cluster."""

    healthy: bool
    error: str
    took_seconds: float | None  # of a read that a quorum agreed on, its connection included
    member_id: int
    leader_id: int
    cluster_id: int
    version: str
    members: frozenset[str]  # names of those that have started
    running_sha256: str  # of the program as the member's process sees it

    @property
    def leads(self) -> bool:
        return bool(self.member_id) and self.member_id == self.leader_id

    def __str__(self) -> str:
        return f"healthy, {len(self.members)} members" if self.healthy else f"not healthy: {self.error}"


def parse_health(text: str) -> Health:
    """Raises ValueError where etcdctl's answers cannot be read."""
    parts = sections(text)
    health = _first(parts.get("health", ""))
    status = _first(parts.get("status", "")).get("Status", {})
    members = _json(parts.get("members", "")) or {}
    header = status.get("header", {})
    return Health(
        healthy=bool(health.get("health")),
        error=str(health.get("error") or parts.get("health", "").strip() or "no answer"),
        took_seconds=duration(str(health["took"])) if health.get("took") else None,
        member_id=int(header.get("member_id", 0)),
        leader_id=int(status.get("leader", 0)),
        cluster_id=int(header.get("cluster_id", 0)),
        version=str(status.get("version", "")),
        members=frozenset(one["name"] for one in members.get("members", ()) if one.get("name")),
        running_sha256=parts.get("program", "").partition(" ")[0].strip(),
    )


def duration(text: str) -> float:
    """Seconds of one of Go's durations, such as `1.5ms` or `1m2s`."""
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"([0-9.]+)([a-zµ]+)", text))


def _json(text: str) -> object:
    lines = [line for line in text.splitlines() if line[:1] in "[{" and not line.startswith('{"level"')]
    return json.loads(lines[0]) if lines else None


def _first(text: str) -> dict:  # type: ignore[type-arg]
    found = _json(text)
    return found[0] if isinstance(found, list) and found else {}


HEALTH = Question(
    Script(
        "unit=$1 program=$2; shift 2\n"
        'echo "== health"; "$@" --command-timeout 5s endpoint health -w json 2>&1\n'
        'echo "== status"; "$@" --command-timeout 5s endpoint status -w json 2>/dev/null\n'
        'echo "== members"; "$@" --command-timeout 5s member list -w json 2>/dev/null\n'
        'pid=$(systemctl show "$unit" -p MainPID); pid=${pid#MainPID=}\n'
        'echo "== program"; [ "${pid:-0}" = 0 ] || sha256sum "/proc/$pid/root$program" 2>/dev/null; :',
        (UNIT, PROGRAM, *check_words(f"https://127.0.0.1:{CLIENT_PORT}")),
        sudo=True,
    ),
    parse_health,
    "etcd_health",
)


def members_healthy(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """One verdict a member: it answers, belongs to this cluster with all others, and runs what was built."""
    answers = chapter.fleet.with_role("etcd").ask(HEALTH, UNIT_STATE)
    return Verdicts(tuple(_of_member(chapter, one, wanted) for one in answers))


def _of_member(chapter: Chapter, answers: HostAnswers, wanted: Wanted) -> Verdict:
    host = answers.host
    if answers.error is not None:
        return failed(HEALTHY, answers.error.what, host)
    health, unit = answers[HEALTH], answers[UNIT_STATE]
    for fact in (health, unit):
        if isinstance(fact, Unanswered):
            return failed(HEALTHY, str(fact), host)
    figures = member_figures(host, chapter.basis_for(host), unit, health.took_seconds)
    wrong = what_is_wrong(health, wanted.cluster, wanted.programs.etcd.sha256)
    if wrong:
        return failed(HEALTHY, wrong, host, **figures)
    count = len(wanted.cluster.members)
    return passed(HEALTHY, f"it answers over mutual TLS, one of {count}, and runs what was built", host, **figures)


def what_is_wrong(health: Health, cluster: Cluster, sha256: str) -> str:
    """In words; empty where the member is as wanted."""
    wanted = {member.name for member in cluster.members}
    if not health.healthy:
        return health.error
    if health.cluster_id != cluster.id:
        return f"it is of the cluster {health.cluster_id:x}, wanted was {cluster.id:x}"
    if health.members != wanted:
        return f"its members are {', '.join(sorted(health.members))}, wanted were {', '.join(sorted(wanted))}"
    if health.running_sha256 != sha256:
        return f"what runs is {health.running_sha256[:12] or 'unknown'}, what was built is {sha256[:12]}"
    return ""
