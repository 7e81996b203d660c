"""Ten questions to one host in one round trip, beside one command and ten commands."""

from __future__ import annotations

from contextlib import ExitStack

from bench.command import asyncssh_to, control_master_to, ours_to
from bench.measure import Measure, Spread, in_turn
from runbook.remote.command import Script
from runbook.remote.question import Question
from runbook.site_tables import Host

QUESTIONS = [Question(Script('echo "$1"', args=(str(number),)), int, f"number {number}") for number in range(10)]
ROUNDS = 60


def measure(host: Host, rounds: int = ROUNDS) -> Measure:
    """Seconds for all ten. The peers send ten commands, one after the other, as who asks by command does."""
    with ExitStack() as stack:
        ours = stack.enter_context(ours_to(host))
        asyncssh = stack.enter_context(asyncssh_to(host))
        master = stack.enter_context(control_master_to(host))

        def ask() -> None:
            assert ours.ask(*QUESTIONS).ok

        def one_by_one(send: object) -> None:
            for number in range(10):
                send(f"echo {number}")  # type: ignore[operator]

        samples = in_turn({"ours": ask, "asyncssh, ten commands": lambda: one_by_one(asyncssh),
                           "OpenSSH ControlMaster, ten commands": lambda: one_by_one(master)}, rounds=rounds)
    spreads = {name: Spread.of(seconds) for name, seconds in samples.items()}
    return Measure("questions-10", "s", "less", rounds, spreads.pop("ours"), spreads)
