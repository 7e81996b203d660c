"""The live panel of a verb in JupyterLab: the board that fills, a button that stops, and what stays of both."""

from __future__ import annotations

import contextvars
import threading
import time
from types import TracebackType

import ipywidgets
from IPython.display import HTML, display

from runbook.follow import Follower
from runbook.show.board import Board
from runbook.show.stop import stop_button

TICK = 0.12  # seconds between two looks at the journal: faster than an eye needs, slower than a browser minds
PATIENCE = 0.7  # seconds before a verb without a plan is worth a board: most questions are answered sooner


class Panel:
    """Entered, it shows the board; left, the board stands as plain HTML in its place, of the same size."""

    def __init__(self, board: Board, follower: Follower, chapter: str, *, at_once: bool) -> None:
        self._board = board
        self._follower = follower
        self._chapter = chapter
        self._patience = 0.0 if at_once else PATIENCE
        self._began = time.monotonic()
        self._over = threading.Event()
        self._page: ipywidgets.HTML | None = None  # made when it is shown: most verbs end before
        self._box: ipywidgets.Box | None = None
        self._handle: object = None
        # What a thread displays belongs to the cell whose context it has.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._go,), name="board", daemon=True)

    def __enter__(self) -> Panel:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        self._read()
        interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        self._board.end("stopped" if interrupted else "failed" if kind else "done")
        if self._handle is not None and self._box is not None:
            self._handle.update(HTML(self._html()))  # type: ignore[attr-defined]
            for widget in (self._box, *self._box.children):
                widget.close()

    def _go(self) -> None:
        """Shows what happens, until the verb has ended; a front end that is gone must not end the verb."""
        while not self._over.wait(TICK):
            self._read()
            if self._page is not None:
                self._page.value = self._html()
            elif time.monotonic() - self._began >= self._patience:
                self._show()

    def _show(self) -> None:
        self._page = ipywidgets.HTML(self._html())
        self._box = ipywidgets.Box([self._page, stop_button()])
        self._box.add_class("rb-live")
        self._handle = display(self._box, display_id=True)

    def _read(self) -> None:
        for line in self._follower.news():
            if line.get("chapter") == self._chapter:
                self._board.news(line)

    def _html(self) -> str:
        return self._board.html(time.monotonic() - self._began)
