"""Whether the service runs on each host, answers, and is byte for byte what was built."""

from __future__ import annotations

import http.client
import time
from dataclasses import replace

from runbook.chapters.containers.figures import service_figures
from runbook.chapters.containers.running import WAIT, Running, parse_ping, running
from runbook.chapters.containers.wanted import Deployment
from runbook.remote.fleet import Fleet
from runbook.remote.question import HostAnswers, Unanswered
from runbook.site import Host, Site
from runbook.targets import Target
from runbook.verdict import Basis, Verdict, Verdicts, failed, passed

ACTIVE, PORT, ANSWERS, CONTINUITY = (
    "unit active",
    "the port is the service's",
    "answers",
    "what runs is what was built",
)
HTTP_LIMIT = 5.0  # seconds for one answer


def service_runs(fleet: Fleet, wanted: Deployment, target: Target, site: Site) -> Verdicts:
    """Four verdicts a host, from fresh questions."""
    question = running(wanted)
    verdicts: list[Verdict] = []
    for answers in fleet.ask(question):
        verdicts += _of_host(answers, answers.error is None and answers[question], wanted, target, site)
    return Verdicts(tuple(verdicts))


def _of_host(
    answers: HostAnswers, now: Running | Unanswered | bool, wanted: Deployment, target: Target, site: Site
) -> list[Verdict]:
    host = answers.host
    if not isinstance(now, Running):
        return [failed(ACTIVE, str(answers.error or now), host)]
    if not now.client:
        now = asked_from_here(now, site.host(host), wanted.port)
    return [*answering(host, now, wanted.path, target), _continuity(host, now, wanted)]


def answering(host: str, now: Running, path: str, target: Target) -> list[Verdict]:
    """What holds of every service, however it is deployed; `path` is the binary's as its process sees it."""
    return [_active(host, now, path), _port(host, now), _answers(host, now, target)]


def _active(host: str, now: Running, path: str) -> Verdict:
    figures = service_figures(now, host, path)
    if now.active == "active" and not now.restarts:
        return passed(ACTIVE, "systemd started it and it stayed", host, **figures)
    ended = f"{now.active or 'not loaded'} ({now.result or 'no result'}), {now.restarts} restarts"
    return failed(ACTIVE, f"{ended}{_last_words(now)}", host, **figures)


def _last_words(now: Running) -> str:
    return f"; its last words:\n{now.log}" if now.log else "; it left no word in the journal"


def _port(host: str, now: Running) -> Verdict:
    if [one.pid for one in now.listeners] == [now.pid] and now.pid:
        return passed(PORT, "its process alone listens there", host)
    who = ", ".join(map(str, now.listeners)) or "nobody"
    return failed(PORT, f"{who} listens there, the service is process {now.pid}", host)


def _answers(host: str, now: Running, target: Target) -> Verdict:
    told = now.ping.get("goarch", "")
    if now.healthy and told == target.goarch:
        return passed(ANSWERS, f"/healthz is well, and /ping says that it was compiled for {told}", host)
    if now.healthy:
        return failed(ANSWERS, f"/ping says {told or 'no architecture'}, the target is {target.goarch}", host)
    words = _last_words(now) if now.active == "active" else ""  # else they stand at the unit's verdict
    return failed(ANSWERS, f"/healthz gives no answer with status 200{words}", host)


def _continuity(host: str, now: Running, wanted: Deployment) -> Verdict:
    runs, basis = now.sha256(wanted.path), now.basis(wanted.path)
    if runs == now.placed_sha256 == wanted.sha256:
        how = "of the file that the emulator was given" if basis is Basis.EMULATED else "of /proc/PID/exe"
        return passed(CONTINUITY, f"one SHA-256 of the build, of the file placed and {how}", host)
    seen = f"built {wanted.sha256[:12]}, placed {now.placed_sha256[:12] or 'nothing'}, runs {runs[:12] or 'nothing'}"
    return failed(CONTINUITY, f"{seen} ({now.executable or 'no process'})", host)


def asked_from_here(now: Running, host: Host, port: int) -> Running:
    """The same answers over the network, for a host with neither curl nor wget."""
    address = "127.0.0.1" if host.is_local else host.address
    healthy = False
    end = time.monotonic() + WAIT
    while True:
        healthy = _get(address, port, "/healthz") is not None
        if healthy or now.active != "active" or time.monotonic() > end:
            break
        time.sleep(0.2)
    body = _get(address, port, "/ping") if healthy else None
    return replace(now, client="this machine", healthy=healthy, ping=parse_ping(body or ""))


def _get(address: str, port: int, path: str) -> str | None:
    """The body of an answer with status 200; None for any other outcome."""
    connection = http.client.HTTPConnection(address, port, timeout=HTTP_LIMIT)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.read(1 << 20).decode("utf-8", "replace") if answer.status == 200 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
