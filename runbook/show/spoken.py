"""What a kernel says to its notebook: outputs, errors and widgets, each through the mask for secrets."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from runbook.remote.secret import KNOWN


def mask_what_is_said() -> None:
    """In a notebook's kernel, once: a secret that a cell shows, or an error quotes, is `***` in the notebook too.

    Does nothing outside of a kernel.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None  # type: ignore[attr-defined]
    session = getattr(getattr(shell, "kernel", None), "session", None)
    if session is None or isinstance(session.pack, Masked):
        return
    session.pack = Masked(session.pack)


class Masked:
    """Packs a part of a message as it was packed before, with every text in it masked."""

    def __init__(self, pack: Callable[[Any], bytes]) -> None:
        self._pack = pack

    def __call__(self, part: Any) -> bytes:
        return self._pack(part if _is_header(part) else masked(part))


def masked(value: Any) -> Any:
    """The same value with every text in it masked; keys stay, since others know them by name."""
    if isinstance(value, str):
        return KNOWN.mask(value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    return value


def _is_header(part: Any) -> bool:
    """Names and numbers of messages, by which the two sides find each other's."""
    return isinstance(part, dict) and "msg_id" in part
