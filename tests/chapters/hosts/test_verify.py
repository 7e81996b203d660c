"""Whether a host can be worked on: each prerequisite comes out either way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from runbook.chapters.hosts.clock import Offset, Offsets, offset_of
from runbook.chapters.hosts.figures import host_figures
from runbook.chapters.hosts.memory import DISKS, Disks, FileSystem
from runbook.chapters.hosts.observe import basis_of, clock_offsets
from runbook.chapters.hosts.processor import CPU, Cpu
from runbook.chapters.hosts.system import INIT, UNAME, Init, Uname
from runbook.chapters.hosts.tools import NEEDED, SUDO, TOOLS, Sudo, Tools
from runbook.chapters.hosts.verify import ready_for_work
from runbook.errors import Unreachable
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.targets import load_target
from runbook.verdict import Basis, State

TARGET = load_target("sw64")
GIB = 1 << 30
FINE = {
    SUDO: Sudo("operator", True, "0"),
    TOOLS: Tools(frozenset(NEEDED), True, True),
    UNAME: Uname("sw_64", "4.19.90", "node1"),
    DISKS: Disks((("/opt", FileSystem("/", "ext4", 9 * GIB, 8 * GIB)),)),
    INIT: Init("systemd", 243, "running"),
}
ON_TIME = Offsets({"node1": Offset("node1", 0.01, 0.002)})


def states(changed: dict[Question, object] | None = None, offsets: Offsets = ON_TIME) -> dict[str, State]:
    answers = Answers((HostAnswers("node1", FINE | (changed or {})),))
    return {verdict.what: verdict.state for verdict in ready_for_work(answers, offsets, TARGET)}


def test_a_healthy_host_passes_everything() -> None:
    assert set(states().values()) == {State.PASS} and len(states()) == 7


@pytest.mark.parametrize(
    ("question", "fact", "what"),
    [
        (SUDO, Sudo("operator", False, "a password is required"), "sudo without a password"),
        (TOOLS, Tools(frozenset(), False, False), "tools of the runbook"),
        (DISKS, Disks((("/opt", FileSystem("/", "ext4", GIB, 1000)),)), "disk space"),
        (INIT, Init("init", None, "unknown"), "systemd"),
        (INIT, Init("systemd", 208, "running"), "systemd"),
        (DISKS, Unanswered("disks", "df is absent"), "disk space"),
    ],
)
def test_a_missing_prerequisite_blocks(question: Question, fact: object, what: str) -> None:
    found = states({question: fact})
    assert found.pop(what) is State.BLOCKED
    assert set(found.values()) == {State.PASS}, "one missing thing must not hide the others"


def test_another_machine_is_skipped_and_called_emulated() -> None:
    uname = replace(FINE[UNAME], machine="x86_64")
    assert states({UNAME: uname})["the target's machine"] is State.SKIPPED
    assert basis_of(uname, TARGET) is Basis.EMULATED and basis_of(FINE[UNAME], TARGET) is Basis.NATIVE


@pytest.mark.parametrize(
    ("seconds", "uncertainty", "state"),
    [(0.0, 0.1, State.PASS), (0.95, 0.1, State.SKIPPED), (-1.5, 0.1, State.FAIL), (1.05, 0.2, State.SKIPPED)],
)
def test_a_clock_is_judged_within_what_the_round_trip_can_tell(
    seconds: float, uncertainty: float, state: State
) -> None:
    assert states(offsets=Offsets({"node1": Offset("node1", seconds, uncertainty)}))["clock"] is state


def test_a_host_that_cannot_be_reached_says_why_and_nothing_else() -> None:
    answers = Answers((HostAnswers("node1", {}, Unreachable("node1", "refused", next="start sshd")),))
    (verdict,) = ready_for_work(answers, Offsets({}), TARGET)
    assert verdict.state is State.BLOCKED and "start sshd" in verdict.reason


def test_the_offset_counts_from_the_middle_of_the_second_round_trip() -> None:
    class AnHourAhead:
        name = "node1"
        asked = 0

        def ask(self, *questions: Question) -> HostAnswers:
            self.asked += 1
            return HostAnswers("node1", {questions[0]: questions[0].parse("4600.000000000\n")})

    shell, times = AnHourAhead(), iter([1000.0, 1000.2])
    offset = offset_of(shell, now=lambda: next(times))  # type: ignore[arg-type]
    assert shell.asked == 2
    assert offset.seconds == pytest.approx(3599.9) and offset.uncertainty == pytest.approx(0.1, abs=1e-5)
    two = Offsets({"a": Offset("a", -0.5, 0.1), "b": Offset("b", 0.5, 0.1)})
    assert two.apart == pytest.approx(1.2)


def test_a_clock_that_cannot_be_asked_blocks_with_the_reason() -> None:
    class Silent:
        name = "node1"

        def ask(self, *questions: Question) -> HostAnswers:
            return HostAnswers("node1", {questions[0]: Unanswered("clock", "date is absent")})

    offsets = clock_offsets((Silent(),))  # type: ignore[arg-type]
    assert "date is absent" in offsets.why_not["node1"]
    assert states(offsets=offsets)["clock"] is State.BLOCKED


def test_figures_leave_out_what_was_not_answered() -> None:
    facts = {CPU: Cpu("SW3231", "sunway", 64, 2, frozenset()), DISKS: Unanswered("disks", "no df")}
    figures = host_figures(Answers((HostAnswers("node1", facts),)), ON_TIME)
    assert figures["hosts.node1.cpus"].value == 64
    assert set(figures) == {"hosts.node1.cpus", "hosts.node1.clock_offset"}
