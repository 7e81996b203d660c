"""SIGINT, SIGTERM and SIGHUP as a value that is asked, so that everything can still be closed."""

from __future__ import annotations

import signal
import threading
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """While entered, signals are counted instead of raised: the first asks to stop, a second insists."""

    def __init__(self) -> None:
        self.count = 0
        self.by = ""
        self._before: dict[int, object] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._seen) for number in SIGNALS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def __bool__(self) -> bool:
        return self.count > 0

    def _seen(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.by = self.by or signal.Signals(number).name
