"""What runs is judged from what the host says, natively and under an emulator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runbook.chapters.containers.running import Running, parse_running, running
from runbook.chapters.containers.verify import asked_from_here, service_runs
from runbook.chapters.containers.wanted import Deployment
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.site import Site
from runbook.targets import load_target
from runbook.verdict import Basis, State, Verdicts

WANTED = Deployment("users", 8080, Path("/artifacts/users"), "ab" * 32)
NATIVE = f"""== client
curl
== healthz
0
== ping
{{"message":"pong","version":"763bdb7d9637","goarch":"sw64"}}
== state
ActiveState=active
Result=success
MainPID=77
NRestarts=0
ExecMainStartTimestampMonotonic=120000000
== placed
{"ab" * 32}  {WANTED.path}
== executable
{WANTED.path}
== executable hash
{"ab" * 32}  /proc/77/exe
== words
{WANTED.path}
-listen
:8080
== inside
{"ab" * 32}  /proc/77/root{WANTED.path}
== memory
VmRSS:\t   18432 kB
== listeners
77 61234 users
== listening
[  120.350000] node1 users[77]: {{"msg":"listening"}}
== log
{{"msg":"listening"}}
"""
FINE = parse_running(NATIVE)
TARGET = load_target("sw64")


class OneHost:
    """A fleet of one host that answers one question, and refuses any other."""

    def __init__(self, now: object) -> None:
        self.now = now

    def ask(self, question: Question) -> Answers:
        assert question == running(WANTED)
        return Answers((HostAnswers("node1", {question: self.now}),))


def judged(site: Site, now: object) -> dict[str, State]:
    verdicts: Verdicts = service_runs(OneHost(now), WANTED, TARGET, site)  # type: ignore[arg-type]
    return {verdict.what: verdict.state for verdict in verdicts}


def test_a_native_service_is_read_with_its_memory_and_start() -> None:
    assert FINE.basis(WANTED.path) is Basis.NATIVE and FINE.sha256(WANTED.path) == WANTED.sha256
    assert FINE.memory == 18432 * 1024 and FINE.start_seconds == pytest.approx(0.35)


def test_under_an_emulator_the_file_that_it_was_given_is_hashed() -> None:
    emulated = replace(
        FINE,
        executable="/usr/libexec/emulator",
        executable_sha256="ee" * 32,
        words=("/usr/libexec/emulator", WANTED.path, WANTED.path),
    )
    assert emulated.basis(WANTED.path) is Basis.EMULATED and emulated.sha256(WANTED.path) == WANTED.sha256


def test_a_healthy_service_passes_everything(site: Site) -> None:
    assert set(judged(site, FINE).values()) == {State.PASS} and len(judged(site, FINE)) == 4


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"active": "failed"}, "unit active"),
        ({"restarts": 3}, "unit active"),
        ({"listeners": ()}, "the port is the service's"),
        ({"healthy": False}, "answers"),
        ({"ping": {"goarch": "amd64"}}, "answers"),
        ({"executable_sha256": "cd" * 32}, "what runs is what was built"),
        ({"placed_sha256": "cd" * 32}, "what runs is what was built"),
        (
            {"executable": f"{WANTED.path} (deleted)", "executable_sha256": "cd" * 32},
            "what runs is what was built",
        ),
    ],
)
def test_each_verdict_fails_by_itself(site: Site, changed: dict, what: str) -> None:
    found = judged(site, replace(FINE, **changed))
    assert found.pop(what) is State.FAIL
    assert set(found.values()) == {State.PASS}


def test_a_service_that_crashed_shows_its_last_words(site: Site) -> None:
    crashed = replace(FINE, active="failed", result="exit-code", restarts=5, log="cannot open the database")
    (first, *_) = service_runs(OneHost(crashed), WANTED, TARGET, site)  # type: ignore[arg-type]
    assert "failed (exit-code), 5 restarts" in first.reason and "cannot open the database" in first.reason


def test_a_host_that_does_not_answer_fails(site: Site) -> None:
    assert judged(site, Unanswered("running", "no answer within 45 s")) == {"unit active": State.FAIL}


def test_without_curl_and_wget_the_question_comes_over_the_network(site: Site) -> None:
    silent: Running = replace(FINE, client="", healthy=False, ping={}, active="failed")
    asked = asked_from_here(silent, site.host("node1"), 9)  # nobody listens on the discard port here
    assert asked.client == "this machine" and not asked.healthy


def test_a_start_of_an_earlier_life_gives_no_figure() -> None:
    assert parse_running(NATIVE.replace("[  120.350000]", "[  100.0]")).start_seconds is None
    assert parse_running("").pid == 0
