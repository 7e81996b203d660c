"""Sending: the sender's command and the looks at the targets, side by side, with a user that is there meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from runbook.chapter import Chapter
from runbook.chapters.load.closed_loop import ask, parse_asked
from runbook.chapters.load.effort import look, parse_effort
from runbook.chapters.load.measured import Closed, Meanwhile, Opened
from runbook.chapters.load.open_loop import parse_sent, send
from runbook.chapters.load.programs import build_driver
from runbook.chapters.load.schedule import Schedule
from runbook.chapters.temporary_user import TemporaryUser
from runbook.errors import RunbookError
from runbook.remote.command import Command
from runbook.remote.shell import Shell

T = TypeVar("T")
CHECK = "check mode: no load is sent"


def open_loop(chapter: Chapter, wanted: Schedule, machine: str) -> Opened:
    """Sends at fixed times. `machine` is the sender's own name for its machine: the driver is built for that.

    Raises NotConfirmed and LockHeld before anything is sent, BuildFailed, and what the sender raises.
    """
    if chapter.check:
        return Opened(why=CHECK)
    driver = build_driver(chapter.site, machine, chapter.local)
    with _user(chapter, wanted):
        text, meanwhile = _side_by_side(chapter, wanted, send(wanted, driver.path), wanted.open_seconds)
    return Opened(_read(parse_sent, text, wanted), meanwhile)


def closed_loop(chapter: Chapter, wanted: Schedule, wrk: str) -> Closed:
    """Asks as fast as answers come. `wrk` is its path on the sender; empty: it has none. Raises as `open_loop` does."""
    if chapter.check:
        return Closed(why=CHECK)
    if not wrk:
        return Closed(without=f"{wanted.sender.name} has no wrk")
    with _user(chapter, wanted):
        text, meanwhile = _side_by_side(chapter, wanted, ask(wanted), wanted.closed_seconds)
    return Closed(_read(parse_asked, text, wanted), meanwhile)


def _read(parse: Callable[[str, Schedule], T], text: str, wanted: Schedule) -> T:
    try:
        return parse(text, wanted)
    except (ValueError, KeyError) as error:
        raise RunbookError(f"{wanted.sender.name}: what the load's program said cannot be read: {error!r}",
                           next="the whole of it is in the run's logs/, at the last command of this chapter") from error


def _side_by_side(chapter: Chapter, wanted: Schedule, sending: Command, lasting: float) -> tuple[str, Meanwhile]:
    """The sender's output, and what was seen of the targets; a target that cannot be looked at is no reason to stop."""
    hosts = [wanted.sender.name, *(host.name for host in wanted.targets)]

    def act(shell: Shell) -> str:
        return shell.run(sending if shell.name == wanted.sender.name else look(wanted.port, lasting)).text

    outcomes = chapter.fleet.only(*hosts).each(act, together=True)  # a look that waits for its turn sees no load
    after = chapter.fleet.only(*hosts[1:]).each(lambda shell: shell.run(look(wanted.port, 0)).text)
    unseen: dict[str, str] = {}
    efforts = []
    for host in hosts[1:]:
        try:
            efforts.append(parse_effort(outcomes[host], host).until(parse_effort(after[host], host)))
        except (RunbookError, ValueError, IndexError) as error:
            unseen[host] = getattr(error, "what", "") or f"its answer cannot be read: {error}"
    return outcomes[wanted.sender.name], Meanwhile(tuple(efforts), unseen)


@contextmanager
def _user(chapter: Chapter, wanted: Schedule) -> Iterator[None]:
    """A user to be read, for as long as the load lasts; the hosts are held, so that nobody changes them meanwhile."""
    chapter.take_hosts([wanted.sender.name, *(host.name for host in wanted.targets)])
    with TemporaryUser(chapter, wanted.targets[0], wanted.port, wanted.user, "read by the load test"):
        yield
