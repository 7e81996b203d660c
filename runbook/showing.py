"""Whether a person watches this cell, and what is shown to one: a live board beside the same verbs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from runbook.contents import Title
from runbook.plan import Plans
from runbook.remote.secret import KNOWN


def explain_missing_names(title: Title) -> None:
    """Where a person watches, a name that no cell has made yet is explained: cells were run out of order.

    The traceback stays IPython's; what to do next is added to it as a note. Without a watcher nothing is changed.
    """
    if not watched():
        return

    def explain(shell: Any, kind: type[BaseException], error: NameError, trace: Any, tb_offset: Any = None) -> None:
        error.add_note(f"`{error.name}` is made by an earlier cell of {title.name}, which has not been run in this "
                       "kernel\n  next: run the cells above in their order; what was done is seen and not done twice")
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    sys.modules["IPython"].get_ipython().set_custom_exc((NameError,), explain)


def watched() -> bool:
    """Whether the running cell was sent by a front end that a person sits at, as JupyterLab is.

    Such a front end names the cell in its request (`cellId` in the metadata of execute_request, JupyterLab since 3);
    papermill, nbclient and nbval send none, and what they store stays the same.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None  # type: ignore[attr-defined]
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    request = kernel.get_parent("shell") or {}
    return bool(request.get("metadata", {}).get("cellId"))


@contextlib.contextmanager
def showing(title: Title, verb: str, journal: Path, hosts: Sequence[str], what: object,
            done: Sequence[str]) -> Iterator[None]:
    """While it is entered, whoever watches sees what each host does; nobody watches: nothing at all happens."""
    if not watched():
        yield
        return
    from runbook.follow import Follower
    from runbook.show.board import Board
    from runbook.show.panel import Panel

    plans = what if isinstance(what, Plans) else None
    steps = {host: [KNOWN.mask(step.why) for step in plan] for host, plan in plans.items()} if plans else {}
    board = Board(title.title, verb, hosts, steps, done)
    with Panel(board, Follower(journal), title.name, at_once=plans is not None and not plans.empty):
        yield
