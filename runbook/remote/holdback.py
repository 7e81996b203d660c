"""An interrupt held back for the moment in which a command is on its way and nobody could stop it yet."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """What a signal's handler would do now it does at the end of the `with`: one that raises there, as Python's own
    does, may raise between any two steps, and leaves a lock of paramiko's held for good or a command unknown.

    Only the main thread runs handlers, so in any other there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, object]] = []
    before = {number: handler for number in ENDS if callable(handler := signal.getsignal(number))}
    for number in before:
        signal.signal(number, lambda number, frame: came.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in came:
            before[number](number, frame)
