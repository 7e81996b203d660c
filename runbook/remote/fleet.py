"""The shells of many hosts, asked side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from runbook.errors import RunbookError
from runbook.remote.command import Command, Result
from runbook.remote.jump import Jumps
from runbook.remote.keys import Keys
from runbook.remote.local import LocalShell
from runbook.remote.outcomes import Outcomes
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.remote.shell import Recorder, Sent
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.remote.transfer import Source
from runbook.site import Host, Site
from runbook.verdict import State, Verdict, Verdicts

T = TypeVar("T")
Fact = TypeVar("Fact")


class Fleet:
    """Shells in the site's order, at most `at_once` side by side; each connects at its first command."""

    def __init__(self, shells: Sequence[tuple[Host, StrictShell]], *, at_once: int,
                 jumps: Jumps | None = None) -> None:
        self._shells = tuple(shells)
        self._at_once = at_once
        self._jumps = jumps

    @classmethod
    def open(cls, site: Site, *, hosts: Sequence[str] = (), recorder: Recorder) -> Fleet:
        """The fleet of a site, or of those `hosts`; nothing is reached yet. Raises SiteError for an unknown one."""
        wanted = [site.host(name) for name in hosts] or list(site.hosts)
        keys, jumps = Keys(), Jumps()
        chosen = [host for host in site.hosts if host in wanted]
        return cls([(host, _shell(host, recorder, keys, jumps)) for host in chosen], at_once=site.ssh.at_once,
                   jumps=jumps)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(host.name for host, _ in self._shells)

    def __getitem__(self, name: str) -> StrictShell:
        for host, shell in self._shells:
            if host.name == name:
                return shell
        raise KeyError(name)

    def __iter__(self) -> Iterator[StrictShell]:
        return (shell for _, shell in self._shells)

    def __len__(self) -> int:
        return len(self._shells)

    def __str__(self) -> str:
        return ", ".join(self.names) or "no host"

    def only(self, *names: str) -> Fleet:
        """Those hosts, in the site's order, over the same connections."""
        for name in names:
            self[name]
        return self._where(lambda host: host.name in names)

    def with_role(self, role: str) -> Fleet:
        return self._where(lambda host: host.has(role))

    def _where(self, chosen: Callable[[Host], bool]) -> Fleet:
        return Fleet([(host, shell) for host, shell in self._shells if chosen(host)], at_once=self._at_once)

    def each(self, function: Callable[[StrictShell], T], *, together: bool = False) -> Outcomes[T]:
        """`function` on every host side by side; an error of the runbook stays with its host.

        `together`: on all of them at once, whatever the site's bound, where what one does is seen by the others.
        Any other error is a defect of the function, and is raised when all hosts have ended. On an interrupt, what
        runs on the hosts is stopped.
        """
        if not self._shells:
            return Outcomes({})
        at_once = len(self._shells) if together else min(self._at_once, len(self._shells))
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="host")
        futures = {shell.name: pool.submit(_kept, function, shell) for shell in self}
        try:
            wait(futures.values())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            self.interrupt()
            raise
        finally:
            pool.shutdown(wait=True)
            for shell in self:
                shell.go_on()
        return Outcomes({name: future.result() for name, future in futures.items()})

    def interrupt(self) -> None:
        """Stops what this process has running on the hosts, side by side."""
        with ThreadPoolExecutor(max(len(self._shells), 1)) as pool:
            for shell in self:
                pool.submit(shell.interrupt)

    def run(self, command: Command) -> Outcomes[Result]:
        return self.each(lambda shell: shell.run(command))

    def put(self, source: Path | bytes, target: str, *, mode: int = 0o644, owner: str | None = None,
            sudo: bool = False) -> Outcomes[Sent]:
        """The same file on every host; it is hashed once. Raises UsageError where it cannot be read."""
        what = Source.readable(source)
        return self.each(lambda shell: shell.put(what, target, mode=mode, owner=owner, sudo=sudo))

    def ask(self, *questions: Question) -> Answers:
        """Every question to every host, one round trip a host."""
        asked = self.each(lambda shell: shell.ask(*questions))
        return Answers(tuple(asked[name] for name in asked))

    def judge(self, question: Question[Fact], *, what: str, passes: Callable[[Fact], bool], because: str,
              otherwise: Callable[[Fact], str] | None = None) -> Verdicts:
        """Asks anew, one verdict a host: `because` is the reason where it passes, `otherwise(fact)` where not."""
        answers = self.ask(question)
        return Verdicts(tuple(_verdict(one, question, what, passes, because, otherwise) for one in answers))

    def close(self) -> None:
        for shell in self:
            shell.close()
        if self._jumps is not None:  # the whole fleet's: a part of it leaves them open
            self._jumps.close()

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _shell(host: Host, recorder: Recorder, keys: Keys, jumps: Jumps) -> StrictShell:
    if host.is_local:
        return LocalShell(recorder, name=host.name, sudo=host.ssh.sudo)
    return SshShell(host, recorder, keys, jumps)


def _kept(function: Callable[[StrictShell], T], shell: StrictShell) -> T | RunbookError:
    try:
        return function(shell)
    except RunbookError as error:
        return error


def _verdict(answers: HostAnswers, question: Question[Fact], what: str, passes: Callable[[Fact], bool],
             because: str, otherwise: Callable[[Fact], str] | None) -> Verdict:
    if answers.error is not None:
        return Verdict(what, State.FAIL, answers.error.what, answers.host)
    fact = answers[question]
    if isinstance(fact, Unanswered):
        return Verdict(what, State.FAIL, str(fact), answers.host)
    if passes(fact):
        return Verdict(what, State.PASS, because, answers.host)
    reason = otherwise(fact) if otherwise else f"it is otherwise: {fact}"
    return Verdict(what, State.FAIL, reason, answers.host)
