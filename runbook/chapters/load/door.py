"""What the load test does, in the order of its verbs: the functions that its notebook calls."""

from __future__ import annotations

from collections.abc import Mapping

from runbook.chapter import Chapter
from runbook.chapters.load import judges as judges  # hears the chapter's claims once it is imported
from runbook.chapters.load import send
from runbook.chapters.load.evidence import Evidence, evidence
from runbook.chapters.load.figures import effort_picture, latency_picture
from runbook.chapters.load.measured import Closed, Opened
from runbook.chapters.load.observe import SENDER, Ground, all_answer
from runbook.chapters.load.programs import load_host
from runbook.chapters.load.schedule import Schedule, schedule
from runbook.chapters.load.verify import borne
from runbook.chapters.pictures import keep
from runbook.chapters.request import Answer, request
from runbook.errors import Blocked
from runbook.remote.shell import Shell
from runbook.show.picture import Picture
from runbook.site import Host, Site

__all__ = ["borne", "closed_loop", "effort", "evidence_of", "latency", "look", "open_loop", "planned"]

NUMBERS = ("rate", "seconds", "repeats", "connections")
USER_BYTES = 64  # services/core/user.go, IDBytes


def look(chapter: Chapter) -> Ground:
    """The sender's programs, and what each target says. Raises Blocked with every target that does not answer."""
    sender, targets = _hosts(chapter)
    port = chapter.site.service.port

    def ask(shell: Shell) -> tuple[Answer, Answer]:
        host = chapter.site.host(shell.name)
        return request(shell, host, port, "GET", "/ping"), request(shell, host, port, "GET", "/readyz")

    asked = chapter.fleet.only(*(host.name for host in targets)).each(ask)
    asked.values()
    told = chapter.fleet.only(sender.name).ask(SENDER)[sender.name][SENDER]
    ground = Ground(sender.name, told, {host: asked[host][0] for host in asked},
                    {host: asked[host][1] for host in asked})
    if not chapter.check:
        all_answer(ground)
    return ground


def planned(seen: Ground, site: Site, run: str, options: Mapping[str, object]) -> Schedule:
    """What is sent to those that were seen; see `schedule`."""
    asked = {name: int(str(options.get(name, 0))) for name in NUMBERS}
    user = f"load-{run.replace('.', '-')}"[:USER_BYTES]
    return schedule(site, site.host(seen.host), tuple(site.host(name) for name in seen.ping), user, asked)


def open_loop(chapter: Chapter, wanted: Schedule, seen: Ground) -> Opened:
    return send.open_loop(chapter, wanted, seen.sender.machine)


def closed_loop(chapter: Chapter, wanted: Schedule, seen: Ground) -> Closed:
    return send.closed_loop(chapter, wanted, seen.sender.wrk)


def latency(chapter: Chapter, opened: Opened) -> Picture | Opened:
    """The picture, kept for the report; in check mode what was not done."""
    return keep(chapter, latency_picture(opened)) if opened.routes else opened


def effort(chapter: Chapter, opened: Opened, closed: Closed) -> Picture | Opened:
    """The picture, kept for the report; in check mode what was not done."""
    return keep(chapter, effort_picture(opened, closed)) if opened.routes else opened


def evidence_of(chapter: Chapter, wanted: Schedule, opened: Opened, closed: Closed) -> Evidence:
    """What the chapter's claims are judged by."""
    return evidence(chapter, wanted, opened, closed)


def _hosts(chapter: Chapter) -> tuple[Host, tuple[Host, ...]]:
    """Who sends, and to whom: every host of the service among those that are worked on, but the sender."""
    sender = load_host(chapter.site)
    if sender is None or sender.name not in chapter.fleet.names:
        raise Blocked(
            f"{sender.name if sender else 'no host'} sends the load, and is not among the hosts that are worked on",
            next='run it on all hosts, or give one of these the role "load"',
        )
    targets = tuple(host for host in chapter.hosts_with("service") if host.name != sender.name)
    if not targets:
        raise Blocked(
            f"no other host than {sender.name}, which sends the load, runs the service",
            next='give another host the role "load", or a second one the role "service"',
        )
    return sender, targets
