"""A command from its line to its end: watched over on both sides, and stopped whole when it may not go on."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from runbook.errors import Interrupted, RemoteError
from runbook.remote import line
from runbook.remote.command import Command
from runbook.remote.exchange import Exchange, Feed, pieces
from runbook.remote.holdback import interrupts_held_back
from runbook.remote.secret import Secret

MARGIN = 2.0
"""Seconds that our side waits longer than the host's timeout(1), so that the host's comes first."""

TIMED_OUT = 124
"""timeout(1) of coreutils: the limit passed."""

KILLED = -9


@dataclass(frozen=True)
class Ended:
    """How a command ended; outputs are whole, without the header."""

    exit_code: int | None                 # negative: the signal; None: the connection was lost
    stdout: bytes
    stderr: bytes
    seconds: float
    begun: bool                           # whether login shell and sudo let it begin
    late: bool = False                    # the limit passed
    stopped: bool = True                  # where it was late: nothing of it runs any more
    interrupted: bool = False             # somebody stopped it from our side


class Progress(Protocol):
    """How far a command of many parts is, of which each has its limit."""

    tick: float                           # seconds between two looks

    def take(self, data: bytes) -> None:
        """Sees its stdout."""

    def overdue(self, begun: float) -> bool:
        """Whether it is to be stopped; `begun` is the monotonic time at which it began."""


class Running(ABC):
    """Sends commands to one host and waits for them; subclasses bring the transport."""

    def __init__(self, *, sudo: bool) -> None:
        self._sudo = sudo                 # whether changes go through sudo -n here
        self._watched: bool | None = None  # whether the host has a timeout(1) of use; None: no command yet
        self._on_their_way: dict[Exchange, bool] = {}
        self._interrupted = False

    @property
    def uses_sudo(self) -> bool:
        """Whether what wants root goes through `sudo -n` here."""
        return self._sudo

    @abstractmethod
    def _send(self, sent: line.Line, received: line.Received, feed: Feed, *, spare: bool = False) -> Exchange:
        """Sends a line; a `spare` one waits for no other. Raises Unreachable and its kin, ConnectionLost."""

    @abstractmethod
    def _reach(self) -> None:
        """Has the host at hand before a command is sent: that may take its time, and can be interrupted."""

    def carry_out(self, command: Command, *, feed: Feed = None, sink: line.Sink | None = None,
                  err_sink: line.Sink | None = None, progress: Progress | None = None) -> Ended:
        """Runs it, unrecorded and unjudged. Raises UsageError, Unreachable and its kin, ConnectionLost, Interrupted.

        On KeyboardInterrupt nothing of it is left running on the host.
        """
        self._refuse_where_interrupted()
        stdin = command.stdin.reveal().encode() if isinstance(command.stdin, Secret) else command.stdin
        if stdin is not None:
            feed = pieces(stdin)
        sudo = command.sudo and self._sudo
        sent = line.compose(command.words, limit=command.limit, sudo=sudo, stdin=feed is not None,
                            watched=self._watched)
        received = line.Received(sent.mark, sink, err_sink, progress and progress.take)
        self._reach()
        before = time.monotonic()
        exchange: Exchange | None = None
        try:
            with interrupts_held_back():
                exchange = self._send(sent, received, feed)
                self._on_their_way[exchange] = sudo
            start, stopped = time.monotonic(), True
            self._refuse_where_interrupted()
            late = not _wait(exchange, command.limit, progress)
            ended = time.monotonic()
            seconds = ended - start
            if late:
                stopped = self._stop(exchange, sudo)
            # From before it was sent: on a loaded machine the host's clock for it may start before ours does.
            elif received.watched and exchange.exit_code in (TIMED_OUT, KILLED) and ended - before >= command.limit:
                late = True
                # timeout(1) leaves when its child has; others of the group may still be there.
                stopped = self.tell(("sh", "-c", line.SWEEP, "sh", str(received.pid)), sudo=sudo)
        except BaseException:
            if exchange is not None:
                self._stop(exchange, sudo)
            raise
        finally:
            if exchange is not None:
                self._on_their_way.pop(exchange, None)
                exchange.close()
        if received.begun:
            self._watched = received.watched
        return Ended(exchange.exit_code, received.stdout, received.stderr, seconds, received.begun,
                     late=late, stopped=stopped, interrupted=self._interrupted)

    def interrupt(self) -> None:
        """Stops whatever runs now and refuses more; who waits in another thread gets it as stopped."""
        self._interrupted = True
        for exchange, sudo in list(self._on_their_way.items()):
            exchange.wake()
            self._stop(exchange, sudo, wait=time.sleep)

    def go_on(self) -> None:
        """Lets commands run again after `interrupt`."""
        self._interrupted = False

    def _refuse_where_interrupted(self) -> None:
        if self._interrupted:
            raise Interrupted("the run was interrupted, nothing more is begun", next="run the chapter again")

    def _stop(self, exchange: Exchange, sudo: bool, wait: Callable[[float], object] | None = None) -> bool:
        """Ends a command's process group; True where that is known to be done.

        `wait` is for whoever does not do the reading: the pid comes with what is read.
        """
        until = time.monotonic() + MARGIN
        while not exchange.received.begun and time.monotonic() < until:
            if (wait or exchange.pump)(0.01):
                return True
        if not exchange.received.begun:
            return False
        return self.tell(("sh", "-c", line.STOP, "sh", str(exchange.received.pid)), sudo=sudo,
                         meanwhile=exchange.pump if wait is None else None)

    def tell(self, words: Sequence[str], *, sudo: bool, meanwhile: Callable[[float], object] | None = None) -> bool:
        """Has a short command done that stops others: unrecorded, over a session that is kept for it, and where the
        run is interrupted too. Whether it is known to have exited with 0."""
        limit = 2 * line.KILL_AFTER
        sent = line.compose(words, limit=limit, sudo=sudo, stdin=False, watched=False)
        received = line.Received(sent.mark)
        try:
            with interrupts_held_back():
                exchange = self._send(sent, received, None, spare=True)
        except RemoteError:
            return False
        until = time.monotonic() + limit
        try:
            while not (ended := exchange.pump(0.1)) and time.monotonic() < until:
                if meanwhile is not None:
                    meanwhile(0)  # a child of this process is in its group until somebody has waited for it
            return ended and exchange.exit_code == 0
        finally:
            exchange.close()


def _wait(exchange: Exchange, limit: float, progress: Progress | None) -> bool:
    """Whether it ended in time: the host's own watch over it may take until it has killed."""
    start = time.monotonic()
    longest = limit + line.KILL_AFTER + MARGIN
    until, begun = start + limit, None
    while not exchange.pump(max(min(until - time.monotonic(), progress.tick if progress else limit), 0)):
        now = time.monotonic()
        if begun is None and exchange.received.begun:
            begun = now
        if progress is not None and begun is not None and progress.overdue(begun):
            return False
        if now < until:
            continue
        if begun is not None and not exchange.received.watched:
            return False
        until = longest + (start if begun is None else begun)
        if now >= until:
            return False
    return True
