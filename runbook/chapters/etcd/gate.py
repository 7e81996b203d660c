"""What has to be so before a host is touched: the tools, the risk accepted, the ports free, the data its own."""

from __future__ import annotations

from runbook.chapters.etcd.cluster import Member
from runbook.chapters.etcd.data import DATA_DIRECTORY
from runbook.chapters.etcd.layout import DATA, UNIT
from runbook.chapters.etcd.observe import GROUND
from runbook.chapters.etcd.ports import PORTS
from runbook.chapters.etcd.wanted import GATE, RISK, Wanted
from runbook.errors import Blocked
from runbook.remote.question import HostAnswers, Unanswered
from runbook.site_tables import AcceptedRisk


def accepted_risk(wanted: Wanted) -> AcceptedRisk | None:
    """The acceptance under which members run on an architecture that etcd does not support; None: it does.

    Raises Blocked where the site has none, or one that lapsed, with the lines to write.
    """
    if wanted.target.go.etcd_supported:
        return None
    today = wanted.at.date()
    found = wanted.site.accepts(RISK, today)
    if found is not None:
        return found
    lapsed = [one for one in wanted.site.accepted if one.risk == RISK]
    was = f"; {lapsed[-1].by} accepted it until {lapsed[-1].until}" if lapsed else ""
    raise Blocked(
        f"etcd's authors do not support {wanted.target.name}: a member exits at once unless {GATE} is set{was}",
        next=f'if you accept that, write into {wanted.site.file.name}: [[accept]] risk = "{RISK}", by = "your '
        'name", reason = "why", until = a date',
    )


def fit(seen: HostAnswers, wanted: Wanted) -> None:
    """Raises Blocked with what stands in the way on this host, and how it is mended."""
    for question, fact in seen.facts.items():
        if isinstance(fact, Unanswered):
            raise Blocked(f"{seen.host}: {question.name}: {fact.why}", next=f"mend that on {seen.host}")
    ground = seen[GROUND]
    if ground.missing:
        raise Blocked(
            f"{seen.host}: lacks {', '.join(ground.missing)}",
            next=f"install it on {seen.host}: keys are made on the host that they belong to, by its openssl"
            if "openssl" in ground.missing
            else f"install it on {seen.host}",
        )
    member = wanted.member(seen.host)
    if member is not None:
        accepted_risk(wanted)
        _ports_are_free(seen, member)
        _data_is_its_own(seen, wanted)


def _ports_are_free(seen: HostAnswers, member: Member) -> None:
    for port in (member.client_port, member.peer_port):
        holder = seen[PORTS].listeners.get(port)
        if holder is not None and holder.unit != UNIT:
            raise Blocked(
                f"{seen.host}: port {port} is taken by {holder}",
                next=f"stop it there, or give etcd to another host: roles in the site file; `ss -ltnp` on {seen.host}",
            )


def _data_is_its_own(seen: HostAnswers, wanted: Wanted) -> None:
    data = seen[DATA_DIRECTORY]
    if data.empty or data.cluster == wanted.cluster.id:
        return
    if data.cluster is None:
        what = f"holds {', '.join(data.names[:3])} and no log of etcd's"
    else:
        what = f"is of the cluster {data.cluster:x}, not of {wanted.cluster.token} ({wanted.cluster.id:x})"
    raise Blocked(
        f"{seen.host}: {DATA} {what}; nothing was touched",
        next=f"if that data is not needed, move it away on {seen.host}: mv {DATA} {DATA}.old; "
        "if it is, the members of the site file are not those that it was made with",
    )
