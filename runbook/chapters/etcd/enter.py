"""How the deployed service enters the cluster: where it finds the members and its certificate, and a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from runbook.chapters.containers.settings import ENVIRONMENT, FILES, at_rest, while_it_runs
from runbook.chapters.containers.wanted import unit_of
from runbook.chapters.etcd.cluster import Cluster
from runbook.chapters.sections import sections
from runbook.plan import Action, Replace, Restore, Run, Step
from runbook.remote.command import Script
from runbook.remote.question import Question

NOT_DEPLOYED = {5: "the service is not deployed yet: it will find the files at its start"}


@dataclass(frozen=True)
class Entered:
    """What the service has been given, and whether the process that runs has just that."""

    environment: str | None  # the file's text; None: there is none
    state: str  # the unit's, in systemctl's own word
    stale: bool  # it runs, and with other files than those that lie there
    loaded: bool = True  # there is such a unit

    @property
    def active(self) -> bool:
        return self.state == "active"

    def __str__(self) -> str:
        if self.environment is None:
            return "the service knows no cluster"
        return "the service runs with other files" if self.stale else "the service has what it enters with"


def parse_entered(text: str) -> Entered:
    parts = sections(text)
    told = parts.get("environment")
    text_of = "".join(f"{line[1:]}\n" for line in told.splitlines()) if told is not None else None
    state = parts.get("state", "").strip()
    stale = state == "active" and bool(parts.get("differs", "").strip())
    return Entered(text_of, state, stale, "LoadState=loaded" in parts.get("loaded", ""))


@cache
def entered_question(service: str) -> Question[Entered]:
    """Compared by hash on the host: of the key nothing leaves it."""
    return Question(
        Script(
            "rest=$1 run=$2 unit=$3; shift 3\n"
            'sum() { { cat "$1" 2>/dev/null || :; } | sha256sum; }\n'
            'echo "== state"; systemctl is-active -- "$unit" 2>/dev/null\n'
            'echo "== loaded"; systemctl show -p LoadState -- "$unit" 2>/dev/null\n'
            'echo "== differs"\n'
            'for one; do [ "$(sum "$rest/$one")" = "$(sum "$run/$one")" ] || echo "$one"; done\n'
            f'[ ! -f "$rest/{ENVIRONMENT}" ] || {{ echo "== environment"; sed "s/^/ /" "$rest/{ENVIRONMENT}"; }}; :',
            (at_rest(service), while_it_runs(service), unit_of(service), *FILES),
            sudo=True,
        ),
        parse_entered,
        "etcd_entered",
    )


def environment_text(cluster: Cluster, service: str) -> str:
    """`NAME=VALUE` a line, as the service's program names its flags; the paths are those of its running process."""
    given = while_it_runs(service)
    return (
        f"USERS_ETCD_ENDPOINTS={','.join(member.client_url for member in cluster.members)}\n"
        f"USERS_ETCD_CA={given}/ca.crt\n"
        f"USERS_ETCD_CERT={given}/client.crt\n"
        f"USERS_ETCD_KEY={given}/client.key\n"
    )


def enter(seen: Entered, cluster: Cluster, service: str, *, renewed: bool) -> Iterator[Step]:
    """The step that gives the service its way to the members; `renewed`: its certificate is new in this plan.

    A service that runs is restarted, since it reads its files at its start; one that does not run is left so.
    """
    text, path = environment_text(cluster, service), f"{at_rest(service)}/{ENVIRONMENT}"
    writes: tuple[Action, ...] = ()
    if seen.environment != text:
        writes = (Replace(path, text, was=seen.environment),)
    if not writes and not (seen.active and (renewed or seen.stale)):
        return
    restart = Run("systemctl", "try-restart", unit_of(service), also=NOT_DEPLOYED)
    back = (Restore(path),) if writes else ()
    why = "the service learns where the members are" if writes else "the service restarts with what it is given now"
    yield Step(why=why, do=(*writes, restart), undo=(*back, restart))
