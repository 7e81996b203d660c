"""What a coordinator knows of its errands: who began which host, what is open in the journal, what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runbook.errors import Interrupted, RunbookError, WorkerLost
from runbook.remote.errand import BEGIN, DONE, END, START, WRITE, Defect, Errand, Message
from runbook.remote.round import FirstFailure, not_begun, stopped_for
from runbook.remote.shell import Recorder


class Ledger:
    """Takes the workers' messages, writes what they tell into the one journal, and holds each host to one worker."""

    def __init__(self, errands: Sequence[Errand], recorder: Recorder, *, again: bool,
                 first_failure: FirstFailure) -> None:
        self.line = errands[0].line if errands else ""
        self._errands = tuple(errands)
        self._recorder = recorder
        self._again = again
        self._policy = first_failure
        self._attempts: dict[int, Message] = {}          # by errand: the first message of whoever has it now
        self._past: set[str] = set()                     # attempts of workers that were given up
        self._begun: dict[str, str] = {}                 # by host: the attempt that was let to begin it
        self._open: dict[int, str] = {}                  # numbers of begins in the journal, and whose they are
        self._values: dict[str, object] = {}
        self._failed = ""
        self._stop = ""

    @property
    def complete(self) -> bool:
        """Whether every host has a value or an error."""
        return all(host in self._values for errand in self._errands for host in errand.hosts)

    def outcomes(self) -> dict[str, object]:
        """In the hosts' order. Raises RunbookError for a defect of the function, when all is told."""
        found = {host: self._values[host] for errand in self._errands for host in errand.hosts}
        for host, value in found.items():
            if isinstance(value, Defect):
                raise RunbookError(f"{host}: a worker met a defect: {value.what}", next="this is no fault of the host")
        return found

    def stop(self, why: str) -> None:
        """Workers hear it with the next answer, stop what runs on hosts, and begin no more."""
        self._stop = self._stop or why

    def take(self, message: Message) -> tuple[tuple[Any, ...], str]:
        """The answers, one for each thing said; None: no. And why to stop, where that is so."""
        now = self._attempts.get(message.errand)
        if message.attempt in self._past:                # of a worker that was given up, and lives
            return (None,) * len(message.said), "another worker has its hosts now"
        if now is None or now.attempt != message.attempt:
            self._taken_over(message, now)
        return tuple(self._heard(message.attempt, kind, content) for kind, content in message.said), self._stop

    def _taken_over(self, message: Message, before: Message | None) -> None:
        self._attempts[message.errand] = message
        if before is None:
            return
        self._past.add(before.attempt)
        hosts = self._errands[message.errand].hosts
        self._recorder.write("note", about="worker", text=(
            f"the worker {before.worker} was lost; {message.worker} goes on with its hosts {hosts[0]} to {hosts[-1]}"))
        self._lose(before.attempt, hosts, f"the worker that spoke to it, {before.worker}, has died")

    def _lose(self, attempt: str, hosts: Sequence[str], why: str) -> None:
        for number in [number for number, owner in self._open.items() if owner == attempt]:
            self._recorder.end(number, error=why)
            del self._open[number]
        for host in hosts:
            if host in self._values or self._begun.get(host) != attempt:
                continue
            if self._again:
                del self._begun[host]
            else:
                self._values[host] = WorkerLost(
                    host, f"{why}; what became of what it did there is not known",
                    next=f"`runbook status --hosts` shows what is left on {host}; then run it again")

    def give_up(self, number: int, why: str) -> None:
        """Nobody carries out this errand any more."""
        hosts = self._errands[number].hosts
        attempt = self._attempts.get(number)
        if attempt is not None:
            self._past.add(attempt.attempt)
        self._lose(attempt.attempt if attempt else "", hosts, f"its worker has died: {why}")
        for host in hosts:
            if host not in self._values:
                self._values[host] = WorkerLost(host, f"no worker has asked it: {why}",
                                                next="are there workers? run it again")

    def _heard(self, attempt: str, kind: str, content: Any) -> Any:
        if kind == START:
            return self._may_start(attempt, content)
        if kind == DONE:
            host, value = content
            if self._begun.get(host) == attempt:
                self._settle(host, value)
            return True
        if kind == BEGIN:
            if self._stop:
                return None
            what, host, fields = content
            number = self._recorder.begin(what, host, **fields)
            self._open[number] = attempt
            return number
        if kind == END:
            number, fields = content
            self._open.pop(number, None)
            return self._recorder.end(number, **fields)
        assert kind == WRITE
        what, host, fields = content
        return self._recorder.write(what, host, **fields)

    def _may_start(self, attempt: str, host: str) -> bool:
        if host in self._values or host in self._begun:
            return False
        if self._failed:
            self._values[host] = not_begun(host, self._failed)
            return False
        if self._stop:
            self._values[host] = Interrupted(f"{host}: not begun: {self._stop}", next="run it again")
            return False
        self._begun[host] = attempt
        return True

    def _settle(self, host: str, value: object) -> None:
        if isinstance(value, Interrupted) and self._failed:
            value = stopped_for(host, self._failed, value)
        elif isinstance(value, (RunbookError, Defect)) and self._policy is not FirstFailure.GO_ON and not self._failed:
            self._failed = host
            if self._policy is FirstFailure.STOP:
                self.stop("what runs is stopped, nothing more is begun")
        self._values[host] = value
