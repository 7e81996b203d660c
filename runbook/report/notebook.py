"""Papermill on one notebook, in a thread of its own: signals stay with the main thread, which judges them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runbook.report.kernel import Kernel, without_iri

CELL_SECONDS = 6 * 3600.0
"""What a single cell may take, where nobody says otherwise: a long load test is one."""

NO_CELL: Mapping[str, object] = {}


class Work(threading.Thread):
    """Runs a notebook in place. When it has ended, `error` is what it raised, or None."""

    def __init__(
        self, notebook: Path, parameters: Mapping[str, object], kernel: Kernel, stop: Callable[[], bool]
    ) -> None:
        super().__init__(name=f"papermill {notebook.stem}", daemon=True)
        self.error: BaseException | None = None
        self.cell = ""  # the first line of the one that runs
        self.cell_began = time.monotonic()
        self._notebook = notebook
        self._parameters = dict(parameters)
        self._kernel = kernel
        self._stop_asked = stop

    def run(self) -> None:
        without_iri()
        import papermill

        try:
            papermill.execute_notebook(
                str(self._notebook),
                str(self._notebook),
                self._parameters,
                kernel_name="python3",
                progress_bar=False,
                execution_timeout=None,  # the chain watches over it: papermill would not say which cell it was
                km=self._kernel.manager,
                on_cell_start=self._between_cells,
            )
        except BaseException as error:  # not swallowed: whoever waits for this thread judges it
            self.error = error

    def _between_cells(self, cell: Mapping[str, object] = NO_CELL, **_: object) -> None:
        """An interrupt that falls between two cells reaches no cell: the next one must not start."""
        if self._stop_asked():
            raise KeyboardInterrupt
        self.cell = str(cell.get("source", "")).strip().partition("\n")[0]
        self.cell_began = time.monotonic()
