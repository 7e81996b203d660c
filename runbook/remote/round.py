"""One function on many hosts side by side, and what a failure on one of them means for the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from enum import StrEnum
from typing import Generic, TypeVar

from runbook.errors import Interrupted, LeftOut, RunbookError
from runbook.remote.strict import StrictShell

T = TypeVar("T")


class FirstFailure(StrEnum):
    """What becomes of the other hosts when the first one fails. The words are those of a site file."""

    GO_ON = "go-on"                       # nothing: one host's failure is no other's
    STOP_STARTING = "stop-starting"       # what runs is let to its end, nothing more is begun
    STOP = "stop"                         # what runs is stopped too, on the hosts


class Round(Generic[T]):
    """`function` on these shells, at most `at_once` side by side. It is held once."""

    def __init__(self, shells: Sequence[StrictShell], function: Callable[[StrictShell], T], *, at_once: int,
                 first_failure: FirstFailure) -> None:
        self._shells = tuple(shells)
        self._function = function
        self._at_once = at_once
        self._policy = first_failure
        self._deciding = threading.Lock()
        self._failed = ""                 # the first host that failed, where that stops others

    def hold(self) -> Mapping[str, T | RunbookError]:
        """What each host returned, or its error, in the order of the shells.

        Any error that is none of the runbook's is a defect of the function, and is raised when all hosts have ended.
        On an interrupt, what runs on the hosts is stopped.
        """
        pool = ThreadPoolExecutor(self._at_once, thread_name_prefix="host")
        futures: dict[str, Future[T | RunbookError]] = {}
        try:
            futures |= {shell.name: pool.submit(self._on, shell) for shell in self._shells}
            wait(futures.values())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            interrupt(self._shells)
            raise
        finally:
            pool.shutdown(wait=True)
            for shell in self._shells:
                shell.go_on()
        return {name: future.result() for name, future in futures.items()}

    def _on(self, shell: StrictShell) -> T | RunbookError:
        if self._failed:
            return not_begun(shell.name, self._failed)
        try:
            return self._function(shell)
        except Interrupted as error:
            if not self._failed:          # a person's interrupt, not ours
                return error
            return stopped_for(shell.name, self._failed, error)
        except RunbookError as error:
            self._stop_for(shell)
            return error
        except BaseException:
            self._stop_for(shell)
            raise

    def _stop_for(self, shell: StrictShell) -> None:
        """In the failing host's own thread: the pool would have begun the next host before anybody else looked."""
        with self._deciding:
            if self._failed or self._policy is FirstFailure.GO_ON:
                return
            self._failed = shell.name
        if self._policy is FirstFailure.STOP:
            interrupt([other for other in self._shells if other is not shell])


def not_begun(host: str, failed: str) -> LeftOut:
    """What a host has that was not begun, since another had failed."""
    return LeftOut(host, f"not begun, since {failed} failed", next=_then_again(failed))


def stopped_for(host: str, failed: str, error: Interrupted) -> LeftOut:
    """What a host has whose work was stopped, since another had failed."""
    return LeftOut(host, f"stopped, since {failed} failed: {error.what.removeprefix(host)}", next=_then_again(failed),
                   tail=error.tail)


def _then_again(failed: str) -> str:
    return f"mend {failed}, then run it again on all: what is as wanted already is not done twice"


def interrupt(shells: Sequence[StrictShell]) -> None:
    """Stops what this process has running on the hosts, side by side."""
    with ThreadPoolExecutor(max(len(shells), 1)) as pool:
        for shell in shells:
            pool.submit(shell.interrupt)
