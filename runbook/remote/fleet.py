"""The shells of many hosts, asked side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from runbook.remote.beyond import Beyond
from runbook.remote.command import Command, Result
from runbook.remote.errand import answers_of, as_said, ask_there, run_there
from runbook.remote.jump import Jumps
from runbook.remote.keys import Keys
from runbook.remote.local import LocalShell
from runbook.remote.outcomes import Outcomes
from runbook.remote.question import Answers, HostAnswers, Question, Unanswered
from runbook.remote.round import FirstFailure, Round, interrupt
from runbook.remote.shell import Recorder, Sent, SentFolder
from runbook.remote.source import Source
from runbook.remote.ssh import SshShell
from runbook.remote.strict import StrictShell
from runbook.remote.tree import Tree
from runbook.site import Host, Site
from runbook.verdict import State, Verdict, Verdicts

T = TypeVar("T")
Fact = TypeVar("Fact")


class Fleet:
    """Shells in the site's order, at most `at_once` side by side; each connects at its first command."""

    def __init__(self, shells: Sequence[tuple[Host, StrictShell]], *, at_once: int,
                 jumps: Jumps | None = None, beyond: Beyond | None = None) -> None:
        self._shells = tuple(shells)
        self._at_once = at_once
        self._jumps = jumps
        self._beyond = beyond

    @classmethod
    def open(cls, site: Site, *, hosts: Sequence[str] = (), recorder: Recorder, here: bool = False) -> Fleet:
        """The fleet of a site, or of those `hosts`; nothing is reached yet.

        `here`: over this process's own connections, whatever the site says of workers. Raises SiteError for an unknown
        host, UsageError for workers that cannot be.
        """
        wanted = [site.host(name) for name in hosts] or list(site.hosts)
        keys, jumps = Keys(), Jumps()
        chosen = [host for host in site.hosts if host in wanted]
        return cls([(host, _shell(host, recorder, keys, jumps)) for host in chosen], at_once=site.ssh.at_once,
                   jumps=jumps, beyond=Beyond(site, recorder) if site.ssh.spread and not here else None)

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
        return Fleet([(host, shell) for host, shell in self._shells if chosen(host)], at_once=self._at_once,
                     beyond=self._beyond)

    def each(self, function: Callable[[StrictShell], T], *, together: bool = False,
             first_failure: FirstFailure = FirstFailure.GO_ON) -> Outcomes[T]:
        """`function` on every host side by side; an error of the runbook stays with its host.

        `together`: on all of them at once, whatever the site's bound, where what one does is seen by the others.
        `first_failure`: whether the others go on when one fails; those that do not have a LeftOut.
        Any other error is a defect of the function, and is raised when all hosts have ended. On an interrupt, what
        runs on the hosts is stopped. It is this process that speaks to the hosts, whatever the site says of workers.
        """
        if not self._shells:
            return Outcomes({})
        at_once = len(self._shells) if together else min(self._at_once, len(self._shells))
        return Outcomes(Round(tuple(self), function, at_once=at_once, first_failure=first_failure).hold())

    def interrupt(self) -> None:
        """Stops what this process has running on the hosts, side by side."""
        interrupt(tuple(self))

    def carry(self, function: Callable[..., T], data: Mapping[str, tuple[Any, ...]], *, again: bool = False,
              first_failure: FirstFailure = FirstFailure.GO_ON) -> Outcomes[T]:
        """`function(shell, *data[host])` on each host of `data`, as `each`; by the site's workers where it has any.

        The function is one of a module's own, and the data can be pickled. `again`: it changes nothing, so that a host
        whose worker died is given to another one.
        """
        chosen = self.only(*data)
        away = tuple(host.name for host, _ in chosen._shells if self._beyond is not None and not host.is_local)
        found: dict[str, Any] = {}
        if self._beyond is not None and away:
            found |= self._beyond.carry(function, {host: data[host] for host in away}, again, first_failure)
        rest = chosen._where(lambda host: host.name not in away)
        found |= rest.each(lambda shell: function(shell, *data[shell.name]), first_failure=first_failure).by_host
        return Outcomes({host: found[host] for host in chosen.names})

    def run(self, command: Command, *, first_failure: FirstFailure = FirstFailure.GO_ON) -> Outcomes[Result]:
        if self._beyond is None:  # what was said is this process's own, and not masked
            return self.each(lambda shell: shell.run(command), first_failure=first_failure)
        return self.carry(run_there, dict.fromkeys(self.names, (command,)), first_failure=first_failure)

    def put(self, source: Path | bytes, target: str, *, mode: int = 0o644, owner: str | None = None,
            sudo: bool = False) -> Outcomes[Sent]:
        """The same file on every host; it is hashed once. Raises UsageError where it cannot be read."""
        what = Source.readable(source)
        return self.each(lambda shell: shell.put(what, target, mode=mode, owner=owner, sudo=sudo))

    def put_folder(self, source: Path, target: str, *, owner: str | None = None,
                   sudo: bool = False) -> Outcomes[SentFolder]:
        """The same folder on every host; it is read and hashed once. Raises UsageError where it cannot be read."""
        tree = Tree.readable(source)
        return self.each(lambda shell: shell.put_folder(tree, target, owner=owner, sudo=sudo))

    def ask(self, *questions: Question) -> Answers:
        """Every question to every host, one round trip a host."""
        if self._beyond is None:
            return Answers(tuple(self.each(lambda shell: shell.ask(*questions)).values()))
        asked = self.carry(ask_there, dict.fromkeys(self.names, tuple(as_said(one) for one in questions)), again=True)
        return Answers(tuple(answers_of(host, asked.by_host[host], questions) for host in asked))

    def judge(self, question: Question[Fact], *, what: str, passes: Callable[[Fact], bool], because: str,
              otherwise: Callable[[Fact], str] | None = None) -> Verdicts:
        """Asks anew, one verdict a host: `because` is the reason where it passes, `otherwise(fact)` where not."""
        answers = self.ask(question)
        return Verdicts(tuple(_verdict(one, question, what, passes, because, otherwise) for one in answers))

    def close(self) -> None:
        for shell in self:
            shell.close()
        if self._jumps is not None and self._beyond is not None:
            self._beyond.close()
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
