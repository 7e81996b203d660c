"""Whether the deployed service keeps its users in the cluster: made on one host, read on the others."""

from __future__ import annotations

import json
import secrets
import time

from runbook.chapter import Chapter
from runbook.chapters.etcd.enter import Entered, entered_question
from runbook.chapters.etcd.wanted import Wanted
from runbook.chapters.request import Answer, request
from runbook.remote.shell import Shell
from runbook.verdict import Figure, Verdict, Verdicts, failed, passed, skipped

KEPT = "the service keeps users in the cluster"
READY_SECONDS = 20.0
"""For a service that was just restarted: it starts within two seconds, and connects at its first question."""

CREATED, OK, NO_CONTENT = 201, 200, 204  # RFC 9110, 15.3


def users_kept(chapter: Chapter, wanted: Wanted) -> Verdicts:
    """One verdict a host that runs the service; the user is deleted again."""
    fleet = chapter.fleet.with_role("service")
    question = entered_question(wanted.site.service.name)
    running = [one.host for one in fleet.ask(question) if one.error is None and _runs(one[question])]
    if not running:
        return Verdicts((skipped(KEPT, "the service is not deployed: `Container deployment` puts it there"),))
    if chapter.check:
        return Verdicts((skipped(KEPT, "check mode: nothing is written to the cluster"),))
    port = wanted.site.service.port

    def ask(shell: Shell, method: str, path: str, body: str = "") -> Answer:
        return request(shell, wanted.host(shell.name), port, method, path, body)

    def ready(shell: Shell) -> Answer:
        end = time.monotonic() + READY_SECONDS
        while (answer := ask(shell, "GET", "/readyz")).status != OK and time.monotonic() < end:
            time.sleep(0.2)
        return answer

    fleet = fleet.only(*running)
    readiness = fleet.each(ready)
    wrong = [_unready(host, readiness.errors.get(host) or readiness[host]) for host in running]
    if any(wrong):
        return Verdicts(tuple(filter(None, wrong)))
    writer, name = running[0], f"runbook-check-{secrets.token_hex(6)}"
    user = {"id": name, "name": "made by the runbook, deleted again"}
    made = ask(fleet[writer], "POST", "/users", json.dumps(user))
    if made.status != CREATED:
        return Verdicts((failed(KEPT, f"a user could not be made: {made}", writer),))
    try:
        seen = fleet.each(lambda shell: _timed(lambda: ask(shell, "GET", f"/users/{name}")))
    finally:
        gone = ask(fleet[writer], "DELETE", f"/users/{name}")
    verdicts: list[Verdict] = []
    for host in running:
        if host in seen.errors:
            verdicts.append(failed(KEPT, seen.errors[host].what, host))
            continue
        answer, seconds = seen[host]
        figures = {"read_call": Figure(round(seconds * 1e3, 1), "ms", host, chapter.basis_for(host))}
        if answer.status != OK or answer.json != user:
            verdicts.append(failed(KEPT, f"{writer} made a user, {host} says: {answer}", host, **figures))
        elif host == writer and gone.status != NO_CONTENT:
            verdicts.append(failed(KEPT, f"the user could not be deleted again: {gone}", host, **figures))
        else:
            whose = "what it wrote itself" if host == writer else f"what {writer}'s wrote"
            verdicts.append(passed(KEPT, f"its service reads {whose}, past mutual TLS", host, **figures))
    return Verdicts(tuple(verdicts))


def _runs(fact: object) -> bool:
    return isinstance(fact, Entered) and fact.active


def _unready(host: str, answer: object) -> Verdict | None:
    if isinstance(answer, Answer) and answer.status == OK:
        return None
    return failed(KEPT, f"/readyz gives {answer}", host)


def _timed(function):  # type: ignore[no-untyped-def]
    began = time.monotonic()
    return function(), time.monotonic() - began
