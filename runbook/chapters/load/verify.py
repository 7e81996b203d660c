"""Whether the load was borne: every request answered, at the rate that was asked for, by a process that stayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from runbook.chapter import Chapter
from runbook.chapters.load.closed_loop import Asked
from runbook.chapters.load.figures import asked_figures, effort_figures, sent_figures
from runbook.chapters.load.measured import Closed, Opened
from runbook.chapters.load.open_loop import WORKERS, Sent
from runbook.chapters.load.schedule import Schedule
from runbook.verdict import Basis, Figure, Verdict, Verdicts, failed, passed, skipped

OPEN, CLOSED, BORNE = "open loop", "closed loop", "the service bears it"
LATE = 0.95
"""The share of the asked rate below which the sender did not keep its times: its figures are not of the target."""

HEADLINE = "/ping"
"""The route that the article's own figures are of (3.1)."""


def borne(chapter: Chapter, wanted: Schedule, opened: Opened, closed: Closed) -> Verdicts:
    """A verdict for each route of each loop, and one for each target that served."""
    bases = {host.name: chapter.basis_for(host.name) for host in wanted.targets}
    together = Basis.EMULATED if Basis.EMULATED in bases.values() else Basis.NATIVE
    found = [sent_verdict(one, wanted, together) for one in opened.routes]
    if closed.without:
        found.append(skipped(CLOSED, f"{closed.without}: install wrk there, or give another host the role load"))
    found += [asked_verdict(one, bases[one.host], chapter.site.service.framework) for one in closed.routes]
    found += [served_verdict(host.name, bases[host.name], opened, closed) for host in wanted.targets]
    return Verdicts(tuple(found))


def sent_verdict(sent: Sent, wanted: Schedule, basis: Basis) -> Verdict:
    """Of a route in the open loop."""
    what, whole, figures = f"{OPEN}: {sent.route}", sent.whole, sent_figures(sent, basis)
    if whole.success < 1:
        lost = round(whole.requests * (1 - whole.success))
        words = "; ".join(whole.errors[:3]) or "they were not successes"
        return failed(what, f"{lost} of {whole.requests} requests were not answered well: {words}", None, **figures)
    slowest = min(turn.rate for turn in sent.turns)
    if slowest < LATE * wanted.depth.rate:
        if wanted.depth.rate * whole.longest >= WORKERS:  # Little's law: that many may have been under way
            return failed(what, f"{slowest:.0f} of {wanted.depth.rate} requests/s left: answers took up to "
                          f"{whole.longest:.2f} s, and at most {WORKERS} requests are under way at once",
                          None, **figures)
        return failed(what, f"{wanted.sender.name} sent {slowest:.0f} of {wanted.depth.rate} requests/s: "
                      "it could not keep the times", None, **figures)
    return passed(what, "every request left at its time and was answered", None, **figures)


def asked_verdict(asked: Asked, basis: Basis, framework: str) -> Verdict:
    """Of a route in the closed loop; the article's own route gets the name of its figure."""
    what, figures = f"{CLOSED}: {asked.route}", asked_figures(asked, basis)
    if asked.route == HEADLINE:
        figures |= _headline(framework, figures["requests_per_second"])
    if asked.errors:
        return failed(what, f"{asked.errors} requests were not answered well", asked.host, **figures)
    return passed(what, "every answer was a success", asked.host, **figures)


def _headline(framework: str, rate: Figure) -> Mapping[str, Figure]:
    """By the name that the ledger has for the article's figure."""
    return {f"load.{framework}_default": rate}


def served_verdict(host: str, basis: Basis, opened: Opened, closed: Closed) -> Verdict:
    """Of a target over both loops."""
    unseen = {**opened.meanwhile.unseen, **closed.meanwhile.unseen}
    efforts = (*opened.meanwhile.efforts, *closed.meanwhile.efforts)
    figures = effort_figures(efforts, host, basis)
    if host in unseen:
        return failed(BORNE, f"it could not be looked at: {unseen[host]}", host, **figures)
    own = [effort for effort in efforts if effort.host == host]
    if not all(effort.stayed for effort in own) or len(Counter(effort.pid for effort in own)) != 1:
        return failed(BORNE, "its process was another one at the end, or none", host, **figures)
    return passed(BORNE, "one process served from the first request to the last", host, **figures)
