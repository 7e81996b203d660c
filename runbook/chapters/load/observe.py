"""What the load meets: the sender's programs, and whether each target answers before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.chapters.request import Answer
from runbook.chapters.sections import sections
from runbook.errors import Blocked
from runbook.remote.command import Script
from runbook.remote.question import Question

OK = 200


@dataclass(frozen=True)
class Sender:
    """Where the load comes from: its name for its machine, its CPUs, and wrk's path, empty where it has none."""

    machine: str
    cpus: int
    wrk: str

    def __str__(self) -> str:
        return "wrk is there" if self.wrk else "wrk is not there"


def parse_sender(text: str) -> Sender:
    parts = sections(text)
    return Sender(parts.get("machine", "").strip(), int(parts.get("cpus", "").strip() or 1),
                  parts.get("wrk", "").strip())


SENDER = Question(
    Script("echo '== machine'; uname -m; echo '== cpus'; nproc; echo '== wrk'; command -v wrk 2>/dev/null; :"),
    parse_sender,
    "load_sender",
)


@dataclass(frozen=True, repr=False)
class Ground:
    """The sender, and what each target says to /ping and to /readyz."""

    host: str
    sender: Sender
    ping: Mapping[str, Answer] = field(hash=False)
    ready: Mapping[str, Answer] = field(hash=False)

    @property
    def down(self) -> dict[str, str]:
        """The targets that do not answer, each with the reason; one without its store is down for this chapter."""
        found: dict[str, str] = {}
        for host, answer in self.ping.items():
            if answer.status != OK:
                found[host] = f"/ping gives {answer}"
            elif self.ready[host].status != OK:
                found[host] = f"/readyz gives {self.ready[host]}"
        return found

    def __str__(self) -> str:
        down = self.down
        states = [f"{host}: {down.get(host, 'answers, and has its store')}" for host in self.ping]
        return "\n".join((f"{self.host} sends: {self.sender}", *states))

    __repr__ = __str__


def all_answer(ground: Ground) -> None:
    """Raises Blocked with every target that does not: load on a service that is down measures nothing."""
    if ground.down:
        raise Blocked(
            "\n".join(f"{host}: {why}" for host, why in ground.down.items()),
            next="`journalctl -u runbook-SERVICE` there; run Container deployment and etcd with mutual TLS first",
        )
