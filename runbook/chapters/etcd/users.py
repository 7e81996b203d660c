"""Whether the deployed service keeps its users in the cluster: made on one host, read on the others."""

from __future__ import annotations

import secrets
import time

from runbook.chapter import Chapter
from runbook.chapters.containers.wanted import unit_of
from runbook.chapters.etcd.enter import Entered, entered_question
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.request import Answer, request
from runbook.chapters.temporary_user import TemporaryUser
from runbook.errors import RunbookError
from runbook.remote.question import HostAnswers, Question
from runbook.remote.shell import Shell
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

KEPT = "the service keeps users in the cluster"
READY_SECONDS = 20.0
"""For a service that was just restarted: it starts within two seconds, and connects at its first question."""

OK = 200  # RFC 9110, 15.3.1


def users_kept(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """One verdict a host that has the service; the user is deleted again."""
    fleet = chapter.fleet.with_role("service")
    name, port = wanted.site.service.name, wanted.site.service.port
    question = entered_question(name)
    answers = fleet.ask(question)
    down = [verdict for one in answers if (verdict := _down(one, question, name)) is not None]
    running = [one.host for one in answers if one.error is None and _runs(one[question])]
    if not running:
        absent = skipped(KEPT, "the service is not deployed: `Container deployment` puts it there")
        return Verdicts(tuple(down) or (absent,))
    if chapter.check:
        return Verdicts((*down, skipped(KEPT, "check mode: nothing is written to the cluster")))

    def ask(shell: Shell, path: str) -> Answer:
        return request(shell, wanted.host(shell.name), port, "GET", path)

    def ready(shell: Shell) -> Answer:
        end = time.monotonic() + READY_SECONDS
        while (answer := ask(shell, "/readyz")).status != OK and time.monotonic() < end:
            time.sleep(0.2)
        return answer

    fleet = fleet.only(*running)
    readiness = fleet.each(ready)
    down += filter(None, (_unready(host, readiness.errors.get(host) or readiness[host]) for host in running))
    if down:
        return Verdicts(tuple(down))
    writer = running[0]
    user = TemporaryUser(chapter, wanted.host(writer), port, f"runbook-check-{secrets.token_hex(6)}",
                         "made by the runbook, deleted again")
    try:
        with user:
            seen = fleet.each(lambda shell: _timed(lambda: ask(shell, user.path)))
    except RunbookError as error:
        return Verdicts((failed(KEPT, error.what, writer),))
    verdicts: list[Verdict] = []
    for host in running:
        if host in seen.errors:
            verdicts.append(failed(KEPT, seen.errors[host].what, host))
            continue
        answer, seconds = seen[host]
        figures = {"read_call": Figure(round(seconds * 1e3, 1), "ms", host, chapter.basis_for(host))}
        if answer.status != OK or answer.json != user.body:
            verdicts.append(failed(KEPT, f"{writer} made a user, {host} says: {answer}", host, **figures))
        elif host == writer and user.left:
            verdicts.append(failed(KEPT, f"the user could not be deleted again: {user.left}", host, **figures))
        else:
            whose = "what it wrote itself" if host == writer else f"what {writer}'s wrote"
            verdicts.append(passed(KEPT, f"its service reads {whose}, past mutual TLS", host, **figures))
    return Verdicts(tuple(verdicts))


def _runs(fact: object) -> bool:
    """A unit that is being started may be ready in time."""
    return isinstance(fact, Entered) and fact.loaded and fact.state in ("active", "activating", "reloading")


def _down(answers: HostAnswers, question: Question[Entered], service: str) -> Verdict | None:
    """A host that does not say what it runs, or whose service has a unit and does not run."""
    fact = answers.error or answers[question]
    if not isinstance(fact, Entered):
        return failed(KEPT, fact.what if isinstance(fact, RunbookError) else str(fact), answers.host)
    if not fact.loaded or _runs(fact):
        return None
    unit = unit_of(service)
    return failed(KEPT, f"{unit} is {fact.state or 'in no state'}: `journalctl -u {unit}` there says why", answers.host)


def _unready(host: str, answer: object) -> Verdict | None:
    if isinstance(answer, Answer) and answer.status == OK:
        return None
    return failed(KEPT, f"/readyz gives {answer}", host)


def _timed(function):  # type: ignore[no-untyped-def]
    began = time.monotonic()
    return function(), time.monotonic() - began
