"""What the etcd chapter does, in the order of its verbs: the functions that its notebook calls."""

from __future__ import annotations

from datetime import UTC, datetime

from runbook.chapter import Chapter
from runbook.chapters.etcd import judges as judges
from runbook.chapters.etcd.credentials import credentials_question
from runbook.chapters.etcd.data import DATA_DIRECTORY
from runbook.chapters.etcd.decide import member, prepare
from runbook.chapters.etcd.drill import member_killed
from runbook.chapters.etcd.enter import entered_question
from runbook.chapters.etcd.gate import accepted_risk
from runbook.chapters.etcd.observe import FILES, GROUND, UNIT_STATE
from runbook.chapters.etcd.ports import PORTS
from runbook.chapters.etcd.programs import build_programs
from runbook.chapters.etcd.scratch import Evidence, NotTried, gather
from runbook.chapters.etcd.sign import Signed, hosts_of, sign_requests
from runbook.chapters.etcd.signed import seals_of
from runbook.chapters.etcd.users import users_kept
from runbook.chapters.etcd.verify import verify
from runbook.chapters.etcd.wanted import RISK, Wanted, cluster_of
from runbook.chapters.hosts.system import UNAME
from runbook.errors import Blocked
from runbook.lasting import EarlierClaims
from runbook.remote.question import Unanswered
from runbook.views import Observed

__all__ = ["evidence", "look", "member", "member_killed", "prepare", "signed", "users_kept", "verify", "want"]

HEALTHY_WITHIN = 60
"""Seconds that a member has for its first start; under emulation three members took 4 s, on a busy machine 10."""


def look(chapter: Chapter) -> Observed:
    """Every question of the chapter, to every host that it has to do with."""
    questions = (
        UNAME,
        GROUND,
        PORTS,
        FILES,
        UNIT_STATE,
        DATA_DIRECTORY,
        credentials_question(chapter.site.service.name),
        entered_question(chapter.site.service.name),
    )
    return chapter.observe(*questions, fleet=chapter.fleet.only(*hosts_of(chapter)))


def want(chapter: Chapter, seen: Observed) -> Wanted:
    """The cluster that the site describes, with its programs built, and with their signatures.

    Raises Blocked where the site has no member, asks for another profile, does not accept the architecture, or where
    nobody signed the programs.
    """
    site = chapter.site
    if not site.hosts_with("etcd"):
        raise Blocked(
            f"{site.name} has no host with the role `etcd`",
            next="give the role to three hosts in the site file",
        )
    if site.etcd.profile != "ecdsa":
        raise Blocked(
            f"the profile `{site.etcd.profile}` is not formed by this version",
            next='[etcd] profile = "ecdsa"',
        )
    machines = [uname.machine for uname in seen.of(UNAME).values() if not isinstance(uname, Unanswered)]
    programs = chapter.observe(lambda _: build_programs(site, chapter.target, machines, chapter.local))
    within = int(str(chapter.options.get("healthy_within", HEALTHY_WITHIN)))
    seals = seals_of(chapter, programs, seen)
    wanted = Wanted(site, chapter.target, cluster_of(site), programs, datetime.now(UTC), within, seals)
    accepted = accepted_risk(wanted)
    if accepted is not None:
        chapter.run.journal.write("approval", what=RISK, by=accepted.by, reason=accepted.reason, until=accepted.until)
    return wanted


def signed(chapter: Chapter, wanted: Wanted) -> Signed:
    """The hosts' requests, fetched, checked and signed where a certificate does not hold; see `sign_requests`."""
    return chapter.observe(lambda one: sign_requests(one, wanted))


def evidence(chapter: Chapter, wanted: Wanted) -> Evidence | NotTried | EarlierClaims:
    """What the chapter's claims are judged by; see `gather`. Judgements themselves where an earlier run's stand."""
    return chapter.earlier.claims(Evidence) or chapter.observe(lambda one: gather(one, wanted))
