"""A chapter while it runs: the five verbs, each recorded, and none after a failed one."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeVar

from runbook import targets
from runbook.claims.hearing import hear
from runbook.claims.judge import row
from runbook.consent import Consent
from runbook.contents import Title
from runbook.errors import Blocked, ChapterFailed, ChapterStopped, DoneAlready, RunbookError, tell_interrupt, together
from runbook.hold import Hold
from runbook.lasting import Earlier, EarlierClaims, known_as
from runbook.perform import perform_there
from runbook.plan import Plans
from runbook.position import position, present, states_in
from runbook.remote.fleet import Fleet
from runbook.remote.question import Question
from runbook.remote.round import FirstFailure
from runbook.remote.shell import Shell
from runbook.run import Artifact, Run, who
from runbook.show.bricks import Contents, card
from runbook.showing import showing
from runbook.site import Host, Site
from runbook.targets import Target
from runbook.verdict import Basis, Verdict, Verdicts, overall, skipped
from runbook.views import Acted, Heard, Judged, Observed, Recorded

Value = TypeVar("Value")


class Chapter:
    """One chapter of one run; `runbook.open_chapter` makes it."""

    def __init__(self, title: Title, run: Run, fleet: Fleet, *, check: bool, confirm: str,
                 options: Mapping[str, object]) -> None:
        self.title = title
        self.run = run
        self.check = check
        self.options = options
        self.fleet = fleet
        self.position = position(title, run.name, run.entries())
        self._consent = Consent(run.site, title.name, confirm, run.journal, who())
        self._verdicts = Verdicts()
        self._claims: dict[str, int] = {}
        self._pending = False
        self._hold = Hold(run.name, who(), fleet, run.journal)
        self._stopped_by: BaseException | None = None
        self._started = time.monotonic()
        run.journal.chapter = title.name
        self._since = 0  # the line at which the present verb began
        self._begin: int | None = run.journal.begin("chapter", parameters={"check": check, **options})
        self.earlier = Earlier(run, title.name, self._begin)

    @property
    def name(self) -> str:
        return self.title.name

    @property
    def site(self) -> Site:
        return self.run.site

    @cached_property
    def target(self) -> Target:
        return targets.load_target(self.site.target)

    @cached_property
    def local(self) -> Shell:
        """The machine that runs the runbook, recorded like any host."""
        from runbook.remote.local import LocalShell

        return LocalShell(self.run.journal)

    def __repr__(self) -> str:
        mode = "check, nothing is changed" if self.check else "act"
        return f"{self.title.title} on {self.site.name}: {len(self.fleet.names)} hosts, {mode}"

    def _repr_html_(self) -> str:
        return card(self.position, repr(self), present())

    @property
    def contents(self) -> Contents:
        """Every chapter and its state in this run, as the journal has it now."""
        return Contents(states_in(self.run.entries()))

    def hosts_with(self, role: str) -> tuple[Host, ...]:
        """The hosts of a role among those that this chapter works on."""
        return tuple(host for host in self.site.hosts_with(role) if host.name in self.fleet.names)

    def artifact(self, name: str) -> Artifact:
        return self.run.artifact(name)

    def basis_for(self, host: str) -> Basis:
        """Native where the host's machine is the target's own, else emulated."""
        machine = self.run.facts("uname").get(host, {}).get("machine")
        return Basis.NATIVE if machine in self.target.names.uname else Basis.EMULATED

    # The verbs, in their order.

    def observe(self, *what: Question | Callable[[Chapter], Value], fleet: Fleet | None = None) -> Observed | Value:
        """Asks questions of every host, or calls one function of this chapter; the answers become facts."""
        with self._verb("observe", what[0] if what else None):
            if len(what) == 1 and not isinstance(what[0], Question):
                value = what[0](self)
                self.note("observed", str(value))
                return value
            answers = (fleet or self.fleet).ask(*what)
            for one in answers:
                for question, fact in one.facts.items():
                    told = {"question": question.name, "fact": fact, "text": str(fact)}
                    self.run.journal.write("note", host=one.host, about="fact", **told)
            if answers.errors:
                raise together(answers.errors.values())
            return Observed(answers)

    def decide(self, function: Callable[..., Value], seen: object, *wanted: object) -> Plans | Value:
        """What to do about what was seen; pure, nothing is asked again.

        For what all hosts answered, a plan for each: `function(answers of the host, *wanted)`. For any other
        value `function(seen, *wanted)` itself.
        """
        with self._verb("decide"):
            if not isinstance(seen, Observed):
                value = function(seen, *wanted)
                self.note("decided", str(value))
                return value
            plans = Plans({one.host: function(one, *wanted) for one in seen})
            for host, plan in plans.items():
                told = {"plan": plan.to_dict(), "diff": plan.diff, "because": plan.because}
                self.run.journal.write("note", host=host, about="plan", **told)
            return plans

    def act(self, plans: Plans | Callable[..., Value], *wanted: object) -> Acted | Value:
        """Applies the plans host by host under each host's lock; in check mode only says what is pending.

        A function instead of plans is called as `function(chapter, *wanted)`: it makes something on the machine
        that runs the runbook, in the run's own folder, and changes no host.
        """
        with self._verb("act", plans):
            if not isinstance(plans, Plans):
                value = plans(self, *wanted)
                self.note("made", str(value))
                self._pending = self._pending or bool(getattr(value, "pending", False))
                return value
            hosts = [host for host, plan in plans.items() if plan]
            if hosts and not self.check:
                self.take_hosts(hosts)
            outcomes = self.fleet.carry(
                perform_there, {host: (plan, self.run.name, self.check) for host, plan in plans.items()},
                first_failure=FirstFailure(self.site.ssh.first_failure))
            done = outcomes.values()
            self._pending = self._pending or any(one.state == "pending" for one in done)
            return Acted({one.host: one.state for one in done}, {one.host: one.changed for one in done})

    def verify(self, function: Callable[..., Verdicts], *wanted: object) -> Judged:
        """Looks again with fresh questions: `function(chapter, *wanted)`; each verdict is recorded."""
        with self._verb("verify", function):
            more: dict[str, object] = {}
            if self._pending:
                verdicts = Verdicts((skipped(self.title.asks, "check mode: the changes above are pending"),))
            elif told := self.earlier.verdicts(function):
                verdicts, more["taken_over"] = told
            else:
                verdicts = function(self, *wanted)
            self._verdicts += self._journalled(verdicts, **more)
            return Judged(verdicts)

    def judge(self, evidence: object) -> Heard:
        """Every claim of this chapter that the evidence decides: *article says / measured here*."""
        told = isinstance(evidence, EarlierClaims)
        with self._verb("judge", evidence):
            heard = evidence.claims if told else tuple(hear(self.name, evidence))
            for claim, judgement in heard:
                line = row(claim, judgement)
                self.run.journal.write("claim", **line, **({"taken_over": evidence.taken_over} if told else {}))
                self._claims[line["state"]] = self._claims.get(line["state"], 0) + 1
            return Heard(heard)

    def record(self) -> Recorded:
        """Ends the chapter; raises ChapterFailed where a verdict does not hold."""
        with self._verb("record"):
            state = str(overall(verdict.state for verdict in self._verdicts))
            wrong = [verdict for verdict in self._verdicts if not verdict.ok]
            reason = str(wrong[0]) if wrong else self.earlier.reason
            self._end(state, reason)
            if wrong:
                count = f"{len(wrong)} of {len(self._verdicts)} verdicts do not hold"
                raise ChapterFailed(f"{self.name}: {count}: {reason}",
                                    next=f"see the verdicts above; `runbook status {self.run.name}`")
            return Recorded(self.name, state, dict(self._claims))

    def take_hosts(self, hosts: Sequence[str]) -> None:
        """Makes sure that these hosts may be changed now: confirmed where the site is protected, and locked.

        Raises NotConfirmed, DoneAlready, LockHeld and the errors of a host.
        """
        self._consent.ask()
        self._hold.take(hosts)

    def note(self, about: str, text: str) -> None:
        """A line in the journal that is neither fact nor verdict."""
        self.run.journal.write("note", about=about, text=text)

    # What holds the verbs together.

    @contextlib.contextmanager
    def _verb(self, verb: str, what: object = None) -> Iterator[None]:
        if self._stopped_by is not None:
            raise ChapterStopped(f"{self.name}: `{verb}` refuses, since an earlier verb failed",
                                 next="mend what is said above, then run from the parameters cell")
        if self._begin is None:
            raise ChapterStopped(f"{self.name}: `{verb}` after record: this chapter has ended",
                                 next="run the notebook from its parameters cell")
        self._since = self.run.journal.write("note", about="verb", text=verb, function=known_as(what))
        self._consent.begin(verb, what)
        try:
            with showing(self.title, verb, self.run.journal.path, self.fleet.names, what, self._consent.done):
                yield
            if self._begin is not None:  # after `record` the chapter's own end says it
                self._consent.end()
        except DoneAlready:  # nothing was done: the chapter stands where it stood
            raise
        except RunbookError as error:
            self._stopped_by = error
            if self._begin is not None:
                self._end("blocked" if error.exit_code == Blocked.exit_code else "fail", str(error))
            raise
        except KeyboardInterrupt as error:
            self.note("interrupted", verb)
            self.let_go()
            tell_interrupt(error, verb)
            raise
        except Exception as error:
            self._stopped_by = error
            self._end("fail", f"{type(error).__name__}: {error}")
            raise

    def _journalled(self, verdicts: Verdicts, **more: object) -> Iterator[Verdict]:
        for verdict in verdicts:
            span = verdict.journal or (self._since, self.run.journal.last)
            self.run.journal.write("verdict", verdict.host, **verdict.to_dict(), span=span, **more)
            yield verdict

    def let_go(self) -> None:
        """Releases the locks of this chapter; a host that went away keeps its own until it expires."""
        self._hold.let_go()

    def _end(self, state: str, reason: str) -> None:
        self.let_go()
        assert self._begin is not None
        seconds = round(time.monotonic() - self._started, 3)
        self.run.journal.end(self._begin, state=state, reason=reason, seconds=seconds)
        self._begin = None
        self.run.journal.chapter = None
        self.fleet.close()
